"""Every report of declared figures, with its status: whether it counts, and if not, why not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple

from sqlalchemy import Connection

from hallpulse.domain.case import unpack_id
from hallpulse.domain.declarations import IMPOSSIBLE, UNKNOWN
from hallpulse.domain.figures import Declared, Scope, Window, counted_of
from hallpulse.domain.workdays import day_of

from .declared import JUDGED, Rules, executed

Status = Literal["counted", "superseded", "nested", "unknown_figure", "impossible_figure"]


class FigureFilter(NamedTuple):
    """A filter of reports: those of a scope whose period lies wholly in the window, of one indicator if it is named.

    arrived_from: only those that arrived on this day (Asia/Shanghai) or later, if it is given.
    """

    scope: Scope
    window: Window
    indicator: str | None = None
    arrived_from: date | None = None


@dataclass(frozen=True, slots=True)
class FigureReport:
    """One report of a declared figure in force, and whether it counts.

    hall, id: the event's; time: microseconds since 1970-01-01 UTC; arrived: minutes since then; extra: the event's
    other attributes as JSON, None if it has none.
    """

    region: int
    indicator: str
    department: str
    period: str
    numerator: int
    denominator: int | None
    revision: int
    hall: str
    id: str
    time: int
    arrived: int
    status: Status
    extra: bytes | None = None


_REPORTS = (
    f"{JUDGED} SELECT f.region, f.indicator, f.department, f.period, f.first_day, f.last_day, f.numerator,"
    f" f.denominator, f.revision, f.hall, f.id, f.time, f.arrived, f.verdict, e.extra, f.place FROM judged f"
    " JOIN events e ON e.id = f.id AND e.region = f.region AND e.hall = f.hall"
    " ORDER BY f.region, f.indicator, f.first_day, f.last_day DESC, f.department, f.place"
)
_ARRIVED = (
    " AND (f.region, f.indicator) IN (SELECT n.region, n.indicator FROM figures n"
    " WHERE n.region BETWEEN :low AND :high AND n.arrived >= :since)"
)
"""SQL of the indicators that a report arrived of: whether it counts depends on all others of its indicator."""
_IN_WINDOW = "f.region BETWEEN :low AND :high AND f.first_day >= :start AND f.last_day <= :end"


def read_reports(connection: Connection, rules: Rules, wanted: FigureFilter) -> list[FigureReport]:
    """Return every report of periods that lie wholly in the window; for each figure, first those that could count.

    The counted reports add up to the indicator of the scope over the same window.
    """
    more, where = dict[str, object](), _IN_WINDOW
    for name in ("indicator", "department"):
        if (given := getattr(wanted if name == "indicator" else wanted.scope, name)) is not None:
            where, more[name] = f"{where} AND f.{name} = :{name}", given
    since = None if wanted.arrived_from is None else day_of(wanted.arrived_from) * 1440 - 480
    if since is not None:
        where, more["since"] = f"{where}{_ARRIVED}", since
    query = _REPORTS.format(where=where)
    rows = [_Row(*row) for row in executed(connection, query, rules, (wanted.scope, wanted.window), more)]
    found = _with_status(rows, wanted.scope.department)
    return found if since is None else [one for one in found if one.arrived >= since]


class _Row(NamedTuple):
    region: int
    indicator: str
    department: str
    period: str
    first_day: date
    last_day: date
    numerator: int
    denominator: int | None
    revision: int
    hall: str
    id: bytes
    time: int
    arrived: int
    verdict: str
    extra: bytes | None
    place: int

    @property
    def figure(self) -> tuple[int, str, str, str]:
        return self[:4]

    @property
    def declared(self) -> Declared:
        window = Window(self.first_day, self.last_day)
        return Declared(self.region, self.indicator, self.department, window, self.numerator, self.denominator)


def _with_status(rows: Sequence[_Row], department: str | None) -> list[FigureReport]:
    standing: dict[tuple[int, str, str, str], _Row] = {}
    for row in rows:
        if not row.verdict and row.place >= 0:
            standing.setdefault(row.figure, row)
    groups: dict[tuple[int, str], list[Declared]] = {}
    for row in standing.values():
        groups.setdefault((row.region, row.indicator), []).append(row.declared)
    counting = {one for listed in groups.values() for one in counted_of(listed, department)}
    return [_report(row, _status(row, standing, counting)) for row in rows]


def _status(row: _Row, standing: Mapping[tuple[int, str, str, str], _Row], counting: Set[Declared]) -> Status:
    if row.place < 0:
        return "superseded"
    if row.verdict:
        return UNKNOWN if row.verdict == UNKNOWN else IMPOSSIBLE
    if standing[row.figure] is not row:
        return "superseded"
    return "counted" if row.declared in counting else "nested"


def _report(row: _Row, status: Status) -> FigureReport:
    extra = None if row.extra is None else bytes(row.extra)
    return FigureReport(
        row.region, row.indicator, row.department, row.period, row.numerator, row.denominator, row.revision,
        row.hall, unpack_id(bytes(row.id)), row.time, row.arrived, status, extra,
    )  # fmt: skip
