"""Cases of an item from a day on: those that a changed version touches"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("cases_item", "cases")
    op.create_index("cases_item", "cases", ["region", "item_code", "accepted"])


def downgrade() -> None:
    op.drop_index("cases_item", "cases")
    op.create_index("cases_item", "cases", ["region", "item_code"])
