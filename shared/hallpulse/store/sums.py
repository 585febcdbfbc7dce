"""Daily sums of halls for the suite above, if cases must not leave the county; and which sums changed after being sent.

A day's sums are those that make up the county's figures: counted from the hall's cases if it has any that day, else
taken from its tally.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Date,
    Engine,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from hallpulse.domain.figures import EVER, Scope
from hallpulse.domain.measures import TALLY_COUNTS

from .database import transaction
from .reading.declared import parameters
from .reading.overview import CLASHES, TALLIED
from .tables import metadata

sent_sums = Table(
    "sent_sums",
    metadata,
    Column("region", Integer, nullable=False),
    Column("hall", Text, nullable=False),
    Column("day", Date, nullable=False),
    Column("revision", Integer, nullable=False),
    *(Column(name, BigInteger, nullable=False, server_default=text("0")) for name in TALLY_COUNTS),
    PrimaryKeyConstraint("region", "hall", "day"),
)
"""Daily sums that were sent up. They are neither derived nor a source of derived rows: `recompute` leaves them."""
_COUNTS = TALLY_COUNTS
_CASES = ", ".join(f"CAST(sum(c.{measure}) AS bigint) AS {count}" for measure, count in TALLIED.items())
_NOW = (
    f"SELECT c.region, c.hall, c.day, {_CASES} FROM cells c WHERE c.region BETWEEN :low AND :high AND c.grain = 'd'"
    " GROUP BY 1, 2, 3 HAVING sum(c.received) > 0 OR sum(c.accepted) > 0 OR sum(c.rejected) > 0 OR sum(c.decided) > 0"
    f" UNION ALL SELECT t.region, t.hall, t.day, {', '.join(f't.{name}' for name in _COUNTS)} FROM tallies t"
    f" WHERE t.region BETWEEN :low AND :high AND NOT {CLASHES}"
)
_CHANGED = (
    f"WITH now AS ({_NOW}), sent AS (SELECT * FROM sent_sums WHERE region BETWEEN :low AND :high)"
    " SELECT region, hall, day, coalesce(s.revision, 0) + 1,"
    f" {', '.join(f'coalesce(n.{name}, 0)' for name in _COUNTS)}"
    " FROM now n FULL JOIN sent s USING (region, hall, day)"
    " WHERE (day, hall) > (:day, :hall) AND (:every OR s.region IS NULL OR"
    f" ({', '.join(f'coalesce(n.{name}, 0)' for name in _COUNTS)})"
    f" IS DISTINCT FROM ({', '.join(f's.{name}' for name in _COUNTS)})) ORDER BY 1, 3, 2 LIMIT :most"
)


@dataclass(frozen=True, slots=True)
class DailySums:
    """A hall's counts of a day, named as in a tally, and the revision under which they are to be sent."""

    region: int
    hall: str
    day: date
    revision: int
    counts: dict[str, int]


class SentSums:
    """The sums that were sent up. Every method raises Unavailable if the database cannot be reached."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def changed(
        self, region: int, after: DailySums | None = None, most: int = 10_000, *, every: bool = False
    ) -> list[DailySums]:
        """Return the sums that differ from those sent, in order of days; a day whose cases are gone has 0.

        after: the last one of an earlier answer; every: return unchanged ones too.
        """
        begin = (EVER, "") if after is None else (after.day, after.hall)
        values = {**parameters(Scope(region)), "day": begin[0], "hall": begin[1], "most": most, "every": every}
        with transaction(self._engine) as connection:
            return _read(connection, values)

    def note(self, sent: Sequence[DailySums]) -> None:
        """Note the sums that the broker has confirmed."""
        rows: list[dict[str, Any]] = [
            {"region": one.region, "hall": one.hall, "day": one.day, "revision": one.revision, **one.counts}
            for one in sent
        ]
        statement = upsert(sent_sums)
        new = {name: statement.excluded[name] for name in ("revision", *_COUNTS)}
        with transaction(self._engine) as connection:
            if rows:
                conflict = statement.on_conflict_do_update(index_elements=["region", "hall", "day"], set_=new)
                connection.execute(conflict, rows)


def _read(connection: Connection, values: Mapping[str, Any]) -> list[DailySums]:
    rows = connection.execute(text(_CHANGED), values)
    return [
        DailySums(region, hall, day, revision, dict(zip(_COUNTS, map(int, counts), strict=True)))
        for region, hall, day, revision, *counts in rows
    ]
