"""People: their accounts, and the sessions in which they are signed in"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("name", sa.Text(), nullable=False, comment="with which its person signs in"),
        sa.Column("person", sa.Text(), nullable=False, comment="who it is, as the audit and the pages show it"),
        sa.Column("role", sa.Text(), nullable=False, comment="bureau, department, hall, leader or operator"),
        sa.Column("region", sa.Integer(), comment="none for all regions"),
        sa.Column("hall", sa.Text()),
        sa.Column("department", sa.Text()),
        sa.Column("password", sa.Text(), nullable=False, comment="argon2id, with salt and cost"),
        sa.Column("one_time", sa.Boolean(), nullable=False, comment="the password must be changed first"),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False, comment="wrong passwords in a row"),
        sa.Column("locked_until", sa.DateTime(timezone=True)),
        sa.Column("added", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("disabled", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "sessions",
        sa.Column("id_hash", sa.Text(), nullable=False, comment="SHA-256 of the cookie's value, hexadecimal"),
        sa.Column(
            "seen",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="what its person did last, to the minute",
        ),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("began", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id_hash"),
    )
    op.create_index("sessions_account", "sessions", ["account"])


def downgrade() -> None:
    op.drop_table("sessions")
    op.drop_table("accounts")
