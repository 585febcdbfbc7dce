"""Cases are found by the day of acceptance first: new ones then share pages of the index, whatever their item"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("cases_item", "cases")
    op.create_index("cases_accepted", "cases", ["region", "accepted", "item_code"])


def downgrade() -> None:
    op.drop_index("cases_accepted", "cases")
    op.create_index("cases_item", "cases", ["region", "item_code", "accepted"])
