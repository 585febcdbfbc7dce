"""Published reports: their figures and files, only added, each row sealed by the one before"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0019"
down_revision = "0015"
branch_labels = None
depends_on = None

_REFUSE = """
CREATE FUNCTION reports_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'published reports are append-only: % is refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$
"""


def upgrade() -> None:
    op.execute(_REFUSE)
    op.execute("CREATE SEQUENCE reports_lines")
    op.create_table(
        "reports",
        sa.Column("id", sa.BigInteger(), autoincrement=False, server_default=sa.text("0"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("actor", sa.Text(), server_default="", nullable=False, comment="the database role, by a trigger"),
        sa.Column("claimed", sa.Text(), nullable=False, comment="USER@HOST of the command"),
        sa.Column("region", sa.Integer(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False, comment="YYYY-MM"),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("taken", sa.BigInteger(), nullable=False, comment="of what was known then; microseconds since 1970"),
        sa.Column("calendars", sa.Text(), nullable=False, comment="digest of those in force"),
        sa.Column("figures", JSONB(), nullable=False, comment="figure -> [numerator, denominator]"),
        sa.Column("seal", sa.Text(), nullable=False, comment="SHA-256 of the seal before and of all that is published"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("reports_region", "reports", ["region", "month"])
    op.create_table(
        "report_files",
        sa.Column("report", sa.BigInteger(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("report", "format"),
    )
    _trigger("reports", "reports_signed_by_the_database", "BEFORE INSERT", "ROW", "line_is_signed")
    for table in ("reports", "report_files"):
        _trigger(table, f"{table}_append_only", "BEFORE UPDATE OR DELETE OR TRUNCATE", "STATEMENT", "reports_refuse")


def _trigger(table: str, name: str, when: str, for_each: str, function: str) -> None:
    """ALWAYS: also in a session that says it is a replica's, in which ordinary triggers rest."""
    op.execute(f"CREATE TRIGGER {name} {when} ON {table} FOR EACH {for_each} EXECUTE FUNCTION {function}()")
    op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")


def downgrade() -> None:
    op.drop_table("report_files")
    op.drop_table("reports")
    op.execute("DROP SEQUENCE reports_lines")
    op.execute("DROP FUNCTION reports_refuse()")
