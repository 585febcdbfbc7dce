"""Each hall's arrivals are counted by day, with those that came twice or out of order

Revision ID: 0025
Revises: 0024
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None
changes_ingest = True


def upgrade() -> None:
    op.create_table(
        "hall_receipts",
        sa.Column("region", sa.Integer(), nullable=False),
        sa.Column("hall", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False, comment="of arrival"),
        *(
            sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False)
            for name in ("events", "duplicates", "disordered")
        ),
        sa.PrimaryKeyConstraint("region", "hall", "day"),
    )


def downgrade() -> None:
    op.drop_table("hall_receipts")
