"""A number for each region that grows with its declared figures, by which results that follow from them are kept"""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None
changes_ingest = True  # an earlier ingest would store figures without a new number


def upgrade() -> None:
    op.add_column("regions", sa.Column("figures_version", sa.BigInteger(), nullable=False, server_default=sa.text("0")))


def downgrade() -> None:
    op.drop_column("regions", "figures_version")
