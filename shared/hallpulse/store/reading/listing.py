"""Lists behind a number, by page: cases and tallies, or items."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, text

from hallpulse.domain.figures import Figure, Scope, Window
from hallpulse.domain.indicators import COMPUTED
from hallpulse.store.reading.overview import CLASHES, read_figures

from .conditions import FLOW, STATES, Part, part_of
from .declared import Rules

MOST_ROWS = 1_000
_END_OF_TIME = "DATE '9999-12-31'"


class BadCursor(ValueError):
    """The cursor was not made by an earlier page of the same list."""


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """Either a state on the day asked, or a part of an indicator over a window, or of the flow of its days.

    item: the code of the item, with a flow alone.
    """

    scope: Scope
    state: str | None = None
    indicator: str | None = None
    part: Literal["numerator", "denominator"] = "numerator"
    window: Window | None = None
    flow: str | None = None
    item: str | None = None


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One case of a list; amount is what it adds to the total (1, or days)."""

    region: int
    hall: str
    case_id: str
    item_code: str | None
    department: str | None
    channel: str | None
    received: date | None
    accepted: date | None
    rejected: date | None
    decided: date | None
    withdrawn: date | None
    rated: date | None
    due: date | None
    statutory_due: date | None
    statutory_days: int | None
    promised_days: int | None
    extended: int
    elapsed: int | None
    score: int | None
    open: bool
    suspended: bool
    flags: int
    amount: int


@dataclass(frozen=True, slots=True)
class TallyRow:
    """A hall's daily count that is part of the total."""

    region: int
    hall: str
    day: date
    amount: int


@dataclass(frozen=True, slots=True)
class ItemRow:
    """A catalogue item that is part of the total."""

    region: int
    item_code: str
    name: str
    department: str
    instant: bool
    statutory_days: int | None
    promised_days: int | None
    amount: int


@dataclass(frozen=True, slots=True)
class CasePage:
    """One page: total is of the whole list; tallies come with the first page only."""

    total: int
    cases: Sequence[CaseRow] = ()
    tallies: Sequence[TallyRow] = ()
    items: Sequence[ItemRow] = ()
    next_cursor: str | None = None


_FIELDS = tuple(CaseRow.__dataclass_fields__)[:-1]
_SELECT = ", ".join(f"c.{name}" for name in _FIELDS)


def read_cases(
    connection: Connection, rules: Rules, wanted: CaseFilter, today: date, page: tuple[str | None, int]
) -> CasePage:
    """A page of what is behind a state, a part of an indicator or of the flow, as `CaseFilter` says. Raises BadCursor.

    page: its cursor, None for the first, and its length.
    A declared figure, and the 1 under a count, have a total with nothing behind it.
    """
    cursor, limit = page[0], max(1, min(page[1], MOST_ROWS))
    computed = COMPUTED.get(wanted.indicator or "")
    part = _part(wanted)
    if part is None:
        return CasePage(total=_total_alone(connection, rules, wanted))
    if computed is not None and computed.kind == "catalogue":
        return _read_items(connection, part, wanted, cursor, limit)
    values = _values(wanted, today)
    cases = _total(connection, part, wanted.scope, values)
    tallies = _tallies(connection, part, wanted.scope, values)
    sort = f"coalesce(c.late_from, {_END_OF_TIME})" if wanted.state is not None else _END_OF_TIME
    rows = _page(connection, _Listing(part, wanted.scope, sort, {**values, **_after(cursor, 4)}), limit)
    next_cursor = _cursor([rows[-1][-1].isoformat(), *rows[-1][:3]]) if len(rows) == limit else None
    return CasePage(
        total=cases + sum(t.amount for t in tallies),
        cases=[CaseRow(*row[:-1]) for row in rows],
        tallies=tallies if cursor is None else [],
        next_cursor=next_cursor,
    )


def _part(wanted: CaseFilter) -> Part | None:
    if wanted.flow is not None:
        found = FLOW[wanted.flow]
        return found if wanted.item is None else Part(f"{found.where} AND c.item_code = :item")
    if wanted.state is not None:
        return STATES[wanted.state]
    computed = COMPUTED.get(wanted.indicator or "")
    return None if computed is None else part_of(computed, wanted.part)


def _total_alone(connection: Connection, rules: Rules, wanted: CaseFilter) -> int:
    if wanted.window is None:
        return 0
    figure = read_figures(connection, rules, wanted.scope, wanted.window).get(wanted.indicator or "", Figure(0, 0))
    return figure.numerator if wanted.part == "numerator" else figure.denominator


def _values(wanted: CaseFilter, today: date) -> dict[str, Any]:
    low, high = wanted.scope.bounds
    values: dict[str, Any] = {"low": low, "high": high, "today": today, "item": wanted.item}
    if wanted.window is not None:
        values.update(start=wanted.window.start, end=wanted.window.end)
    return {**values, "department": wanted.scope.department, "hall": wanted.scope.hall}


def _scope_where(scope: Scope, alias: str) -> str:
    where = f"{alias}.region BETWEEN :low AND :high"
    if scope.department is not None:
        where += f" AND {alias}.department = :department"
    if scope.hall is not None:
        where += f" AND {alias}.hall = :hall"
    return where


def _total(connection: Connection, part: Part, scope: Scope, values: dict[str, Any]) -> int:
    query = f"SELECT coalesce(sum({part.amount}), 0) FROM cases c WHERE {_scope_where(scope, 'c')} AND {part.where}"
    return int(connection.execute(text(query), values).scalar_one())


class _Listing(NamedTuple):
    part: Part
    scope: Scope
    sort: str
    values: dict[str, Any]


def _page(connection: Connection, listing: _Listing, limit: int) -> Sequence[Sequence[Any]]:
    part, scope, sort, values = listing
    after = f" AND ({sort}, c.region, c.hall, c.case_id) > (:a0, :a1, :a2, :a3)" if "a0" in values else ""
    query = (
        f"SELECT {_SELECT}, {part.amount} AS amount, {sort} AS sort FROM cases c"
        f" WHERE {_scope_where(scope, 'c')} AND {part.where}{after}"
        f" ORDER BY sort, c.region, c.hall, c.case_id LIMIT {limit}"
    )
    return [tuple(row) for row in connection.execute(text(query), values)]


def _tallies(connection: Connection, part: Part, scope: Scope, values: dict[str, Any]) -> list[TallyRow]:
    if part.tally is None or scope.department is not None:
        return []
    query = (
        f"SELECT t.region, t.hall, t.day, {part.tally} AS amount FROM tallies t WHERE {_scope_where(scope, 't')}"
        f" AND t.day BETWEEN :start AND :end AND NOT {CLASHES} ORDER BY t.region, t.hall, t.day"
    )
    return [TallyRow(*row) for row in connection.execute(text(query), values)]


def _read_items(connection: Connection, part: Part, wanted: CaseFilter, cursor: str | None, limit: int) -> CasePage:
    where, amount = part.where, part.amount
    values = _values(wanted, date.max)
    effective = (
        f"FROM item_spans s WHERE {_scope_where(wanted.scope, 's')} AND s.start <= :end"
        f' AND (s."end" IS NULL OR s."end" > :end) AND {where}'
    )
    total = connection.execute(text(f"SELECT coalesce(sum({amount}), 0) {effective}"), values).scalar_one()
    after = " AND (s.region, s.item_code) > (:a0, :a1)" if cursor is not None else ""
    query = (
        "SELECT s.region, s.item_code, s.name, s.department, s.instant, s.statutory_days, s.promised_days,"
        f" {amount} {effective}{after} ORDER BY s.region, s.item_code LIMIT {limit}"
    )
    items = [ItemRow(*row) for row in connection.execute(text(query), {**values, **_after(cursor, 2)})]
    more = _cursor([items[-1].region, items[-1].item_code]) if len(items) == limit else None
    return CasePage(total=int(total), items=items, next_cursor=more)


def _cursor(key: list[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def _after(cursor: str | None, length: int) -> dict[str, Any]:
    """The key of the last row of the page before, as parameters a0, a1, …"""
    if cursor is None:
        return {}
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(key, list) or len(key) != length:
            raise ValueError
        if length == 4:
            key[0] = date.fromisoformat(key[0])
        region = key[1] if length == 4 else key[0]
        if type(region) is not int or not all(_is_stored_text(part) for part in key[length // 2 :]):
            raise ValueError
    except (ValueError, TypeError):
        raise BadCursor("cursor: expected what an earlier page gave as next_cursor") from None
    return {f"a{index}": value for index, value in enumerate(key)}


def _is_stored_text(part: object) -> bool:
    """Return whether the database could have given it; raises ValueError for half a surrogate pair."""
    return isinstance(part, str) and b"\0" not in part.encode()
