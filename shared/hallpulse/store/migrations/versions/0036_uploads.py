"""Tables that people upload in the page, and drafts of the catalogue"""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "uploads",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("region", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="figures, cases or catalogue"),
        sa.Column("hall", sa.Text(), nullable=False),
        sa.Column("department", sa.Text(), nullable=True, comment="whose figures alone it may declare"),
        sa.Column("own_hall", sa.Boolean(), nullable=False, comment="sent by the hall: only its figures are shown"),
        sa.Column("plan_codes", sa.Boolean(), nullable=False, comment="departments get the plan's codes"),
        sa.Column("owner", sa.Text(), nullable=False, comment="account, or name of a token"),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="of the file, as its sender has it"),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen", sa.DateTime(timezone=True), nullable=False, comment="when its work last showed a sign"),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False, comment="rows walked through"),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True, comment="none once it was imported"),
        sa.Column("answers", sa.LargeBinary(), nullable=False, comment="JSON"),
        sa.Column("told", sa.LargeBinary(), nullable=True, comment="JSON: what was understood"),
        sa.Column("versions", sa.LargeBinary(), nullable=True, comment="events of a catalogue, one a line"),
        sa.Column("rejected", sa.LargeBinary(), nullable=True, comment="rows not taken in, as csv"),
        sa.Column("result", sa.LargeBinary(), nullable=True, comment="JSON: rows and events of the import"),
        sa.Column("why_zh", sa.Text(), nullable=False),
        sa.Column("why_en", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("uploads_of", "uploads", ["owner", "id"])
    op.create_index(
        "uploads_one_at_a_time", "uploads", ["owner"], unique=True,
        postgresql_where=sa.text("state IN ('waiting', 'reading', 'importing')"),
    )  # fmt: skip
    op.create_table(
        "drafts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("region", sa.Integer(), nullable=False),
        sa.Column("department", sa.Text(), nullable=True, comment="whose items alone it changes"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("upload", sa.BigInteger(), nullable=True, comment="as which it was handed on"),
        sa.Column("asked", sa.LargeBinary(), nullable=False, comment="JSON: the day and the changes"),
        sa.Column("told", sa.LargeBinary(), nullable=False, comment="JSON: figures and targets before and after"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("drafts_of", "drafts", ["region", "id"])


def downgrade() -> None:
    op.drop_table("drafts")
    op.drop_table("uploads")
