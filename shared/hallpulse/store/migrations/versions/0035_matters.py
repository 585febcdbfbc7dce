"""Matters of the ladder of supervision with their entries, and reports on the plan's tasks; only added"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

_TABLES = ("matters", "matter_entries", "task_reports")
_REFUSE = """
CREATE FUNCTION matters_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$
"""


def upgrade() -> None:
    op.create_table(
        "matters",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("region", sa.Integer(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False, comment="target, department, case, finding or task"),
        sa.Column("subject", sa.Text(), nullable=False, comment="the id of what it is about"),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("title_zh", sa.Text(), nullable=False),
        sa.Column("title_en", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("matters_of", "matters", ["region", "department"])
    op.create_table(
        "matter_entries",
        sa.Column("matter", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "place", sa.Integer(), autoincrement=False, nullable=False, comment="from 0, in the order of the history"
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("deed", sa.Text(), nullable=False, comment="opened, answered, returned, raised or closed"),
        sa.Column("content", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("matter", "place"),
    )
    _create_task_reports()
    op.execute(_REFUSE)
    for table in _TABLES:
        name = f"{table}_append_only"
        op.execute(
            f"CREATE TRIGGER {name} BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION matters_refuse()"
        )
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")


def _create_task_reports() -> None:
    op.create_table(
        "task_reports",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("region", sa.Integer(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, comment="not_started, in_progress or done"),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("task_reports_of", "task_reports", ["region", "plan", "task", "department"])


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)
    op.execute("DROP FUNCTION matters_refuse()")
