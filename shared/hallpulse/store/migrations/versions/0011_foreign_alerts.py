"""Alerts that no rule of this suite made, told apart in the ledger of notices"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "notices",
        sa.Column(
            "ours", sa.Boolean(), server_default=sa.text("true"), nullable=False, comment="made by a rule of this suite"
        ),
    )


def downgrade() -> None:
    op.drop_column("notices", "ours")
