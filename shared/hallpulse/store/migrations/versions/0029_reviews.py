"""Monthly reports seen or returned by the bureau"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0029"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "figure_reviews",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("region", sa.Integer(), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False, comment="YYYY-MM"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False, comment="seen or returned"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("revisions", JSONB(), nullable=False, comment="indicator -> the revision that was judged"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("figure_reviews_of", "figure_reviews", ["region", "month", "department"])


def downgrade() -> None:
    op.drop_table("figure_reviews")
