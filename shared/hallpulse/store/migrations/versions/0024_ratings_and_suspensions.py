"""A case has the minute of its rating and the number of its suspensions; `recompute` fills them for stored cases

Revision ID: 0024
Revises: 0028
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0028"
branch_labels = None
depends_on = None
changes_ingest = True


def upgrade() -> None:
    op.add_column("cases", sa.Column("rated_minute", sa.SmallInteger(), nullable=True, comment="of the local day"))
    op.add_column("cases", sa.Column("suspensions", sa.SmallInteger(), server_default=sa.text("0"), nullable=False))


def downgrade() -> None:
    op.drop_column("cases", "suspensions")
    op.drop_column("cases", "rated_minute")
