"""Region codes that change: dated successors, with the decree and the reason"""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "successions",
        sa.Column("region", sa.Integer(), nullable=False),
        sa.Column("successor", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False, comment="the first day of the successor"),
        sa.Column("ends", sa.Boolean(), nullable=False, comment="whether the region's own code ends on that day"),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("region", "successor"),
    )


def downgrade() -> None:
    op.drop_table("successions")
