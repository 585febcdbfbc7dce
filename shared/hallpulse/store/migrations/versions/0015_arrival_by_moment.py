"""When an event arrived to a hundredth of a second, and events by their times: for figures as they were, as known"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "events",
        sa.Column(
            "arrived_cs", sa.SmallInteger(), nullable=False, server_default=sa.text("0"),
            comment="hundredths of a second into that minute",
        ),
    )  # fmt: skip
    op.create_index(
        "events_times", "events", ["arrived", "time"],
        postgresql_using="brin", postgresql_with={"pages_per_range": 32, "autosummarize": True},
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("events_times", "events")
    op.drop_column("events", "arrived_cs")
