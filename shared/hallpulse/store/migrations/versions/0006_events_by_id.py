"""The key of events begins with the id: ids in order of time go to the end of its index"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _key(["id", "region", "hall"])


def downgrade() -> None:
    _key(["region", "hall", "id"])


def _key(columns: list[str]) -> None:
    op.drop_constraint("events_pkey", "events", type_="primary")
    op.create_primary_key("events_pkey", "events", columns)
