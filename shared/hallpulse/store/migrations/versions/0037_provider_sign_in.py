"""Sign-in by a provider: whom it calls a person of ours, and how a session began"""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("accounts", sa.Column("issuer", sa.Text(), comment="the provider that knows its person"))
    op.add_column("accounts", sa.Column("subject", sa.Text(), comment="what the provider calls that person"))
    op.create_index("accounts_linked", "accounts", ["issuer", "subject"], unique=True)
    op.add_column(
        "sessions",
        sa.Column("way", sa.Text(), server_default="password", nullable=False, comment="password or provider"),
    )


def downgrade() -> None:
    op.drop_column("sessions", "way")
    op.drop_index("accounts_linked", "accounts")
    op.drop_column("accounts", "subject")
    op.drop_column("accounts", "issuer")
