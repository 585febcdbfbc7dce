"""Audit: who changed what, in lines that stay; tokens with a name

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_REFUSE = """
CREATE FUNCTION audit_refuses() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit is append-only: % is refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$
"""
_DATE = """
CREATE FUNCTION audit_dates() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.at := clock_timestamp();
    RETURN NEW;
END
$$
"""
# ALWAYS: also in a session that says it is a replica's, in which ordinary triggers rest.
_TRIGGERS = (
    "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit"
    " FOR EACH STATEMENT EXECUTE FUNCTION audit_refuses()",
    "ALTER TABLE audit ENABLE ALWAYS TRIGGER audit_append_only",
    "CREATE TRIGGER audit_dated_by_the_database BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION audit_dates()",
    "ALTER TABLE audit ENABLE ALWAYS TRIGGER audit_dated_by_the_database",
)


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "actor", sa.Text(), nullable=False, comment="USER@HOST of a command or service, ROLE: NAME over HTTP"
        ),
        sa.Column("action", sa.Text(), nullable=False, comment="WHAT.HOW, such as hall.add"),
        sa.Column("region", sa.Integer(), nullable=True, comment="none where it concerns all of them"),
        sa.Column("subject", sa.Text(), nullable=False, comment="which one was changed"),
        sa.Column("detail", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    for statement in (_REFUSE, _DATE, *_TRIGGERS):
        op.execute(statement)
    op.add_column("tokens", sa.Column("name", sa.Text(), nullable=True, comment="none for a hall's"))
    op.create_index("tokens_name", "tokens", ["name"], unique=False, postgresql_where=sa.text("name IS NOT NULL"))


def downgrade() -> None:
    op.drop_index("tokens_name", table_name="tokens", postgresql_where=sa.text("name IS NOT NULL"))
    op.drop_column("tokens", "name")
    op.drop_table("audit")
    op.execute("DROP FUNCTION audit_refuses(), audit_dates()")
