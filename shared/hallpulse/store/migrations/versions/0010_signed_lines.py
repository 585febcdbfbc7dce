"""The database says who wrote a line of the audit, and when; who read which cases

Revision ID: 0010
Revises: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# SECURITY DEFINER: the services may write lines, but not draw or set their numbers. session_user stays who logged in.
_SIGN = """
CREATE FUNCTION line_is_signed() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.id := nextval(format('%I.%I', TG_TABLE_SCHEMA, TG_TABLE_NAME || '_lines')::regclass);
    NEW.at := clock_timestamp();
    NEW.actor := session_user;
    RETURN NEW;
END
$$
"""
# Programs of the version before say `actor`: what they say is kept as what it is, a claim.
_CLAIM = """
CREATE FUNCTION audit_claims() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.claimed := coalesce(nullif(NEW.claimed, ''), NEW.actor, '');
    RETURN NEW;
END
$$
"""
_CLAIMED = "USER@HOST of a command or service"
_WAS = f"{_CLAIMED}, ROLE: NAME over HTTP"
_DATE = """
CREATE FUNCTION audit_dates() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.at := clock_timestamp();
    RETURN NEW;
END
$$
"""


def upgrade() -> None:
    for statement in (_SIGN, _CLAIM):
        op.execute(statement)
    op.execute("DROP TRIGGER audit_dated_by_the_database ON audit")
    op.execute("DROP FUNCTION audit_dates()")
    op.execute("CREATE SEQUENCE audit_lines")
    op.execute("SELECT setval('audit_lines', coalesce(max(id), 0) + 1, false) FROM audit")
    op.execute("ALTER TABLE audit ALTER COLUMN id DROP IDENTITY")
    op.execute("ALTER TABLE audit ALTER COLUMN id SET DEFAULT 0")
    op.alter_column("audit", "actor", new_column_name="claimed", server_default="", comment=_CLAIMED)
    op.add_column(
        "audit",
        sa.Column("actor", sa.Text(), server_default="", nullable=False, comment="the database role, by a trigger"),
    )
    _create_case_reads()
    _trigger("audit", "audit_a_claimed", "BEFORE INSERT", "ROW", "audit_claims")
    _trigger("audit", "audit_b_signed_by_the_database", "BEFORE INSERT", "ROW", "line_is_signed")
    _trigger("case_reads", "case_reads_signed_by_the_database", "BEFORE INSERT", "ROW", "line_is_signed")
    _trigger(
        "case_reads", "case_reads_append_only", "BEFORE UPDATE OR DELETE OR TRUNCATE", "STATEMENT", "audit_refuses"
    )


def _create_case_reads() -> None:
    op.create_table(
        "case_reads",
        sa.Column("id", sa.BigInteger(), autoincrement=False, server_default=sa.text("0"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("actor", sa.Text(), server_default="", nullable=False, comment="the database role, by a trigger"),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("token", sa.Text(), nullable=False, comment="its name"),
        sa.Column("kind", sa.Text(), nullable=False, comment="case, list or integrity"),
        sa.Column("region", sa.Integer(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False, comment="REGION/HALL/CASE_ID, or the parameters of a list"),
        sa.Column("reads", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("case_reads_token", "case_reads", ["token", "id"])
    op.execute("CREATE SEQUENCE case_reads_lines")


def _trigger(table: str, name: str, when: str, for_each: str, function: str) -> None:
    """ALWAYS: also in a session that says it is a replica's, in which ordinary triggers rest."""
    op.execute(f"CREATE TRIGGER {name} {when} ON {table} FOR EACH {for_each} EXECUTE FUNCTION {function}()")
    op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")


def downgrade() -> None:
    op.drop_table("case_reads")
    op.execute("DROP TRIGGER audit_a_claimed ON audit")
    op.execute("DROP TRIGGER audit_b_signed_by_the_database ON audit")
    op.drop_column("audit", "actor")
    op.alter_column(
        "audit",
        "claimed",
        new_column_name="actor",
        server_default=None,
        comment=_WAS,
    )
    op.execute("ALTER TABLE audit ALTER COLUMN id DROP DEFAULT")
    op.execute("ALTER TABLE audit ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY")
    op.execute("SELECT setval(pg_get_serial_sequence('audit', 'id'), nextval('audit_lines'), false)")
    op.execute("DROP SEQUENCE audit_lines, case_reads_lines")
    op.execute("DROP FUNCTION line_is_signed(), audit_claims()")
    op.execute(_DATE)
    op.execute(
        "CREATE TRIGGER audit_dated_by_the_database BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION audit_dates()"
    )
    op.execute("ALTER TABLE audit ENABLE ALWAYS TRIGGER audit_dated_by_the_database")
