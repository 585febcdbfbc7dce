"""Doubts: findings that figures gain from, of cases and of the catalogue.

Among the latter are item versions that replaced others after the fact: the cases that they rescue, and the limits that
they raise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Pool, text

from hallpulse.contract.events import EventType, Family
from hallpulse.domain.case import Kind, unpack_id
from hallpulse.domain.catalogue import Rewritten, Timeline, rewritten, span_on
from hallpulse.domain.clock import NONE_LIKE_LIMITS, KeptPromise, needed_late_extension
from hallpulse.domain.compression import ItemLimits
from hallpulse.domain.figures import Scope, Window
from hallpulse.domain.indicators import (
    COMPUTED,
    NONE_LIKE,
    QUESTIONING,
    RAISED,
    TOUCHED,
    CaseDoubt,
    Doubt,
    ItemRef,
    doubt,
)
from hallpulse.domain.suspicion import Decision, Row, is_raised, is_rescued
from hallpulse.domain.workdays import Calendars, date_of, day_of, local_day
from hallpulse.store.archiving.packed_events import ARRIVED, archived_rows
from hallpulse.store.cases import CaseKey
from hallpulse.store.database import to_date, unpack_data, unpack_history
from hallpulse.store.in_force import Item, ends_of, spans_in_force
from hallpulse.store.item_versions import LIMIT_COLUMNS, effective_items, spans_of
from hallpulse.store.ledger import LedgerEntry

from .conditions import part_of, sql
from .counting import CheckScope
from .declared import Rules

_CAME = "(CAST(e.arrived AS bigint) * 6000 + e.arrived_cs) * 10000"
_ENTRIES = text(
    f"SELECT l.region, l.entity, l.hall, l.id, l.time, l.type, l.data, {_CAME} AS came FROM"
    " (SELECT region, entity FROM ledger WHERE region = ANY(:regions) AND family = :family"
    " GROUP BY 1, 2 HAVING count(*) > 1) k"
    " JOIN ledger l ON l.region = k.region AND l.family = :family AND l.entity = k.entity"
    " JOIN events e ON e.id = l.id AND e.region = l.region AND e.hall = l.hall ORDER BY 1, 2, 8"
)
_VERSIONS = text("SELECT region, catalogue_version FROM regions WHERE region BETWEEN :low AND :high")
_NEEDY = (
    "SELECT DISTINCT c.region, c.hall, c.case_id, c.item_code, c.accepted, c.decided, c.elapsed, c.promised_days,"
    " c.extended, c.history FROM cases c JOIN"
    " unnest(CAST(:regions AS int[]), CAST(:items AS text[]), CAST(:starts AS date[]), CAST(:ends AS date[]),"
    " CAST(:promised AS int[]), CAST(:known AS int[])) AS k(region, item_code, start, until, promised_days, known)"
    " ON k.region = c.region AND k.item_code = c.item_code AND c.accepted >= k.start"
    " AND (k.until IS NULL OR c.accepted < k.until) AND c.promised_days = k.promised_days"
    " AND c.elapsed > k.known + c.extended"
    " WHERE {where} AND c.timed AND c.promise_kept AND c.decided BETWEEN :start AND :end"
)
_EXTENDED = (
    "SELECT c.region, c.hall, c.case_id, c.accepted, c.decided, c.elapsed, c.promised_days, c.history FROM cases c"
    " WHERE {where} AND c.timed AND c.promise_kept AND c.extended > 0 AND c.elapsed > c.promised_days"
    " AND c.decided BETWEEN :start AND :end"
)
_ARRIVALS = (
    f"SELECT e.region, e.hall, e.id, {_CAME} FROM events e JOIN"
    " unnest(CAST(:regions AS int[]), CAST(:halls AS text[]), CAST(:ids AS bytea[])) AS k(region, hall, id)"
    " USING (region, hall, id) WHERE e.imported IS NOT TRUE"
)
_Changes = Mapping[Item, list[Rewritten]]
_KEPT: WeakKeyDictionary[Pool, dict[int, tuple[int, _Changes]]] = WeakKeyDictionary()
"""Database → region → its catalogue's version, and the changes that it has."""


def read_case_doubts(connection: Connection, scope: Scope, window: Window) -> list[CaseDoubt]:
    """Return each check's cases behind each indicator of the scope and window; only flagged cases are read."""
    low, high = scope.bounds
    values = {"low": low, "high": high, "start": window.start, "end": window.end,
              "department": scope.department, "hall": scope.hall}  # fmt: skip
    return [
        CaseDoubt(check, indicator, *row)
        for indicator, checks in TOUCHED.items()
        for check in checks
        for row in connection.execute(text(_case_query(indicator, check)), values)
    ]


def _case_query(indicator: str, check: str) -> str:
    above, below = (part_of(COMPUTED[indicator], part) for part in ("numerator", "denominator"))
    if above is None or below is None:
        raise ValueError(f"no cases behind {indicator}")
    return (
        f"SELECT coalesce(c.department, ''), count(*) FILTER (WHERE {below.where}),"
        f" coalesce(sum({above.amount}) FILTER (WHERE {above.where}), 0)::bigint,"
        f" coalesce(sum({below.amount}) FILTER (WHERE {below.where}), 0)::bigint FROM cases c"
        " WHERE c.region BETWEEN :low AND :high AND (CAST(:hall AS text) IS NULL OR c.hall = :hall)"
        f" AND (CAST(:department AS text) IS NULL OR c.department = :department) AND {sql(QUESTIONING[check], 'c')}"
        f" AND (({above.where}) OR ({below.where})) GROUP BY 1"
    )


def rewritten_items(connection: Connection, scope: Scope) -> _Changes:
    """Return the changes of past days that gave a longer limit, by item, in the scope's regions.

    They are kept for all connections of the process while a region's catalogue has the same version, so that its
    events are read once.
    """
    kept = _KEPT.setdefault(connection.engine.pool, {})
    low, high = scope.bounds
    versions = {region: version for region, version in connection.execute(_VERSIONS, {"low": low, "high": high})}
    found = {region: kept.get(region, (-1, {})) for region in versions}
    stale = [region for region, version in versions.items() if found[region][0] != version]
    if stale:  # others may replace what is kept at any time: only what is found here is returned
        read = {region: (versions[region], changes) for region, changes in _read(connection, stale).items()}
        found.update(read)
        kept.update(read)
    return {item: changes for region in versions for item, changes in found[region][1].items()}


def _read(connection: Connection, regions: Sequence[int]) -> dict[int, dict[Item, list[Rewritten]]]:
    found: dict[int, dict[Item, list[Rewritten]]] = {region: {} for region in regions}
    ended = ends_of(connection, regions)
    rows = connection.execute(_ENTRIES, {"regions": list(regions), "family": Family.ITEM.value})
    for (region, code), group in groupby(rows, key=lambda row: (row.region, row.entity)):
        changes = [one for one in rewritten(list(_known(group, ended.get(region)))) if _gives_more(one)]
        if changes:
            found[region][region, code] = changes
    return found


def _gives_more(one: Rewritten) -> bool:
    return _is_longer(one) or is_raised(one)


def rescued_cases(asked: CheckScope, calendars: Calendars) -> list[CaseKey]:
    """Return the cases that keep their promise only because of events after their decision or their due day."""
    return [*_by_versions(asked), *_by_extensions(asked, calendars)]


def _by_versions(asked: CheckScope) -> list[CaseKey]:
    changed = rewritten_items(asked.connection, asked.scope)
    raised = {item: longer for item, changes in changed.items() if (longer := list(filter(_is_longer, changes)))}
    if not raised:
        return []
    needy = asked.rows(_NEEDY.format(where=asked.where("c")), _columns(raised))
    came = _arrivals(asked, needy)
    return [
        key
        for key, item, decision in ((tuple(row[:3]), (row[0], row[3]), _decision(row, came)) for row in needy)
        if any(is_rescued(decision, change) for change in raised[item])
    ]


def _by_extensions(asked: CheckScope, calendars: Calendars) -> list[CaseKey]:
    """Return the cases that needed an extension made after their due day."""
    found: list[CaseKey] = []
    rows = asked.rows(_EXTENDED.format(where=asked.where("c")))
    for region, hall, case_id, accepted, decided, *days, history in rows:
        kept = KeptPromise(day_of(accepted), day_of(decided), *days)
        if needed_late_extension(kept, unpack_history(bytes(history)), calendars.workdays(region)):
            found.append((region, hall, case_id))
    return found


def read_doubts(connection: Connection, rules: Rules, scope: Scope, since: date, on: date) -> list[Doubt]:
    """Return doubts about the items effective on a day that make the compression look better.

    Besides those that the catalogue shows (`read_item_doubts`), these are past limits that were replaced after `since`.
    """
    key = ("doubts", scope, since, on)
    return list(rules.recall(connection, scope, "catalogue", key, lambda: _read_doubts(connection, scope, since, on)))


def _read_doubts(connection: Connection, scope: Scope, since: date, on: date) -> list[Doubt]:
    found = {one.item: one for one in read_item_doubts(connection, scope, since, on)}
    was = _known_before(rewritten_items(connection, scope), day_of(since), day_of(on))
    for (region, code), spans in spans_in_force(connection, list(was)).items() if was else ():
        span = span_on(spans, day_of(on))
        limits = [known for known, now in was[region, code] if span and now == span.version.statutory_days]
        if span is None or not limits or scope.department not in (None, span.version.department):
            continue
        item, version = ItemRef(region, code, span.version.name), span.version
        other = found.get(item)
        if other is None or (other.check == RAISED and (other.was or 0) > min(limits)):
            held = ItemLimits(version.department, version.instant, version.statutory_days, version.promised_days)
            found[item] = doubt(RAISED, item, held, min(limits))
    return list(found.values())


def _known_before(changed: _Changes, since: int, on: int) -> dict[Item, list[tuple[int, int]]]:
    """Return item → pairs of a known statutory limit and the one that replaced it on a day after `since`."""
    found: dict[Item, list[tuple[int, int]]] = {}
    for item, changes in changed.items():
        own = [
            (one.known.statutory_days or 0, one.version.statutory_days or 0)
            for one in changes
            if is_raised(one) and one.start <= on and (one.end is None or on < one.end) and local_day(one.until) > since
        ]
        if own:
            found[item] = own
    return found


def raised_afterwards(asked: CheckScope) -> list[Row]:
    """Return the statutory limits that events arriving in the window raised for past days, one row an item."""
    start, end = day_of(asked.window.start), day_of(asked.window.end)
    found: list[Row] = []
    for (region, code), changes in sorted(rewritten_items(asked.connection, asked.scope).items()):
        own = [one for one in changes if is_raised(one) and start <= local_day(one.until) <= end]
        if not own or asked.scope.department not in (None, own[-1].version.department):
            continue
        one = own[-1]
        found.append({
            "region": region, "item_code": code, "name": one.version.name, "department": one.version.department,
            "effective_from": date_of(one.start), "statutory_before": one.known.statutory_days,
            "statutory_days": one.version.statutory_days, "promised_before": one.known.promised_days,
            "promised_days": one.version.promised_days, "changed_on": date_of(local_day(one.until)),
        })  # fmt: skip
    return found


def _is_longer(one: Rewritten) -> bool:
    known, now = one.known.promised_days, one.version.promised_days
    return known is not None and now is not None and now > known


def _known(entries: Iterable[Any], ended: int | None) -> Iterator[tuple[int, Timeline]]:
    """Yield each moment at which events of an item arrived, with its timeline as known from then on."""
    come: list[LedgerEntry] = []
    for moment, group in groupby(entries, key=lambda row: row.came):
        for _, _, hall, id_, time, kind, data, _ in group:
            said = unpack_data(kind, "", bytes(data))
            come.append(LedgerEntry(hall, unpack_id(bytes(id_)), time, EventType(kind), said))
        yield moment, spans_of(come, ended)


def _columns(raised: _Changes) -> dict[str, list[Any]]:
    listed = [(item, change) for item, changes in raised.items() for change in changes]
    return {
        "regions": [item[0] for item, _ in listed],
        "items": [item[1] for item, _ in listed],
        "starts": [to_date(change.start) for _, change in listed],
        "ends": [to_date(change.end) for _, change in listed],
        "promised": [change.version.promised_days for _, change in listed],
        "known": [change.known.promised_days for _, change in listed],
    }


def _arrivals(asked: CheckScope, needy: Iterable[Any]) -> dict[tuple[int, str, str], int]:
    """Return when each case's decision first arrived; cases whose decision an import repeated are left out."""
    ids = {
        (row.region, row.hall, event.key): row.case_id
        for row in needy
        for event in unpack_history(bytes(row.history))
        if event.kind == Kind.DECIDED
    }
    if not ids:
        return {}
    more = {name: [key[index] for key in ids] for index, name in enumerate(("regions", "halls", "ids"))}
    came: dict[tuple[int, str, str], int] = {}
    for region, hall, id_, moment in asked.rows(_ARRIVALS, more):
        case = region, hall, ids[region, hall, bytes(id_)]
        came[case] = min(moment, came.get(case, moment))
    for key, row in archived_rows(asked.connection, ids).items():
        arrived, _, _, _, _, hundredths, imported = row[ARRIVED:]
        if not imported:
            moment = (arrived * 6000 + hundredths) * 10_000
            case = (*key[:2], ids[key])
            came[case] = min(moment, came.get(case, moment))
    return came


def _decision(row: Any, came: Mapping[tuple[int, str, str], int]) -> Decision:
    accepted, decided = day_of(row.accepted), day_of(row.decided)
    return Decision(accepted, decided, came.get(tuple(row[:3])), row.elapsed, row.promised_days, row.extended)


_RAISED = text(
    f"WITH now AS ({effective_items('s', 'on')} AND statutory_days > 0),"
    " was AS (SELECT DISTINCT ON (region, item_code) region, item_code, statutory_days FROM item_spans"
    ' WHERE region BETWEEN :low AND :high AND start <= :on AND ("end" IS NULL OR "end" > :since)'
    " AND statutory_days > 0 ORDER BY region, item_code, start)"
    f" SELECT now.region, item_code, now.name, {', '.join(f'now.{name}' for name in LIMIT_COLUMNS)}, was.statutory_days"
    " FROM now JOIN was USING (region, item_code)"
    " WHERE now.statutory_days > was.statutory_days OR now.statutory_days = ANY(:none_like) ORDER BY 1, 2"
)


def read_item_doubts(connection: Connection, scope: Scope, since: date, on: date) -> list[Doubt]:
    """Return doubts about items effective on a day whose statutory limit was raised, or is a number that means none.

    A limit is raised if it is longer than that of the version effective on `since`; of an item that came later, longer
    than that of its first version with a limit.
    """
    low, high = scope.bounds
    values = {"low": low, "high": high, "since": since, "on": on, "none_like": sorted(NONE_LIKE_LIMITS)}
    found = [_doubt(row) for row in connection.execute(_RAISED, values)]
    return [one for one in found if scope.department in (None, one.department)]


def _doubt(row: Sequence[Any]) -> Doubt:
    """Return a row's doubt. An item whose limit is a number that means none is left out whole, not compared."""
    region, code, name, *fields, was = row
    item, limits = ItemRef(region, code, name), ItemLimits(*fields)
    if limits.statutory_days in NONE_LIKE_LIMITS:
        return doubt(NONE_LIKE, item, limits, None)
    return doubt(RAISED, item, limits, was)
