"""Every report of a declared figure that is in force, not only the highest: which can be right is for the plans to say

Revision ID: 0013
Revises: 0012
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import groupby
from typing import Any

import msgspec
import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_REPORTED, _RETRACTED = 41, 42


def _key() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("region", sa.Integer(), nullable=False),
        sa.Column("indicator", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("department", sa.Text(), nullable=False, comment="empty for the region's own"),
    )


def _values() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("numerator", sa.BigInteger(), nullable=False),
        sa.Column("denominator", sa.BigInteger(), nullable=True),
    )


def upgrade() -> None:
    op.drop_table("figures")
    figures = op.create_table(
        "figures",
        *_key(),
        sa.Column("hall", sa.Text(), nullable=False),
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column(
            "place", sa.SmallInteger(), nullable=False,
            comment="0 of what counts if it can be right, 1, …; -1 of what was corrected",
        ),
        *_values(),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False, comment="microseconds since 1970-01-01 UTC"),
        sa.Column("arrived", sa.Integer(), nullable=False, comment="minutes since 1970-01-01 UTC"),
        sa.PrimaryKeyConstraint("region", "indicator", "period", "department", "hall", "id"),
    )  # fmt: skip
    rows = op.get_bind().execute(
        sa.text(
            "SELECT l.region, l.entity, l.hall, l.id, l.time, l.type, l.data, e.arrived FROM ledger l"
            " JOIN events e ON e.id = l.id AND e.region = l.region AND e.hall = l.hall"
            " WHERE l.family = 'figure' ORDER BY l.region, l.entity"
        )
    )
    for (region, entity), reports in groupby(rows, key=lambda row: (row[0], row[1])):
        op.bulk_insert(figures, list(_in_order(region, entity, list(reports))))


def _in_order(region: int, entity: str, rows: Sequence[Any]) -> Iterator[dict[str, Any]]:
    """Return the reports that no retraction names, the highest revision first."""
    indicator, period, department = entity.split("|", 2)
    first, last = _days(period)
    fields = {(row[2], bytes(row[3])): msgspec.msgpack.decode(bytes(row[6])) for row in rows}
    taken = {(row[2], fields[row[2], bytes(row[3])][2]) for row in rows if row[5] == _RETRACTED}
    left = [row for row in rows if row[5] == _REPORTED and (row[2], _text(bytes(row[3]))) not in taken]
    left.sort(key=lambda row: (fields[row[2], bytes(row[3])][2], row[4], _text(bytes(row[3])), row[2]), reverse=True)
    for place, (_, _, hall, id_, time, _, _, arrived) in enumerate(left):
        said = fields[hall, bytes(id_)]
        yield {
            "region": region, "indicator": indicator, "period": period, "department": department, "hall": hall,
            "id": bytes(id_), "place": min(place, 32_767), "first_day": first, "last_day": last,
            "numerator": said[3], "denominator": said[4] if len(said) > 4 else None, "revision": said[2],
            "time": time, "arrived": arrived,
        }  # fmt: skip


def _days(period: str) -> tuple[date, date]:
    year, *rest = map(int, period.split("-"))
    if not rest:
        return date(year, 1, 1), date(year, 12, 31)
    first = date(year, rest[0], rest[1] if len(rest) == 2 else 1)
    return first, first if len(rest) == 2 else first.replace(day=calendar.monthrange(year, rest[0])[1])


def _text(packed: bytes) -> str:
    """Return an id as its publisher wrote it. packed: 16 bytes of a UUID, or 0xff and the text."""
    if len(packed) == 16:
        text = packed.hex()
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
    return packed.strip(b"\xff").decode()


def downgrade() -> None:
    """Restore the former table, which has only the first report in force of each figure."""
    op.rename_table("figures", "figure_reports")
    op.execute("ALTER INDEX figures_pkey RENAME TO figure_reports_pkey")
    op.create_table(
        "figures",
        *_key(),
        *_values(),
        sa.PrimaryKeyConstraint("region", "indicator", "period", "department"),
    )
    names = ", ".join(column.name for column in (*_key(), *_values()))
    op.execute(f"INSERT INTO figures ({names}) SELECT {names} FROM figure_reports WHERE place = 0")
    op.drop_table("figure_reports")
