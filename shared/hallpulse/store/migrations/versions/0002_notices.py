"""Notices: who was told what and when; flagged cases by hall.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "notices",
        sa.Column("region", sa.Integer(), nullable=False, comment="0 for alerts of the suite itself"),
        sa.Column("fingerprint", sa.Text(), nullable=False, comment="Alertmanager's, of the alert's labels"),
        sa.Column("started", sa.DateTime(timezone=True), nullable=False),
        sa.Column("receiver", sa.Text(), nullable=False, comment="who was told"),
        sa.Column("alert", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("labels", postgresql.JSONB(), nullable=False),
        sa.Column(
            "annotations",
            postgresql.JSONB(),
            nullable=False,
            comment="as they were when it was last told that it fires",
        ),
        sa.Column("told", sa.DateTime(timezone=True), nullable=False, comment="first"),
        sa.Column("last_told", sa.DateTime(timezone=True), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("acknowledged", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_by", sa.Text(), nullable=True),
        sa.Column("resolved", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("region", "fingerprint", "started", "receiver"),
    )
    op.create_index("notices_told", "notices", ["region", "told"], unique=False)
    op.create_table(
        "notice_deliveries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("receiver", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False, comment="email, wecom or dingtalk"),
        sa.Column("place", sa.Integer(), nullable=False, comment="which of the receiver's addresses on that channel"),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_try", sa.DateTime(timezone=True), nullable=True, comment="none once it was sent or given up"),
        sa.Column("sent", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "notice_deliveries_due",
        "notice_deliveries",
        ["next_try"],
        unique=False,
        postgresql_where=sa.text("next_try IS NOT NULL"),
    )
    op.create_index("cases_flagged", "cases", ["region", "hall"], unique=False, postgresql_where=sa.text("flags <> 0"))


def downgrade() -> None:
    op.drop_index("cases_flagged", table_name="cases", postgresql_where=sa.text("flags <> 0"))
    op.drop_table("notice_deliveries")
    op.drop_table("notices")
