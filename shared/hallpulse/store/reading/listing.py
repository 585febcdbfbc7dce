"""The lists behind a number, page by page: cases and tallies, or items."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, text

from hallpulse.domain.figures import Figure, Scope, Window
from hallpulse.domain.indicators import COMPUTED
from hallpulse.store.reading.overview import CLASHES, read_figures

from .conditions import FLOW, STATES, Part, part_of
from .declared import Rules
from .narrowing import CASE_ORDERS, ITEM_ORDERS, CaseSearch, Order, SortKey, sought_cases, sought_items

MOST_ROWS = 1_000
_END_OF_TIME = "DATE '9999-12-31'"


class BadCursor(ValueError):
    """The cursor was not made by an earlier page of the same list."""


class BadOrder(ValueError):
    """The list has no such column to sort by."""


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """The number whose list is wanted: a state on a day, or a part of an indicator or of the flow over a window.

    item: the code of an item, only for a flow; sought: what the list is narrowed to; order: None for the usual one.
    """

    scope: Scope
    state: str | None = None
    indicator: str | None = None
    part: Literal["numerator", "denominator"] = "numerator"
    window: Window | None = None
    flow: str | None = None
    item: str | None = None
    sought: CaseSearch | None = None
    order: Order | None = None


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One case of a list. amount: what it adds to the total (1, or days); item_name: the newest name of its item."""

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
    item_name: str | None = None


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
    """One page. total: of the whole list; rows: the length of the list; tallies: only on the first page."""

    total: int
    cases: Sequence[CaseRow] = ()
    tallies: Sequence[TallyRow] = ()
    items: Sequence[ItemRow] = ()
    next_cursor: str | None = None
    rows: int = 0


_FIELDS = tuple(name for name in CaseRow.__dataclass_fields__ if name not in ("amount", "item_name"))
_ITEM_NAME = (
    "(SELECT n.name FROM item_spans n WHERE n.region = c.region AND n.item_code = c.item_code"
    " ORDER BY n.start DESC LIMIT 1)"
)
_SELECT = ", ".join(f"c.{name}" for name in _FIELDS)


class AskedPage(NamedTuple):
    """The rows of a list that are asked for: those after a cursor or after the first `offset`, `limit` at most."""

    cursor: str | None = None
    limit: int = 100
    offset: int = 0

    @property
    def is_first(self) -> bool:
        return self.cursor is None and self.offset == 0


def read_cases(connection: Connection, rules: Rules, wanted: CaseFilter, today: date, asked: AskedPage) -> CasePage:
    """Return a page of the list behind a number.

    Raises BadCursor, and BadOrder for a column that the list does not have. A declared figure, and the denominator of a
    count, have a total but no list.
    """
    computed = COMPUTED.get(wanted.indicator or "")
    part = _part(wanted)
    if part is None:
        return CasePage(total=_total_alone(connection, rules, wanted))
    if computed is not None and computed.kind == "catalogue":
        return _read_items(connection, part, wanted, asked)
    more, sought = sought_cases(wanted.sought or CaseSearch())
    part, values = part._replace(where=part.where + more), {**_values(wanted, today), **sought}
    cases, length = _total(connection, part, wanted.scope, values)
    tallies = _tallies(connection, part, wanted, values)
    usual = f"coalesce(c.late_from, {_END_OF_TIME})" if wanted.state is not None else _END_OF_TIME
    sorting = _sorting(CASE_ORDERS, wanted.order, SortKey(usual, date, _END_OF_TIME, _END_OF_TIME))
    found, next_cursor = _page(connection, _Listing(part, wanted.scope, sorting, values), asked)
    return CasePage(
        total=cases + sum(t.amount for t in tallies),
        rows=length,
        cases=[CaseRow(*row) for row in found],
        tallies=tallies if asked.is_first else [],
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


def _total(connection: Connection, part: Part, scope: Scope, values: dict[str, Any]) -> tuple[int, int]:
    """Return the sum of what the cases add, and their number."""
    query = (
        f"SELECT coalesce(sum({part.amount}), 0), count(*) FROM cases c"
        f" WHERE {_scope_where(scope, 'c')} AND {part.where}"
    )
    total, length = connection.execute(text(query), values).one()
    return int(total), int(length)


class _Sorting(NamedTuple):
    """By which expression, of which type, in which direction. name: of the column, None for the usual order."""

    name: str | None
    sql: str
    kind: type[str] | type[int] | type[date]
    descending: bool

    def after(self, key: str) -> str:
        """The rows behind that of the parameters :a0 (its value) and :a1, … (its key)."""
        if not self.descending:
            return f" AND ({self.sql}, {key}) > (:a0, {_places(key)})"
        return f" AND ({self.sql} < :a0 OR ({self.sql} = :a0 AND ({key}) > ({_places(key)})))"

    @property
    def order(self) -> str:
        return "sort DESC" if self.descending else "sort"


def _places(key: str) -> str:
    return ", ".join(f":a{place}" for place, _ in enumerate(key.split(", "), start=1))


def _sorting(orders: Mapping[str, SortKey], order: Order | None, usual: SortKey) -> _Sorting:
    if order is None:
        return _Sorting(None, usual.sql, usual.kind, descending=False)
    found = orders.get(order.column)
    if found is None:
        raise BadOrder(f"sort: expected one of {', '.join(orders)}")
    sign = "-" if order.descending else ""
    expression = found.expression(descending=order.descending)
    return _Sorting(sign + order.column, expression, found.kind, order.descending)


class _Listing(NamedTuple):
    part: Part
    scope: Scope
    sorting: _Sorting
    values: dict[str, Any]


_CASE_KEY = "c.region, c.hall, c.case_id"


def _page(connection: Connection, listing: _Listing, asked: AskedPage) -> tuple[Sequence[Sequence[Any]], str | None]:
    """The rows of a page as `CaseRow` has them, and the cursor of the next one."""
    part, scope, sorting, values = listing
    limit = max(1, min(asked.limit, MOST_ROWS))
    after = "" if asked.cursor is None else sorting.after(_CASE_KEY)
    query = (
        f"SELECT {_SELECT}, {part.amount} AS amount, {_ITEM_NAME} AS item_name, {sorting.sql} AS sort FROM cases c"
        f" WHERE {_scope_where(scope, 'c')} AND {part.where}{after}"
        f" ORDER BY {sorting.order}, {_CASE_KEY} LIMIT {limit} OFFSET {asked.offset}"
    )
    rows = [tuple(row) for row in connection.execute(text(query), {**values, **_after(asked.cursor, sorting, 3)})]
    full = len(rows) == limit
    return [row[:-1] for row in rows], _cursor(sorting, rows[-1][-1], rows[-1][:3]) if full else None


def _tallies(connection: Connection, part: Part, wanted: CaseFilter, values: dict[str, Any]) -> list[TallyRow]:
    """The daily counts in the total; none in a list that is narrowed, since a text or a card is of a case."""
    scope = wanted.scope
    if part.tally is None or scope.department is not None or wanted.sought is not None:
        return []
    query = (
        f"SELECT t.region, t.hall, t.day, {part.tally} AS amount FROM tallies t WHERE {_scope_where(scope, 't')}"
        f" AND t.day BETWEEN :start AND :end AND NOT {CLASHES} ORDER BY t.region, t.hall, t.day"
    )
    return [TallyRow(*row) for row in connection.execute(text(query), values)]


_ITEM_KEY = "s.region, s.item_code"


def _read_items(connection: Connection, part: Part, wanted: CaseFilter, asked: AskedPage) -> CasePage:
    more, sought = sought_items(wanted.sought or CaseSearch())
    amount, values = part.amount, {**_values(wanted, date.max), **sought}
    effective = (
        f"FROM item_spans s WHERE {_scope_where(wanted.scope, 's')} AND s.start <= :end"
        f' AND (s."end" IS NULL OR s."end" > :end) AND {part.where}{more}'
    )
    total, length = connection.execute(text(f"SELECT coalesce(sum({amount}), 0), count(*) {effective}"), values).one()
    sorting = _sorting(ITEM_ORDERS, wanted.order, SortKey(_END_OF_TIME, date, _END_OF_TIME, _END_OF_TIME))
    after = "" if asked.cursor is None else sorting.after(_ITEM_KEY)
    limit = max(1, min(asked.limit, MOST_ROWS))
    query = (
        "SELECT s.region, s.item_code, s.name, s.department, s.instant, s.statutory_days, s.promised_days,"
        f" {amount}, {sorting.sql} AS sort {effective}{after}"
        f" ORDER BY {sorting.order}, {_ITEM_KEY} LIMIT {limit} OFFSET {asked.offset}"
    )
    found = [tuple(row) for row in connection.execute(text(query), {**values, **_after(asked.cursor, sorting, 2)})]
    next_cursor = _cursor(sorting, found[-1][-1], found[-1][:2]) if len(found) == limit else None
    items = [ItemRow(*row[:-1]) for row in found]
    return CasePage(total=int(total), rows=int(length), items=items, next_cursor=next_cursor)


def _cursor(sorting: _Sorting, value: Any, key: Sequence[Any]) -> str:
    """The last row's place, with the order in which it is one; the usual one is not named."""
    told = value.isoformat() if isinstance(value, date) else value
    place = [told, *key] if sorting.name is None else [told, *key, sorting.name]
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def _after(cursor: str | None, sorting: _Sorting, length: int) -> dict[str, Any]:
    """Return the place of the last row of the page before as parameters: a0 (the value sorted by), a1, … (length)."""
    if cursor is None:
        return {}
    try:
        place = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        named = [] if sorting.name is None else [sorting.name]
        if not isinstance(place, list) or len(place) != 1 + length + len(named) or place[1 + length :] != named:
            raise ValueError
        value, region, *texts = place[: 1 + length]
        value = date.fromisoformat(value) if sorting.kind is date else value
        if type(value) is not sorting.kind or type(region) is not int or not all(map(_is_stored_text, texts)):
            raise ValueError
        if not _is_stored(value):
            raise ValueError
    except (ValueError, TypeError):
        raise BadCursor("cursor: expected what an earlier page gave as next_cursor") from None
    return {f"a{place}": part for place, part in enumerate([value, region, *texts])}


def _is_stored(value: date | str | int) -> bool:
    if isinstance(value, int):
        return abs(value) < 2**63
    return isinstance(value, date) or _is_stored_text(value)


def _is_stored_text(part: object) -> bool:
    """Return whether the database could have returned it; raises ValueError for half a surrogate pair."""
    return isinstance(part, str) and b"\0" not in part.encode()
