"""How many of a hall's events arrived days late"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "hall_days",
        sa.Column(
            "late",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="events that arrived over a day after",
        ),
    )


def downgrade() -> None:
    op.drop_column("hall_days", "late")
