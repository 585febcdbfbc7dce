"""Put calendars in force: every case of the counties that they touch is folded again in the same transaction."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from sqlalchemy import Connection, Engine, delete, select, text
from sqlalchemy.dialects.postgresql import insert

from hallpulse.domain.figures import region_bounds
from hallpulse.domain.workdays import Calendar
from hallpulse.store.in_force import ContextCache, TransactionContext, read_calendars
from hallpulse.store.locks import lock_everything

from .audit import AuditEntry, write
from .cases import CaseKey
from .database import transaction
from .merge import CASES_AT_ONCE, refold_all
from .tables import calendars

Progress = Callable[[int, int], None]
"""A function called with (cases done, cases in all)."""


def apply_calendars(engine: Engine, wanted: Sequence[Calendar], actor: str, progress: Progress | None = None) -> int:
    """Put these calendars in force and fold every touched case again; return the number of these cases.

    A scope that is not among them loses its calendar. If all are in force already, nothing happens.
    """
    with transaction(engine) as connection:
        if _digests(connection) == {c.scope: _digest(c) for c in wanted}:
            return 0
        lock_everything(connection)
        before = read_calendars(connection)
        changed = [scope for scope in {*before, *(c.scope for c in wanted)} if before.get(scope) != _of(wanted, scope)]
        _write(connection, wanted)
        regions = _counties(connection, changed)
        context = ContextCache().begin(connection, regions)
        touched = redate(connection, context, regions, progress)
        write(connection, actor, AuditEntry("calendar.apply", detail={"scopes": sorted(changed), "cases": touched}))
        return touched


def redate(
    connection: Connection, context: TransactionContext, regions: Collection[int], progress: Progress | None
) -> int:
    """Fold every case of the regions again from its history; return the number of cases."""
    total = connection.scalar(text("SELECT count(*) FROM cases WHERE region = ANY(:r)"), {"r": list(regions)}) or 0
    done = 0
    for region in sorted(regions):
        for keys in _cases_of(connection, region):
            refold_all(connection, {key: [] for key in keys}, context)
            done += len(keys)
            if progress is not None:
                progress(done, total)
    return done


def _cases_of(connection: Connection, region: int) -> Iterator[Sequence[CaseKey]]:
    """Yield the region's cases, some thousands at a time, as they were when the first was read."""
    rows = connection.execute(
        text("SELECT region, hall, case_id FROM cases WHERE region = :region ORDER BY hall, case_id"),
        {"region": region},
        execution_options={"yield_per": CASES_AT_ONCE},
    )
    for partition in rows.partitions():
        yield [(region, hall, case_id) for _, hall, case_id in partition]


def _digest(calendar: Calendar) -> str:
    years = ",".join(str(year) for year in sorted(calendar.provisional_years))
    return hashlib.sha256(f"{_packed_days(calendar)}|{years}".encode()).hexdigest()


def _digests(connection: Connection) -> dict[int, str]:
    return {scope: digest for scope, digest in connection.execute(select(calendars.c.scope, calendars.c.digest))}


def _of(wanted: Sequence[Calendar], scope: int) -> Calendar | None:
    return next((calendar for calendar in wanted if calendar.scope == scope), None)


def _write(connection: Connection, wanted: Sequence[Calendar]) -> None:
    connection.execute(delete(calendars))
    for calendar in wanted:
        days = {day.isoformat(): [working, name] for day, (working, name) in calendar.days.items()}
        connection.execute(
            insert(calendars).values(
                scope=calendar.scope,
                digest=_digest(calendar),
                days=days,
                provisional_years=sorted(calendar.provisional_years),
            )
        )


def _counties(connection: Connection, scopes: Iterable[int]) -> set[int]:
    """Return the counties with data to which any of the scopes applies (0 is the nation)."""
    known: list[int] = [region for (region,) in connection.execute(text("SELECT region FROM regions"))]
    bounds = [region_bounds(scope) if scope else (0, 999_999) for scope in scopes]
    return {region for region in known if any(low <= region <= high for low, high in bounds)}


def _packed_days(calendar: Calendar) -> str:
    """Return a calendar's days as canonical JSON."""
    return json.dumps(
        {day.isoformat(): [working, name] for day, (working, name) in calendar.days.items()},
        ensure_ascii=False,
        sort_keys=True,
    )
