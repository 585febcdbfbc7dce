"""Refusals beside the queue that keeps them: to be listed, filtered and counted without taking it from there

Revision ID: 0009
Revises: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "refused",
        sa.Column("region", sa.Integer(), nullable=False, comment="of the routing key, 0 where it names none"),
        sa.Column("hall", sa.Text(), nullable=False),
        sa.Column("id", sa.LargeBinary(), nullable=False, comment="of routing key, publisher, reason and body"),
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("refused_at", sa.DateTime(timezone=True), nullable=False, comment="first"),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False, comment="again after an outage counts as again"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("family", sa.Text(), nullable=False),
        sa.Column("routing_key", sa.Text(), nullable=False),
        sa.Column("publisher", sa.Text(), nullable=False, comment="the broker user that the message named"),
        sa.Column("event_id", sa.Text(), nullable=True),
        sa.Column("bytes", sa.Integer(), nullable=False, comment="of the whole body"),
        sa.Column("body", sa.LargeBinary(), nullable=True, comment="its beginning; none once it left the queue"),
        sa.Column("outcome", sa.Text(), nullable=True, comment="replayed, dropped or gone; none while it is kept"),
        sa.Column("outcome_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("region", "hall", "id"),
    )
    kept = sa.text("outcome IS NULL")
    op.create_index("refused_id", "refused", ["id"])
    op.create_index("refused_kept", "refused", ["refused_at", "number"], postgresql_where=kept)
    op.create_index("refused_by_hall", "refused", ["region", "hall", "refused_at", "number"])
    op.create_index("refused_by_reason", "refused", ["reason", "refused_at", "number"], postgresql_where=kept)
    op.create_index("refused_done", "refused", ["outcome_at"], postgresql_where=sa.text("outcome IS NOT NULL"))
    op.create_table(
        "refused_halls",
        sa.Column("region", sa.Integer(), nullable=False),
        sa.Column("hall", sa.Text(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("bytes", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
        sa.Column("copies", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
        sa.Column("beyond", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
        sa.PrimaryKeyConstraint("region", "hall"),
    )


def downgrade() -> None:
    op.drop_table("refused_halls")
    op.drop_table("refused")
