"""Archived events, packed, and the files that hold them"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0042"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "archived_events",
        sa.Column("region", sa.Integer(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False, comment="as in archive_files"),
        sa.Column("number", sa.Integer(), nullable=False, comment="of the block in its file, from 0"),
        sa.Column("hall", sa.Text(), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("first_time", sa.BigInteger(), nullable=False, comment="microseconds since 1970-01-01 UTC"),
        sa.Column("last_time", sa.BigInteger(), nullable=False),
        sa.Column("last_arrived", sa.Integer(), nullable=False, comment="minutes since 1970-01-01 UTC"),
        sa.Column(
            "hashes", postgresql.ARRAY(sa.BigInteger()), nullable=False, comment="of the events' ids (`key_hash`)"
        ),
        sa.Column("packed", sa.LargeBinary(), nullable=False, comment="the events, compressed"),
        sa.PrimaryKeyConstraint("region", "file", "number"),
    )
    op.execute("ALTER TABLE archived_events ALTER COLUMN packed SET STORAGE EXTERNAL")  # compressed already
    op.create_index(
        "archived_events_hashes",
        "archived_events",
        ["hashes"],
        postgresql_using="gin",
        postgresql_with={"fastupdate": False},
    )
    op.create_table(
        "archive_files",
        sa.Column("region", sa.Integer(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False, comment="REGION/YYYY-MM/NUMBER.parquet, in the archive's folder"),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("blocks", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False, comment="of the file"),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
        sa.PrimaryKeyConstraint("region", "file"),
    )


def downgrade() -> None:
    op.drop_table("archive_files")
    op.drop_table("archived_events")
