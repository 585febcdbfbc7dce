"""Making, publishing and writing of reports: plain objects that need no nameko."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Protocol

from hallpulse.domain.errors import HallpulseError
from hallpulse.domain.figures import Scope
from hallpulse.domain.ladder import Matter
from hallpulse.domain.plan import Plan, plan_for
from hallpulse.domain.workdays import date_of, local_day
from hallpulse.store import About, AuditEntry, NewReport, PublishedReport, ReportExists, ReportFile
from services.reports.monthly import (
    LANGUAGES,
    Language,
    MonthlyReport,
    Period,
    document_of,
    file_stem,
    monthly_report,
    period_of,
)
from services.reports.monthly.periods import period_on
from services.reports.reading import Store as ReadableStore
from services.reports.reading import read_material
from services.reports.renderers import FORMATS, MEDIA_TYPES, Format, rendered
from services.reports.sheet import sheet_of
from services.reports.writing import put

WRITTEN_ON_TIME: Format = "docx"
"""The format in which the timer writes reports; the others are made on demand."""
_HALL = re.compile(r"[a-z0-9-]{1,40}")
_REGION = re.compile(r"[1-9][0-9]{5}")


class NoPlan(HallpulseError):
    """No plan of the region is in force at the end of the period, so there is nothing to report on."""


class AlreadyPublished(HallpulseError):
    """The period's report is already published, and the order does not ask for it again."""


def _already(asked: _Checked, number: int) -> AlreadyPublished:
    return AlreadyPublished(f"month: {asked.period.text} was published as report {number}; expected again: true")


class Auditor(Protocol):
    def append(self, entry: AuditEntry) -> None: ...


class Archive(Protocol):
    def list(self, region: int | None = None) -> list[PublishedReport]: ...

    def keep(self, report: NewReport, *, again: bool = True) -> int: ...


class Store(ReadableStore, Protocol):
    @property
    def audit(self) -> Auditor: ...

    @property
    def reports(self) -> Archive: ...


@dataclass(frozen=True, slots=True)
class Order:
    """An order for a report, not checked yet.

    month: a month (2026-05), a quarter (2026-Q2) or a year (2026); department, hall: id of the department or hall that
    the report is about, both None for the region; language: `zh` for Chinese, `both` for Chinese with English.
    """

    region: int | str
    month: str
    department: str | None = None
    hall: str | None = None
    language: str = "zh"


@dataclass(frozen=True, slots=True)
class _Checked:
    """A checked order, with the plan that the report is about."""

    plan: Plan
    period: Period
    scope: Scope
    language: Language

    @property
    def about(self) -> About:
        return About(self.scope.department, self.scope.hall, self.language)


@dataclass(frozen=True, slots=True)
class Issued:
    """A report or a sheet as a file."""

    region: int
    name: str
    media_type: str
    content: bytes


class MonthlyReports:
    """Makes reports; every report that is handed out gets an audit entry.

    clock: returns the time in seconds since 1970-01-01 UTC.
    """

    def __init__(self, store: Store, plans: Sequence[Plan], clock: Callable[[], float]) -> None:
        self._store = store
        self._plans = tuple(plans)
        self._clock = clock

    def issue(self, order: Order, form: str) -> Issued:
        """Make a report and add it to the audit; raise the same errors as `make`."""
        issued = self.make(order, form)
        self.note(issued)
        return issued

    def make(self, order: Order, form: str) -> Issued:
        """Return the report of a period that has begun. The caller adds it to the audit (`note`) if it hands it out.

        form: one of FORMATS. Raise ValueError for an invalid order, NoPlan if no plan is in force in the period, and
        Unavailable if the database does not answer.
        """
        wanted = checked_format(form)
        asked = self._checked(order)
        return self._issued(self._report(asked), asked, wanted)

    def keep(self, order: Order, *, publisher: str = "", draft: bool = False, again: bool = True) -> int:
        """Store a report in every format with its figures, published or as a draft; return its number in the archive.

        publisher: the person who asked for it, empty for the user of this process; again: publish it even if the
        period's report is published already. Raise ValueError if the period to be published is not over,
        AlreadyPublished, and the same errors as `make`.
        """
        asked = self._checked(order)
        if not draft and asked.period.window.end >= self.today():
            raise ValueError(f"month: {order.month} is not over: only a whole month, quarter or year is published")
        if not (draft or again):
            self._refuse_twice(asked)
        taken = self._now()
        material = read_material(self._store, asked.plan, asked.period, taken, asked.scope)
        document = document_of(monthly_report(material), asked.language)
        names = ((form, file_name(asked.plan.region, asked.period, form, asked.about)) for form in FORMATS)
        files = [ReportFile(form, name, MEDIA_TYPES[form], rendered(document, form)) for form, name in names]
        about, plan = replace(asked.about, draft=draft), asked.plan
        report = NewReport(plan.region, asked.period.text, plan.id, taken, material.frozen, files, about, publisher)
        try:
            return self._store.reports.keep(report, again=draft or again)
        except ReportExists as known:  # published by another process since it was looked
            raise _already(asked, known.number) from None

    def _refuse_twice(self, asked: _Checked) -> None:
        for one in self._store.reports.list(asked.plan.region):
            if (one.month, one.about) == (asked.period.text, asked.about):
                raise _already(asked, one.id)

    def note(self, issued: Issued) -> None:
        digest = hashlib.sha256(issued.content).hexdigest()
        self._store.audit.append(AuditEntry("report.write", issued.name, issued.region, {"sha256": digest}))

    def due(self, day: int) -> list[tuple[Plan, Period]]:
        """Return the reports that are due: each plan that was in force at the end of last month, with that month.

        day: the day of the month from which on they are due; before it, none is returned.
        """
        today = self.today()
        if today.day < day:
            return []
        month = period_on("month", today.replace(day=1) - timedelta(days=1))
        plans = (plan_for(self._plans, region, month.window.end) for region in sorted({p.region for p in self._plans}))
        return [(plan, month) for plan in plans if plan is not None]

    def write(self, directory: Path, plan: Plan, month: Period) -> Path | None:
        """Write a report that is due into the directory and return its path; return None if no file was written.

        No file is written if it exists already, or if no hall has reported for the month, whose data may still come.
        """
        path = directory / file_name(plan.region, month, WRITTEN_ON_TIME)
        if path.exists():
            return None
        asked = _Checked(plan, month, Scope(plan.region), "zh")
        report = self._report(asked)
        if not report.coverage.reporting:
            return None
        issued = self._issued(report, asked, WRITTEN_ON_TIME)
        with put(path, issued.content):
            self.note(issued)
        return path

    def today(self) -> date:
        """Return the current day in Asia/Shanghai."""
        return date_of(local_day(self._now()))

    def _now(self) -> int:
        return int(self._clock() * 1_000_000)

    def _checked(self, order: Order) -> _Checked:
        period = checked_period(order.month, self.today())
        region = checked_region(order.region, self._plans)
        plan = self._plan(region, period)
        known = {department.id for department in plan.departments}
        if order.department is not None and order.department not in known:
            raise ValueError(f"department: expected one of the plan's, got {order.department!r}")
        if order.hall is not None and (order.department is not None or not _HALL.fullmatch(order.hall)):
            raise ValueError("hall: expected a hall's id, and no department beside it")
        return _Checked(plan, period, Scope(region, order.department, order.hall), checked_language(order.language))

    def _report(self, asked: _Checked) -> MonthlyReport:
        return monthly_report(read_material(self._store, asked.plan, asked.period, self._now(), asked.scope))

    def _issued(self, report: MonthlyReport, asked: _Checked, form: Format) -> Issued:
        content = rendered(document_of(report, asked.language), form)
        name = file_name(asked.plan.region, asked.period, form, asked.about)
        return Issued(asked.plan.region, name, MEDIA_TYPES[form], content)

    def _plan(self, region: int, period: Period) -> Plan:
        plan = plan_for(self._plans, region, min(period.window.end, self.today()))
        if plan is None:
            own = ", ".join(f"{p.id} ({p.period.start} to {p.period.end})" for p in self._plans if p.region == region)
            raise NoPlan(f"month: {period.text}: no plan of {region} is in force then; there is {own}")
        return plan


class FoundMatters(Protocol):
    def find(self, number: int) -> Matter | None: ...


class MatterSheets:
    """Makes the sheets of supervision (督办单) of matters. clock: returns seconds since 1970-01-01 UTC."""

    def __init__(self, matters: FoundMatters, plans: Sequence[Plan], clock: Callable[[], float]) -> None:
        self._matters, self._plans, self._clock = matters, tuple(plans), clock

    def make(self, number: int, form: str, language: str = "zh") -> Issued:
        """Return the sheet of a matter in its state of today.

        Raise ValueError for an invalid argument or an unknown matter, NoPlan if the region has no plan, and Unavailable
        if the database does not answer.
        """
        wanted, tongue = checked_format(form), checked_language(language)
        matter = self._matters.find(number)
        if matter is None:
            raise ValueError(f"matter: there is no matter {number}")
        region, today = matter.of.region, date_of(local_day(int(self._clock() * 1_000_000)))
        own = [plan for plan in self._plans if plan.region == region]
        plan = plan_for(own, region, today) or max(own, key=lambda one: one.period.start, default=None)
        if plan is None:
            raise NoPlan(f"matter: there is no plan of {region}")
        content = rendered(sheet_of(matter, plan, today, tongue), wanted)
        return Issued(region, f"{region}-matter-{number}.{wanted}", MEDIA_TYPES[wanted], content)


def checked_period(text: object, today: date) -> Period:
    """Return the period that a text names. Raise ValueError if it is no month, quarter or year, or has not begun."""
    period = period_of(text if isinstance(text, str) else repr(text))
    if period.window.start > today:
        raise ValueError(f"month: {period.text} has not begun, today is {today}")
    return period


def checked_language(text: str) -> Language:
    for known in LANGUAGES:
        if text == known:
            return known
    raise ValueError(f"language: expected one of {', '.join(LANGUAGES)}, got {text!r}")


def checked_region(region: int | str, plans: Sequence[Plan]) -> int:
    """Return the region's code. Raise ValueError if the region has no plan."""
    known = sorted({plan.region for plan in plans})
    if not _REGION.fullmatch(str(region)) or int(region) not in known:
        listed = ", ".join(map(str, known)) or "none"
        raise ValueError(f"region: expected one that has a plan ({listed}), got {str(region)!r}")
    return int(region)


def checked_format(form: str) -> Format:
    for known in FORMATS:
        if form == known:
            return known
    raise ValueError(f"format: expected one of {', '.join(FORMATS)}, got {form!r}")


def file_name(region: int, period: Period, form: str, about: About | None = None) -> str:
    """Return the name of a report's file, such as 222424-2023-05.docx; `file_stem` gives the first part."""
    whose = (about.department or about.hall) if about is not None else None
    return f"{file_stem(region, period.text, whose, about.language if about is not None else None)}.{form}"
