"""Import of declared figures: a row is checked by the plans, as at the gateway, and becomes the next revision."""

from __future__ import annotations

import difflib
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

import msgspec

from hallpulse.contract.decode import EVENT_TYPE, decode_events
from hallpulse.contract.events import EventType, FigureReported, HallEvent
from hallpulse.contract.identity import DESK, REFUSED
from hallpulse.domain.declarations import Declaration, fault_of
from hallpulse.domain.figures import Declared, Figure, Window, declared_sums, period_window
from hallpulse.domain.plan import DeclaredIndicator, Names, Plan
from hallpulse.domain.workdays import date_of, local_day, time_text
from hallpulse.store import FigureReport
from services.importing.cells import Cell, folded, is_empty, says_nothing, text_of, word_of
from services.importing.effects import Effect
from services.importing.items import NAMESPACE, checked
from services.importing.layout import Row
from services.importing.problems import BadRow, RowProblem
from services.importing.sheet_reader import SheetReader

_WHOLE = re.compile(r"[+-]?(?:[0-9]{1,15}|[0-9]{1,3}(?:,[0-9]{3}){1,4})(?:\.0+)?")
_PERIODS = (
    (re.compile(r"([0-9]{4})[年]?"), "{}"),
    (re.compile(r"([0-9]{4})(?:[-/.年](?!(?<=\.)1$)([0-9]{1,2})|(0[1-9]|1[0-2]))月?份?"), "{}-{:02}"),
    (re.compile(r"([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?"), "{}-{:02}-{:02}"),
)
_REGION_ITSELF = frozenset(("全县", "全区", "全市", "全旗", "本县", "本区", "本市", "本地区", "全地区", "region"))
_canonical = msgspec.json.Encoder(order="deterministic").encode
Key = tuple[str, str, str]
"""Indicator, period, department (empty for a figure of the region)."""


class FigureSaid(NamedTuple):
    """A row's figure that passed the checks. note: the person's remark; department: empty for the region's figure."""

    indicator: str
    period: str
    department: str
    numerator: int
    denominator: int | None
    note: str

    @property
    def key(self) -> Key:
        return self.indicator, self.period, self.department

    @property
    def shown(self) -> str:
        return " ".join(part for part in self.key if part)


@dataclass(slots=True)
class FigureImport:
    """The context of an import of declared figures.

    region, hall: the region and hall of the figures; plans: the plans over the region; saved, now: when the file was
    saved and the current time, in microseconds since 1970-01-01 UTC; stored: all stored reports of the plans' periods;
    reporter: the person who hands in the file; only: the one department whose figures the file may declare. The last
    two are empty for an import by the command line.
    """

    region: int
    hall: str
    plans: Sequence[Plan]
    saved: int
    now: int
    stored: Sequence[FigureReport] = ()
    reporter: str = ""
    only: str = ""
    _by_key: dict[Key, list[FigureReport]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for report in self.stored:
            self._by_key.setdefault((report.indicator, report.period, report.department), []).append(report)

    @property
    def today(self) -> date:
        return date_of(local_day(self.now))

    def reports(self, key: Key) -> Sequence[FigureReport]:
        """Return the stored reports of a figure, the one that counts first."""
        return self._by_key.get(key, ())

    def in_force(self, key: Key) -> FigureReport | None:
        return next((one for one in self.reports(key) if one.status in ("counted", "nested")), None)

    def event(self, said: FigureSaid) -> HallEvent:
        """Return the event of a figure, with the next revision. Its id follows from its content and the file's time."""
        data = said_as(said, 1 + max((one.revision for one in self.reports(said.key)), default=0), self._replaced(said))
        time = min(self.saved, self.now)
        beside = {name: text for name, text in (("note", said.note), ("reporter", self.reporter)) if text}
        extra = _canonical(beside) if beside else None
        told = f"/{self.region}/{self.hall}|{time}|{_canonical(data).decode()}|{said.note}"
        id_ = str(uuid.uuid5(NAMESPACE, told))
        return HallEvent(self.region, self.hall, id_, EventType.FIGURE_REPORTED, time, data, extra)

    def _replaced(self, said: FigureSaid) -> str | None:
        """Return the id of the event that the figure corrects: an earlier declaration by form or at the gateway."""
        standing = self.in_force(said.key)
        return standing.id if standing is not None and self.hall == standing.hall == DESK else None


def said_as(said: FigureSaid, revision: int, corrects: str | None = None) -> FigureReported:
    department = said.department or None
    return FigureReported(said.indicator, said.period, revision, said.numerator, said.denominator, department, corrects)


def figure_of(reader: SheetReader, row: Row, wanted: FigureImport) -> FigureSaid:
    """Return a row's figure. Raise BadRow if it is not understood for sure or fails the plans' checks."""
    reader.refuse_unreadable(row)
    indicator = _indicator(reader, row, wanted)
    period, window = _period(reader, row, indicator)
    said = FigureSaid(
        indicator.id,
        period,
        _department(reader, row, wanted),
        _amount(reader, row, "numerator"),
        None if _says_nothing(reader, row, "denominator") else _amount(reader, row, "denominator"),
        text_of(reader.cell(row, "note"))[:200],
    )
    judged = Declaration(
        wanted.region, said.indicator, said.department, window, said.numerator, said.denominator, wanted.today
    )
    fault = fault_of(wanted.plans, judged)
    if fault is not None:
        raise BadRow(fault.wrong, fault.field, f"{text_of(reader.cell(row, fault.field))}：{fault.zh}")
    checked(wanted.event(said), wanted.now)
    return said


def _indicator(reader: SheetReader, row: Row, wanted: FigureImport) -> DeclaredIndicator:
    """Return the indicator that a row names by its id, by its name, or by both. Raise BadRow if they disagree."""
    known = {one.id: one for plan in wanted.plans for one in plan.indicators}
    by_name = {folded(name): one for one in known.values() for name in (one.names.zh, one.names.en)}
    code, name = (text_of(reader.cell(row, column)) for column in ("indicator", "indicator_name"))
    if not code and not name:
        raise BadRow(RowProblem.MISSING_FIELD, "indicator" if reader.has("indicator") else "indicator_name")
    found = [known.get(code) or by_name.get(folded(code))] if code else []
    found += [by_name.get(folded(name))] if name and (not code or reader.has("indicator_name")) else []
    if None in found:
        of_code = bool(code) and found[0] is None
        written, column = (code, "indicator") if of_code else (name, "indicator_name")
        near = difflib.get_close_matches(written, [*known, *(one.names.zh for one in known.values())], 1)
        raise BadRow("unknown-indicator", column, f"{written}：最接近的是 {near[0]}" if near else written)
    if len({one.id for one in found if one is not None}) > 1:
        raise BadRow(RowProblem.COLUMNS_DISAGREE, "indicator_name", f"{code} / {name}")
    assert found[0] is not None
    return found[0]


def _department(reader: SheetReader, row: Row, wanted: FigureImport) -> str:
    """Return the department's id; empty for a figure of the region, which the row must name (全县). Raise BadRow."""
    written = {name: text_of(reader.cell(row, name)) for name in ("office", "office_name")}
    said = {name: text for name, text in written.items() if text and not says_nothing(word_of(text))}
    if not said:
        raise BadRow(RowProblem.MISSING_FIELD, "office" if reader.has("office") else "office_name")
    found = {_office(name, text, wanted) for name, text in said.items()}
    if len(found) > 1:
        raise BadRow(RowProblem.COLUMNS_DISAGREE, "office_name", " / ".join(said.values()))
    if wanted.only and wanted.only not in found:
        raise BadRow(RowProblem.OTHER_DEPARTMENT, next(iter(said)), " / ".join(said.values()))
    return found.pop()


def _office(field_name: str, written: str, wanted: FigureImport) -> str:
    if folded(written) in _REGION_ITSELF:
        return ""
    known = {one.id: one.names for plan in wanted.plans for one in plan.departments}
    spelt = {folded(text): id_ for id_, names in known.items() for text in (id_, *_spellings(names))}
    found = spelt.get(folded(written))
    if found is None:
        near = difflib.get_close_matches(written, [names.zh for names in known.values()], 1)
        raise BadRow("unknown-department", field_name, f"{written}：最接近的是 {near[0]}" if near else written)
    return found


def _spellings(names: Names) -> Iterable[str]:
    """Return the spellings of a department: whole, and the parts outside and inside of brackets.

    An example is 县政务服务和数字化建设管理局（县政数局）.
    """
    parts = [part for part in re.split(r"[()（）]", names.zh) if part]
    return (names.zh, names.en, *parts)


def _period(reader: SheetReader, row: Row, indicator: DeclaredIndicator) -> tuple[str, Window]:
    cell = reader.cell(row, "period")
    if is_empty(cell):
        raise BadRow(RowProblem.MISSING_FIELD, "period")
    period = _written_period(cell, indicator)
    try:
        if period is None:
            raise ValueError(cell)
        return period, period_window(period)
    except ValueError:
        raise BadRow("bad-period", "period", text_of(cell)) from None


def _written_period(cell: Cell, indicator: DeclaredIndicator) -> str | None:
    """Return the period that a cell gives, as 2026, 2026-05 or 2026-05-04; None if it is not understood.

    The first day of a month is that month if the indicator has only months: spreadsheets make dates of months. 2026.1
    is not understood: spreadsheets make it of 2026.10.
    """
    if isinstance(cell, datetime | date):
        day = cell.date() if isinstance(cell, datetime) else cell
        return f"{day:%Y-%m}" if indicator.periods == ("month",) and day.day == 1 else f"{day:%Y-%m-%d}"
    text = folded(text_of(cell))
    for pattern, form in _PERIODS:
        if match := pattern.fullmatch(text):
            year, *rest = filter(None, match.groups())
            return form.format(year, *map(int, rest))
    return None


def _amount(reader: SheetReader, row: Row, name: str) -> int:
    cell = reader.cell(row, name)
    if is_empty(cell):
        raise BadRow(RowProblem.MISSING_FIELD, name, "本期没有的请填 0 / 0" if name == "numerator" else "")
    text = folded(text_of(cell))
    if isinstance(cell, bool | datetime | date) or not _WHOLE.fullmatch(text):
        raise BadRow("bad-amount", name, text_of(cell))
    return int(text.replace(",", "").partition(".")[0])


def figure_key(reader: SheetReader, row: Row, wanted: FigureImport) -> tuple[str, int]:
    """Return the figure that a row is about and a hash of its content; an empty text if the row is rejected."""
    try:
        said = figure_of(reader, row, wanted)
    except BadRow:
        return "", 0
    return said.shown, hash(said)


def figure_effects(wanted: FigureImport, published: Iterable[HallEvent]) -> list[Effect]:
    """Return the region's figures of the periods that change, as stored and with the events about to be published."""
    standing = {key: one for key in wanted._by_key if (one := wanted.in_force(key)) is not None}
    before = {key: _declared(wanted.region, key, one.numerator, one.denominator) for key, one in standing.items()}
    after = dict(before)
    touched: set[tuple[str, str]] = set()
    for data in (event.data for event in published):
        assert isinstance(data, FigureReported)
        key = (data.indicator, data.period, data.department or "")
        after[key] = _declared(wanted.region, key, data.numerator, data.denominator)
        touched.add((data.period, data.indicator))
    return [
        Effect(period, indicator, *(_sum(figures, indicator, period) for figures in (before, after)))
        for period, indicator in sorted(touched)
    ]


def _declared(region: int, key: Key, numerator: int, denominator: int | None) -> Declared:
    indicator, period, department = key
    return Declared(region, indicator, department, period_window(period), numerator, denominator)


def _sum(figures: Mapping[Key, Declared], indicator: str, period: str) -> Figure:
    window = period_window(period)
    inside = [
        one
        for (name, _, _), one in figures.items()
        if name == indicator and window.start <= one.window.start and one.window.end <= window.end
    ]
    return declared_sums(inside, None).get(indicator, Figure(0, 0))


class Declined(NamedTuple):
    """A message to the broker about a declaration that fails the checks, for the bureau's lists."""

    routing_key: str
    body: bytes


_READ_AMISS = frozenset(
    {
        *(RowProblem.BROKEN_LINE, RowProblem.FORMULA, RowProblem.TOO_WIDE, RowProblem.CUT_OFF, RowProblem.TOO_SHORT),
        *(RowProblem.STRUCK, RowProblem.STRUCK_PARTLY, RowProblem.TWICE_WITH_OTHERS, RowProblem.COLUMNS_DISAGREE),
        RowProblem.OTHER_DEPARTMENT,
        *(RowProblem.DITTO, RowProblem.SAID_VOID, RowProblem.MERGED, RowProblem.GARBLED),
    }
)
"""Problems of rows whose declaration is uncertain, or of another department than the sender's."""


def declined(reader: SheetReader, row: Row, reason: str, wanted: FigureImport) -> Declined | None:
    """Return the message that reports a rejected row to the bureau: an event that becomes a finding, or a rejection.

    Return None if the row declares nothing for sure, or if its declaration is stored already.
    """
    if (
        reason in _READ_AMISS
        or not _is_the_senders(reader, row, wanted)
        or all(_says_nothing(reader, row, name) for name in ("numerator", "denominator"))
    ):
        return None
    said = _as_written(reader, row, wanted)
    reports = wanted.reports((str(said["indicator"]), str(said["period"]), str(said.get("department", ""))))
    if any((one.numerator, one.denominator) == (said.get("numerator"), said.get("denominator")) for one in reports):
        return None
    said["revision"] = 1 + max((one.revision for one in reports), default=0)
    time = min(wanted.saved, wanted.now)
    told = f"declined|/{wanted.region}/{wanted.hall}|{time}|{_canonical(said).decode()}"
    body = _canonical(
        {
            "specversion": "1.0",
            "id": str(uuid.uuid5(NAMESPACE, told)),
            "source": f"/{wanted.region}/{wanted.hall}",
            "type": EventType.FIGURE_REPORTED.wire_name,
            "time": time_text(time),
            **({"reporter": wanted.reporter} if wanted.reporter else {}),
            "data": said,
        }
    )
    (outcome,) = decode_events(body, content_type=EVENT_TYPE, now=wanted.now)
    if isinstance(outcome, HallEvent) and not _is_finding(outcome.data, wanted):
        return None
    family = EventType.FIGURE_REPORTED.family if isinstance(outcome, HallEvent) else REFUSED
    return Declined(f"{wanted.region}.{wanted.hall}.{family}", body)


def _is_the_senders(reader: SheetReader, row: Row, wanted: FigureImport) -> bool:
    """Return whether the row is about the one department whose figures the file may declare, if there is one."""
    if not wanted.only:
        return True
    with suppress(BadRow):
        return _department(reader, row, wanted) == wanted.only
    return False


def _is_finding(data: object, wanted: FigureImport) -> bool:
    assert isinstance(data, FigureReported)
    window = period_window(data.period)
    said = Declaration(
        wanted.region, data.indicator, data.department or "", window, data.numerator, data.denominator, wanted.today
    )
    return fault_of(wanted.plans, said) is not None


def _as_written(reader: SheetReader, row: Row, wanted: FigureImport) -> dict[str, object]:
    """Return a rejected row as the data of an event: understood values, and texts where nothing is understood."""
    said: dict[str, object] = {}
    indicator: DeclaredIndicator | None = None
    with suppress(BadRow):
        indicator = _indicator(reader, row, wanted)
    said["indicator"] = indicator.id if indicator else _first_text(reader, row, "indicator", "indicator_name")
    period = None if indicator is None else _written_period(reader.cell(row, "period"), indicator)
    said["period"] = period or _first_text(reader, row, "period")
    try:
        department = _department(reader, row, wanted)
    except BadRow:
        department = _first_text(reader, row, "office", "office_name")
    said |= {"department": department} if department else {}
    for name in ("numerator", "denominator"):
        if not _says_nothing(reader, row, name):
            try:
                said[name] = _amount(reader, row, name)
            except BadRow:
                said[name] = _first_text(reader, row, name)
    return said


def _says_nothing(reader: SheetReader, row: Row, name: str) -> bool:
    return says_nothing(word_of(reader.cell(row, name)))


def _first_text(reader: SheetReader, row: Row, *names: str) -> str:
    return next((text for name in names if (text := text_of(reader.cell(row, name)))), "")[:100]
