"""Stored events that came again: how often, and when last"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None
changes_ingest = True


def upgrade() -> None:
    op.create_table(
        "sent_again",
        sa.Column("region", sa.Integer(), nullable=False),
        sa.Column("hall", sa.Text(), nullable=False),
        sa.Column("id", sa.LargeBinary(), nullable=False, comment="as in events"),
        sa.Column("times", sa.Integer(), nullable=False, comment="after the first"),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("region", "hall", "id"),
    )
    op.create_index("sent_again_last", "sent_again", ["region", "hall", "last_at"])


def downgrade() -> None:
    op.drop_table("sent_again")
