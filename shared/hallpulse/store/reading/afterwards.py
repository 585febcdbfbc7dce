"""Item versions put in the place of others after the fact: the cases that they rescue, the limits that they raise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, text

from hallpulse.contract.events import EventType, Family
from hallpulse.domain.case import Kind, unpack_id
from hallpulse.domain.catalogue import Rewritten, Timeline, rewritten, span_on
from hallpulse.domain.clock import KeptPromise, needed_late_extension
from hallpulse.domain.compression import RAISED, Doubt, ItemLimits, ItemRef, doubt
from hallpulse.domain.figures import Scope
from hallpulse.domain.suspicion import Decision, Row, is_raised, is_rescued
from hallpulse.domain.workdays import Calendars, date_of, day_of, local_day
from hallpulse.store.cases import CaseKey
from hallpulse.store.database import to_date, unpack_data, unpack_history
from hallpulse.store.item_versions import Item, read_item_doubts, spans_in_force, spans_of
from hallpulse.store.ledger import LedgerEntry

from .counting import CheckScope

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


def rewritten_items(connection: Connection, scope: Scope) -> _Changes:
    """The changes of the past of every item of the scope's regions that give a longer limit.

    KeptPromise with the connection while a region's catalogue has the same version: its events are read once.
    """
    kept: dict[int, tuple[int, _Changes]] = connection.info.setdefault("rewritten", {})
    low, high = scope.bounds
    versions = {region: version for region, version in connection.execute(_VERSIONS, {"low": low, "high": high})}
    stale = [region for region, version in versions.items() if kept.get(region, (-1, {}))[0] != version]
    if stale:
        kept.update((region, (versions[region], changes)) for region, changes in _read(connection, stale).items())
    return {item: changes for region in versions for item, changes in kept[region][1].items()}


def _read(connection: Connection, regions: Sequence[int]) -> dict[int, dict[Item, list[Rewritten]]]:
    found: dict[int, dict[Item, list[Rewritten]]] = {region: {} for region in regions}
    rows = connection.execute(_ENTRIES, {"regions": list(regions), "family": Family.ITEM.value})
    for (region, code), group in groupby(rows, key=lambda row: (row.region, row.entity)):
        changes = [one for one in rewritten(list(_known(group))) if _gives_more(one)]
        if changes:
            found[region][region, code] = changes
    return found


def _gives_more(one: Rewritten) -> bool:
    return _is_longer(one) or is_raised(one)


def rescued_cases(asked: CheckScope, calendars: Calendars) -> list[CaseKey]:
    """Cases that keep their promise only by what came after they were decided, or after they were due."""
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
    """Cases that needed an extension of after their due day."""
    found: list[CaseKey] = []
    rows = asked.rows(_EXTENDED.format(where=asked.where("c")))
    for region, hall, case_id, accepted, decided, *days, history in rows:
        kept = KeptPromise(day_of(accepted), day_of(decided), *days)
        if needed_late_extension(kept, unpack_history(bytes(history)), calendars.workdays(region)):
            found.append((region, hall, case_id))
    return found


def read_doubts(connection: Connection, scope: Scope, since: date, on: date) -> list[Doubt]:
    """Items that make the compression look better, among those effective on a day, whichever way they came to.

    Beside what the catalogue shows (`read_item_doubts`): limits of the past that were rewritten after `since`.
    """
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
    """Item → statutory limits that were known for a day, with those in their place since a moment after `since`."""
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
    """Statutory limits that were raised on days of the past by what arrived in the window, one row an item."""
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


def _known(entries: Iterable[Any]) -> Iterator[tuple[int, Timeline]]:
    """The timeline of an item as it was known from each moment on at which something arrived."""
    come: list[LedgerEntry] = []
    for moment, group in groupby(entries, key=lambda row: row.came):
        for _, _, hall, id_, time, kind, data, _ in group:
            said = unpack_data(kind, "", bytes(data))
            come.append(LedgerEntry(hall, unpack_id(bytes(id_)), time, EventType(kind), said))
        yield moment, spans_of(come)


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
    """When each case's decision arrived first; of those that an import repeated nothing."""
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
    return came


def _decision(row: Any, came: Mapping[tuple[int, str, str], int]) -> Decision:
    accepted, decided = day_of(row.accepted), day_of(row.decided)
    return Decision(accepted, decided, came.get(tuple(row[:3])), row.elapsed, row.promised_days, row.extended)
