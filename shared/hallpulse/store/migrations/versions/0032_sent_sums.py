"""Daily sums that were sent to the suite above, with the revision of each"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0030"
branch_labels = None
depends_on = None

_COUNTS = ("accepted", "rejected", "unified_accepted", "full_process_accepted", "decided", "instant_decided")


def upgrade() -> None:
    op.create_table(
        "sent_sums",
        sa.Column("region", sa.Integer(), nullable=False),
        sa.Column("hall", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False) for name in _COUNTS),
        sa.PrimaryKeyConstraint("region", "hall", "day"),
    )


def downgrade() -> None:
    op.drop_table("sent_sums")
