"""Ratings by default and answered; outcomes and reasons in histories; repeated events flagged; refusals by event"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from alembic import op
from sqlalchemy import Connection

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_CASES = ("rated_by_default", "rating_verified", "rating_rectified")
_CELLS = ("bad_verified", "bad_rectified")
_RETRACTED, _REJECTED, _DECIDED = 13, 5, 9
_ONCE = (1, 4, 5, 9, 10, 11, 12)
"""Kinds of events: two different ones of a kind need a correction."""
_REPEATED = 32768
_AT_ONCE = 2_000
_uuid = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch
_decode, _encode = msgspec.msgpack.Decoder().decode, msgspec.msgpack.Encoder().encode


def upgrade() -> None:
    for name in _CASES:
        op.add_column("cases", sa.Column(name, sa.Boolean(), server_default=sa.text("false"), nullable=False))
    for name in _CELLS:
        op.add_column("cells", sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.create_index("refused_by_event", "refused", ["region", "hall", "event_id"])
    connection = op.get_bind()
    keys = [
        tuple(row) for row in connection.execute(_TOUCHED, {"granted": _encode(["granted"]), "none": _encode([None])})
    ]
    for start in range(0, len(keys), _AT_ONCE):
        _rewrite(connection, keys[start : start + _AT_ONCE])


def downgrade() -> None:
    op.drop_index("refused_by_event", "refused")
    for name in _CELLS:
        op.drop_column("cells", name)
    for name in _CASES:
        op.drop_column("cases", name)


_TOUCHED = sa.text(
    "SELECT region, hall, case_id FROM events WHERE type = 9 AND data <> :granted OR type = 5 AND data <> :none"
    f" UNION SELECT region, hall, case_id FROM events WHERE type IN {_ONCE}"
    " GROUP BY region, hall, case_id, type HAVING count(*) > 1"
)
_KEYS = "unnest(CAST(:regions AS int[]), CAST(:halls AS text[]), CAST(:ids AS text[])) AS k(region, hall, case_id)"
_HISTORIES = sa.text(
    f"SELECT region, hall, case_id, history, flags FROM cases JOIN {_KEYS} USING (region, hall, case_id)"
)
_SAID = sa.text(
    "SELECT region, hall, id, data FROM events JOIN unnest(CAST(:regions AS int[]), CAST(:halls AS text[]),"
    " CAST(:ids AS bytea[])) AS k(region, hall, id) USING (region, hall, id)"
)
_UPDATE = sa.text(
    "UPDATE cases SET history = :history, flags = :flags WHERE region = :region AND hall = :hall AND case_id = :case_id"
)


def _rewrite(connection: Connection, keys: Sequence[tuple[Any, ...]]) -> None:
    cases = [
        (*row[:3], _decode(bytes(row[3])), row[4]) for row in connection.execute(_HISTORIES, _columns(keys)).fetchall()
    ]
    wanted = [
        (region, hall, event[2])
        for region, hall, _, history, _ in cases
        for event in history
        if event[0] in (_REJECTED, _DECIDED)
    ]
    rows = connection.execute(_SAID, _columns(wanted)).fetchall() if wanted else []
    said = {(row[0], row[1], bytes(row[2])): _decode(bytes(row[3]))[0] for row in rows}
    for region, hall, case_id, history, flags in cases:
        for event in history:
            word = said.get((region, hall, event[2]))
            if word is not None and (event[0], word) != (_DECIDED, "granted"):
                event[4] = word
        changed = {"history": _encode(history), "flags": flags | (_REPEATED if _is_repeated(history) else 0)}
        connection.execute(_UPDATE, {"region": region, "hall": hall, "case_id": case_id, **changed})


def _columns(keys: Sequence[tuple[Any, ...]]) -> dict[str, list[Any]]:
    return {name: [key[index] for key in keys] for index, name in enumerate(("regions", "halls", "ids"))}


def _is_repeated(history: Sequence[Sequence[Any]]) -> bool:
    """Return whether two counting events of one kind differ. An event: kind, time, packed id, number, text, opening."""
    retracted = {_packed(event[4] or "") for event in history if event[0] == _RETRACTED}
    known: dict[int, tuple[Any, ...]] = {}
    for kind, time, key, *content in history:
        if kind in _ONCE and key not in retracted:
            other = known.setdefault(kind, (time, *content))
            if other != (time, *content):
                return any(event[0] == 1 and event[2] not in retracted for event in history)
    return False


def _packed(id_: str) -> bytes:
    if _uuid(id_):
        return bytes.fromhex(id_.replace("-", ""))
    packed = b"\xff" + id_.encode()
    return packed + b"\xff" if len(packed) == 16 else packed
