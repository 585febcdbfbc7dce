"""Cases that took more than three days, by the day on which they were decided: for percentiles"""

from alembic import op
from sqlalchemy import text

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "cases_slow", "cases", ["region", "decided", "elapsed"], postgresql_where=text("timed AND elapsed > 3")
    )


def downgrade() -> None:
    op.drop_index("cases_slow", "cases")
