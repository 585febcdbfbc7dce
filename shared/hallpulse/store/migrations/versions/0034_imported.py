"""Which events an import of records sent: by who sent them, no longer by the form of their ids"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None
changes_ingest = True


def upgrade() -> None:
    op.add_column(
        "events",
        sa.Column(
            "imported", sa.Boolean(), nullable=True,
            comment="true of what an import repeated from records; else none, which takes no room",
        ),
    )  # fmt: skip
    # Who sent what is stored is not known any more: it stays as it was judged, by ids of UUID version 5.
    op.execute("UPDATE events SET imported = true WHERE length(id) = 16 AND get_byte(id, 6) >> 4 = 5")


def downgrade() -> None:
    op.drop_column("events", "imported")
