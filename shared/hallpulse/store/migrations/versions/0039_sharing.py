"""Several processes of one service: who leads, which turns of targets were announced, what a message tells"""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "leases",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False, comment="host, process and a random part"),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "announced",
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("region", sa.Integer(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("department", sa.Text(), nullable=False, comment="empty for a target of the region"),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("met", sa.Boolean(), nullable=True),
        sa.Column("on_pace", sa.Boolean(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="of the reading"),
        sa.Column("payload", sa.LargeBinary(), nullable=False, comment="JSON"),
        sa.Column("taken", sa.DateTime(timezone=True), nullable=False, comment="when a process began to announce it"),
        sa.Column(
            "holder", sa.Text(), nullable=False, comment="the process that took it: host, process and a random part"
        ),
        sa.Column("sent", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("region", "plan", "target", "department"),
    )
    op.add_column(
        "notice_deliveries",
        sa.Column("tells", sa.Text(), nullable=True, comment="digest of the alerts and their states"),
    )
    op.create_index("notice_deliveries_tell", "notice_deliveries", ["tells", "created"])


def downgrade() -> None:
    op.drop_index("notice_deliveries_tell", "notice_deliveries")
    op.drop_column("notice_deliveries", "tells")
    op.drop_table("announced")
    op.drop_table("leases")
