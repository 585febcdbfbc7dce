"""A flag of an item that no event ever gave is not known: neither yes nor no; halls have names, and may be closed

Revision ID: 0014
Revises: 0011
"""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa
from alembic import op

from hallpulse.domain.case import unpack_id

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_FLAGS = ("settled", "unified", "full_process", "tolerates_missing", "commitment")
_FIRST_FLAG = 9
"""The index of the first flag among the fields of a published item, as the ledger keeps them."""
_PUBLISHED = 21
_KNOWN = {
    "settled_known": "settled IS NOT NULL",
    "full_process_known": "full_process IS NOT NULL",
    "unified_known": "unified IS NOT NULL",
    "tolerance_known": "tolerates_missing IS NOT NULL",
    "commitment_known": "commitment IS NOT NULL",
    "limit_known": "statutory_days IS NOT NULL",
}
_READ = f"region, department, {', '.join(_FLAGS)}, statutory_days"
_SUMS = (
    f"UPDATE item_cells c SET {', '.join(f'{name} = s.{name}' for name in _KNOWN)} FROM ("
    "SELECT region, department, day, "
    + ", ".join(f"sum(sign * CAST({known} AS int)) AS {name}" for name, known in _KNOWN.items())
    + f" FROM (SELECT start AS day, 1 AS sign, {_READ} FROM item_spans"
    f' UNION ALL SELECT "end", -1, {_READ} FROM item_spans WHERE "end" IS NOT NULL) steps'
    " GROUP BY region, department, day) s"
    " WHERE c.region = s.region AND c.department = s.department AND c.day = s.day"
)
_FORGET = sa.text(
    f"UPDATE item_spans SET {', '.join(f'{flag} = :{flag}' for flag in _FLAGS)}"
    " WHERE region = :region AND item_code = :item_code AND hall = :hall AND id = :id"
)


def upgrade() -> None:
    for flag in _FLAGS:
        op.alter_column("item_spans", flag, nullable=True)
    op.alter_column("item_spans", "settled", comment="of this and the other flags: none where it is not known")
    for name in _KNOWN:
        op.add_column("item_cells", sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    _forget_what_nobody_said(op.get_bind())
    op.execute(_SUMS)
    op.create_table(
        "hall_facts",
        sa.Column("region", sa.Integer(), nullable=False),
        sa.Column("hall", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=True, comment="what the hall is called"),
        sa.Column("name_en", sa.Text(), nullable=True),
        sa.Column(
            "closed", sa.Date(), nullable=True, comment="the first day on which it is closed; none while it is open"
        ),
        sa.PrimaryKeyConstraint("region", "hall"),
    )


def _forget_what_nobody_said(connection: sa.Connection) -> None:
    """Replace the stored no of flags that no event ever gave by null."""
    published = connection.execute(
        sa.text("SELECT region, entity, hall, id, data FROM ledger WHERE family = 'item' AND type = :type"),
        {"type": _PUBLISHED},
    )
    changes: list[dict[str, Any]] = []
    for region, item_code, hall, id_, data in published:
        flags = msgspec.msgpack.decode(bytes(data))[_FIRST_FLAG : _FIRST_FLAG + len(_FLAGS)]
        if None in flags:
            key = {"region": region, "item_code": item_code, "hall": hall, "id": unpack_id(bytes(id_))}
            changes.append({**key, **dict(zip(_FLAGS, flags, strict=True))})
    if changes:
        connection.execute(_FORGET, changes)


def downgrade() -> None:
    op.drop_table("hall_facts")
    for name in _KNOWN:
        op.drop_column("item_cells", name)
    for flag in _FLAGS:
        op.execute(f"UPDATE item_spans SET {flag} = false WHERE {flag} IS NULL")
        op.alter_column("item_spans", flag, nullable=False)
    op.alter_column("item_spans", "settled", comment=None)
