"""The table of refusals: it shows what lies on the queue `hall.refused` without taking anything from the queue.

Ingest enters a refusal before its copy goes to the queue, under an id made from its content, so that a refusal that
comes again finds its row. The rows of a hall are limited; refusals beyond the limit are only on the queue, and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, bindparam, delete, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from hallpulse.store.database import copy_into, copy_rows

from .database import transaction
from .refused_rows import READ, EnteredRefusal, KeptRefusal, RefusedFilter, after, kept_of, row_of
from .tables import refused, refused_halls

MOST_ROWS, MOST_BYTES = 100_000, 256 * 1024**2
"""The most rows, and bytes of bodies, that the table keeps of one hall."""
DONE_DAYS = 90
"""Days for which refusals that left the queue are remembered, without their bodies."""
_SETTLED = timedelta(minutes=1)
"""After this time a refusal's copy is on the queue, or the refusal comes again."""
_COLUMNS = (
    "region", "hall", "id", "refused_at", "last_at", "times", "reason", "field", "detail", "source", "family",
    "routing_key", "publisher", "event_id", "bytes", "body",
)  # fmt: skip
_NAMES = ", ".join(f'"{name}"' for name in _COLUMNS)
_AGAIN = ", ".join(f'"{name}" = excluded."{name}"' for name in _COLUMNS if name not in ("region", "hall", "id"))
_HALL, _ID, _TIMES, _BODY = slice(0, 2), 2, 5, -1
_Hall = tuple[int, str]


class Outcome(StrEnum):
    """Reasons why a refusal no longer lies on the queue. gone: another program took it."""

    REPLAYED = "replayed"
    DROPPED = "dropped"
    GONE = "gone"


class Held(NamedTuple):
    """The totals of the table. rows: refusals on the queue; copies: how often they were refused in all;
    beyond: refusals that are only counted, since their hall has too many rows."""

    rows: int
    copies: int
    beyond: int


@dataclass(slots=True)
class _Change:
    """The change of one hall's numbers in a transaction."""

    rows: int = 0
    bytes: int = 0
    copies: int = 0
    beyond: int = 0


class RefusedTable:
    """The table of refusals. Every method is one transaction and raises Unavailable or Halt.

    actor: noted as the one who closes a refusal; most_rows, most_bytes: limits for each hall.
    """

    def __init__(self, engine: Engine, actor: str, most_rows: int = MOST_ROWS, most_bytes: int = MOST_BYTES) -> None:
        self._engine = engine
        self._actor = actor
        self._most = (most_rows, most_bytes)

    def enter(self, rejected: Sequence[EnteredRefusal], at: datetime, *, again: bool = True) -> None:
        """Enter refusals in their order, all or none; a closed refusal is opened again.

        again: a known refusal counts once more, since it was refused again and not just found on the queue.
        """
        rows = _rows(rejected, at)
        if not rows:
            return
        with transaction(self._engine) as connection:
            numbers = _lock(connection, {row[_HALL] for row in rows})
            known = _kept(connection, [row[_ID] for row in rows])  # id → whether it is open
            changes = {hall: _Change() for hall in numbers}
            repeated = [row for row in rows if known.get(row[_ID])]
            others = [row for row in rows if not known.get(row[_ID])]
            fitting = [row for row in others if self._fits(numbers[row[_HALL]], changes[row[_HALL]], row)]
            copy_into(connection, "refused", _COLUMNS, [row for row in fitting if row[_ID] not in known])
            _open_again(connection, [row for row in fitting if row[_ID] in known])
            if again:
                for row in repeated:
                    changes[row[_HALL]].copies += row[_TIMES]
                _repeat(connection, repeated, at)
            _count(connection, changes)

    def _fits(self, before: _Change, change: _Change, row: tuple[Any, ...]) -> bool:
        size = len(row[_BODY])
        most_rows, most_bytes = self._most
        if before.rows + change.rows >= most_rows or before.bytes + change.bytes + size > most_bytes:
            change.beyond += row[_TIMES]
            return False
        change.rows += 1
        change.bytes += size
        change.copies += row[_TIMES]
        return True

    def close(self, ids: Sequence[str], outcome: Outcome) -> int:
        """Note that refusals leave the queue, and delete their bodies; return how many were open."""
        return self._close([bytes.fromhex(id_) for id_ in ids], outcome)

    def _close(self, ids: Sequence[bytes], outcome: Outcome) -> int:
        mine = (refused.c.id == func.any(ids), refused.c.outcome.is_(None))
        with transaction(self._engine) as connection:
            halls = connection.execute(select(refused.c.region, refused.c.hall).where(*mine).distinct())
            _lock(connection, {(region, hall) for region, hall in halls})
            size = func.coalesce(func.length(refused.c.body), 0)
            held = connection.execute(
                select(refused.c.region, refused.c.hall, size, refused.c.times).where(*mine)
            ).all()
            changes: dict[_Hall, _Change] = {}
            for region, hall, taken, times in held:
                change = changes.setdefault((region, hall), _Change())
                change.rows, change.bytes, change.copies = change.rows - 1, change.bytes - taken, change.copies - times
            done = {"outcome": outcome.value, "outcome_at": func.now(), "outcome_by": self._actor, "body": None}
            connection.execute(update(refused).where(*mine).values(**done))
            connection.execute(delete(refused).where(refused.c.outcome_at < func.now() - timedelta(days=DONE_DAYS)))
            _count(connection, changes)
            return len(held)

    def begin_reading(self) -> datetime:
        """Begin a pass over the whole queue, in which `enter` counts again those beyond the limit.

        Return the database's time.
        """
        with transaction(self._engine) as connection:
            connection.execute(update(refused_halls).where(refused_halls.c.beyond > 0).values(beyond=0))
            now: datetime = connection.execute(select(func.now())).scalar_one()
            return now

    def end_reading(self, began: datetime, seen: set[str]) -> int:
        """End the pass: close as gone all refusals entered well before it and not seen in it; return their number."""
        query = select(refused.c.id).where(refused.c.outcome.is_(None), refused.c.last_at < began - _SETTLED)
        with transaction(self._engine) as connection:
            missing = [id_ for (id_,) in connection.execute(query) if id_.hex() not in seen]
        return self._close(missing, Outcome.GONE) if missing else 0

    def page(self, wanted: RefusedFilter, limit: int, after_id: str = "") -> list[KeptRefusal]:
        """Return refusals, the oldest first; those after `after_id` if given. Raises KeyError if it is unknown."""
        query = select(*READ).where(*wanted.conditions()).order_by(refused.c.refused_at, refused.c.number).limit(limit)
        with transaction(self._engine) as connection:
            if after_id:
                query = query.where(after(_place(connection, after_id)))
            return [kept_of(row) for row in connection.execute(query)]

    def counts(self, wanted: RefusedFilter) -> Counter[str]:
        """Return reason → number of refusals."""
        query = select(refused.c.reason, func.count()).where(*wanted.conditions()).group_by(refused.c.reason)
        with transaction(self._engine) as connection:
            return Counter({reason: count for reason, count in connection.execute(query)})

    def find(self, id_: str) -> list[KeptRefusal]:
        """Return the refusals whose id begins with the digits, at most two of them."""
        with transaction(self._engine) as connection:
            return [kept_of(row) for row in connection.execute(select(*READ).where(_begins(id_)).limit(2))]

    def held(self) -> Held:
        columns = (refused_halls.c.rows, refused_halls.c.copies, refused_halls.c.beyond)
        query = select(*(func.coalesce(func.sum(column), 0) for column in columns))
        with transaction(self._engine) as connection:
            return Held(*map(int, connection.execute(query).one()))


def _rows(rejected: Iterable[EnteredRefusal], at: datetime) -> list[tuple[Any, ...]]:
    """Return one row for each refusal, in the order of their first occurrences."""
    times = Counter(one.id for one in rejected)
    return [row_of(one, at, times[one.id]) for one in {one.id: one for one in rejected}.values()]


def _lock(connection: Connection, halls: Iterable[_Hall]) -> dict[_Hall, _Change]:
    """Lock the halls' numbers until the transaction ends, in order of their keys, and return them."""
    keys = sorted(halls)
    if not keys:
        return {}
    table = refused_halls
    given = [{"region": region, "hall": hall} for region, hall in keys]
    connection.execute(insert(table).values(given).on_conflict_do_nothing())
    key = tuple_(table.c.region, table.c.hall)
    query = select(table).where(key.in_(keys)).order_by(table.c.region, table.c.hall).with_for_update()
    return {(row.region, row.hall): _Change(row.rows, row.bytes) for row in connection.execute(query)}


def _kept(connection: Connection, ids: Sequence[bytes]) -> dict[bytes, bool]:
    """Return id → whether the refusal is open, for those that were entered before."""
    query = select(refused.c.id, refused.c.outcome.is_(None)).where(refused.c.id == func.any(list(ids)))
    return {bytes(id_): is_open for id_, is_open in connection.execute(query)}


def _open_again(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        copy_rows(connection, "stage_refused", "refused", _COLUMNS, rows)
        connection.exec_driver_sql(
            f"INSERT INTO refused ({_NAMES}) SELECT {_NAMES} FROM stage_refused"
            f" ON CONFLICT (region, hall, id) DO UPDATE SET {_AGAIN},"
            " outcome = NULL, outcome_at = NULL, outcome_by = NULL"
        )


def _repeat(connection: Connection, rows: Sequence[tuple[Any, ...]], at: datetime) -> None:
    if rows:
        mine = (refused.c.region == bindparam("r"), refused.c.hall == bindparam("h"), refused.c.id == bindparam("i"))
        statement = update(refused).where(*mine).values(times=refused.c.times + bindparam("t"), last_at=at)
        given = [{"r": row[0], "h": row[1], "i": row[_ID], "t": row[_TIMES]} for row in rows]
        connection.execute(statement, given)


def _count(connection: Connection, changes: dict[_Hall, _Change]) -> None:
    table = refused_halls
    for (region, hall), change in sorted(changes.items(), key=lambda one: one[0]):
        names = ("rows", "bytes", "copies", "beyond")
        values = {name: table.c[name] + getattr(change, name) for name in names if getattr(change, name)}
        if values:
            connection.execute(update(table).where(table.c.region == region, table.c.hall == hall).values(**values))


def _begins(id_: str) -> Any:
    """Return the condition of ids that begin with hexadecimal digits. Raises ValueError for other characters."""
    low, high = id_.ljust(32, "0"), id_.ljust(32, "f")
    return refused.c.id.between(bytes.fromhex(low), bytes.fromhex(high))


def _place(connection: Connection, id_: str) -> tuple[datetime, int]:
    found = connection.execute(
        select(refused.c.refused_at, refused.c.number).where(_begins(id_)).limit(1)
    ).one_or_none()
    if found is None:
        raise KeyError(id_)
    return found.refused_at, found.number
