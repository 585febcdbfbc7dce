"""The work of the service without its framework: a plain object that a test, the command line or a timer can hold."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Protocol

from hallpulse.domain.errors import HallpulseError
from hallpulse.domain.figures import Scope, Window, period_window
from hallpulse.domain.plan import Plan, plan_for
from hallpulse.domain.targets import read_arrivals, read_origin, read_tables
from hallpulse.domain.workdays import date_of, local_day
from hallpulse.store import About, AuditEntry, NewReport, Past, PublishedReport, ReadableBack, ReportFile, restated
from services.reports.monthly import Material, MonthlyReport, document_of, monthly_report
from services.reports.monthly.material import day_before
from services.reports.renderers import FORMATS, MEDIA_TYPES, Format, rendered
from services.reports.writing import put

WRITTEN_ON_TIME: Format = "docx"
"""The form in which the timer writes; every other one is had on demand."""
_MONTH = re.compile(r"(199[0-9]|2[01][0-9]{2}|22[0-4][0-9]|2250)-(0[1-9]|1[0-2])")
_REGION = re.compile(r"[1-9][0-9]{5}")


class NoPlan(HallpulseError):
    """There is nothing to report on: no plan of the region is in force at the end of the month."""


class AlreadyPublished(HallpulseError):
    """The month was published before, and once more is not asked for."""


class Auditor(Protocol):
    def append(self, deed: AuditEntry) -> None: ...


class Archive(Protocol):
    def list(self, region: int | None = None) -> list[PublishedReport]: ...

    def keep(self, report: NewReport) -> int: ...


class Store(ReadableBack, Protocol):
    @property
    def audit(self) -> Auditor: ...

    @property
    def reports(self) -> Archive: ...


@dataclass(frozen=True, slots=True)
class Issued:
    """A report as a file."""

    region: int
    name: str
    media_type: str
    content: bytes


class MonthlyReports:
    """Makes reports; each one that is handed out is a line of the audit. clock: seconds since 1970-01-01 UTC."""

    def __init__(self, store: Store, plans: Sequence[Plan], clock: Callable[[], float]) -> None:
        self._store = store
        self._plans = tuple(plans)
        self._clock = clock

    def issue(self, region: int | str, month: str, form: str) -> Issued:
        """Make a report and note it in the audit; raises what `make` does."""
        issued = self.make(region, month, form)
        self.note(issued)
        return issued

    def make(self, region: int | str, month: str, form: str) -> Issued:
        """The report of a month (YYYY-MM) that has begun, as one of FORMATS; the caller that hands it out notes it.

        Raises ValueError where one of the three cannot be meant, NoPlan, and Unavailable without a database.
        """
        wanted = checked_format(form)
        window = checked_month(month, self.today())
        plan = self._plan(checked_region(region, self._plans), window)
        return self._issued(self._report(plan, window), wanted)

    def keep(
        self, region: int | str, month: str, *, publisher: str = "", draft: bool = False, again: bool = True
    ) -> int:
        """Keep the report of a month in every form, with its figures: frozen, or as a draft; its number in the archive.

        publisher: who asked for it, where that is not this process's user; again: although it is published already.
        Raises ValueError for a month that is to be frozen and is not over, AlreadyPublished, else what `make` does.
        """
        window = checked_month(month, self.today())
        if not draft and window.end >= self.today():
            raise ValueError(f"month: {month} is not over: only a whole month is published")
        plan, about = self._plan(checked_region(region, self._plans), window), About(draft=draft)
        if not (draft or again):
            self._refuse_twice(plan.region, month, about)
        taken = self._now()
        material = read_material(self._store, plan, window, taken)
        document = document_of(monthly_report(material))
        names = ((form, file_name(plan.region, window, form)) for form in FORMATS)
        files = [ReportFile(form, name, MEDIA_TYPES[form], rendered(document, form)) for form, name in names]
        return self._store.reports.keep(
            NewReport(plan.region, month, plan.id, taken, material.frozen, files, about, publisher)
        )

    def _refuse_twice(self, region: int, month: str, about: About) -> None:
        for one in self._store.reports.list(region):
            if one.month == month and one.about == about:
                raise AlreadyPublished(f"month: {month} was published as report {one.id}; expected again: true")

    def note(self, issued: Issued) -> None:
        digest = hashlib.sha256(issued.content).hexdigest()
        self._store.audit.append(AuditEntry("report.write", issued.name, issued.region, {"sha256": digest}))

    def due(self, day: int) -> list[tuple[Plan, Window]]:
        """From that day of the month on: the plans that were in force at the end of the last month, and that month."""
        today = self.today()
        if today.day < day:
            return []
        month = period_window(f"{today.replace(day=1) - timedelta(days=1):%Y-%m}")
        plans = (plan_for(self._plans, region, month.end) for region in sorted({p.region for p in self._plans}))
        return [(plan, month) for plan in plans if plan is not None]

    def write(self, directory: Path, plan: Plan, month: Window) -> Path | None:
        """Write a report that is due, unless it is there already.

        A region whose halls have reported nothing for the month is not written about: its data may yet come.
        """
        path = directory / file_name(plan.region, month, WRITTEN_ON_TIME)
        if path.exists():
            return None
        report = self._report(plan, month)
        if not report.coverage.reporting:
            return None
        issued = self._issued(report, WRITTEN_ON_TIME)
        with put(path, issued.content):
            self.note(issued)
        return path

    def today(self) -> date:
        """The day in Asia/Shanghai."""
        return date_of(local_day(self._now()))

    def _now(self) -> int:
        return int(self._clock() * 1_000_000)

    def _report(self, plan: Plan, month: Window) -> MonthlyReport:
        return monthly_report(read_material(self._store, plan, month, self._now()))

    def _issued(self, report: MonthlyReport, form: Format) -> Issued:
        region = report.plan.region
        content = rendered(document_of(report), form)
        return Issued(region, file_name(region, report.month, form), MEDIA_TYPES[form], content)

    def _plan(self, region: int, month: Window) -> Plan:
        plan = plan_for(self._plans, region, min(month.end, self.today()))
        if plan is None:
            own = ", ".join(f"{p.id} ({p.period.start} to {p.period.end})" for p in self._plans if p.region == region)
            raise NoPlan(f"{month.start:%Y-%m}: no plan of {region} is in force then; there is {own}")
        return plan


def checked_month(month: object, today: date) -> Window:
    """Raise ValueError if it is no month, or one that has not begun."""
    if not isinstance(month, str) or not _MONTH.fullmatch(month):
        raise ValueError(f"month: expected YYYY-MM such as 2023-05, got {month!r}")
    window = period_window(month)
    if window.start > today:
        raise ValueError(f"month: {month} has not begun, today is {today}")
    return window


def checked_region(region: int | str, plans: Sequence[Plan]) -> int:
    """Raise ValueError if there is no plan of such a region."""
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


def file_name(region: int, month: Window, form: str) -> str:
    """222424-2023-05.docx"""
    return f"{region}-{month.start:%Y-%m}.{form}"


def read_material(store: Store, plan: Plan, month: Window, now: int) -> Material:
    """Read the material of a month's report.

    now: microseconds since 1970-01-01 UTC, not before the month.

    The states of cases are those of the window's last day, by the events up to its end: they are read last.
    """
    today = date_of(local_day(now))
    window = Window(month.start, min(month.end, today))
    published = _published_before(store, plan, month)
    before, scope = day_before(month), Scope(plan.region)
    with store.read_back() as moment:
        tables = {
            **read_tables(plan, before, moment),
            **read_tables(plan, window.end, moment),
        }
        period = plan.window(window.end) or window
        given = Material(
            frozen=moment.month_figures(plan, month),
            restated_month=published.month if published else "",
            restated=restated(store.read_back, published, plan, now) if published else (),
            plan=plan,
            month=month,
            window=window,
            compiled=now,
            compiled_on=today,
            tables=tables,
            arrivals=read_arrivals(plan, moment),
            in_month=moment.figure_table(plan.region, window),
            earlier=moment.figure_table(plan.region, Window(before, before)),
            percentiles=moment.percentiles(scope, window),
            open_cases={},
            flow=moment.flow_by_department(plan.region, window),
            doubts=[*moment.doubts(scope, plan.eve, window.end), *moment.case_doubts(scope, period)],
            month_doubts=moment.case_doubts(scope, window),
            origin=read_origin(plan, window.end, moment),
            changes=moment.item_changes(scope, before, window.end),
            coverage=moment.coverage(scope, window),
            period_coverage=moment.coverage(scope, period),
            findings=moment.integrity(scope, window, today),
            provisional=moment.workdays(plan.region).provisional_in(min(period.start, window.start), window.end),
        )
        moment.turn_back(Past(on=window.end), scope)
        return replace(given, open_cases=moment.open_cases_by_department(plan.region, window.end))


def _published_before(store: Store, plan: Plan, month: Window) -> PublishedReport | None:
    """The last report of the plan that was published for an earlier month; of one month the newest."""
    earlier = [
        one
        for one in store.reports.list(plan.region)
        if one.plan == plan.id and one.about == About() and one.month < f"{month.start:%Y-%m}"
    ]
    return max(earlier, key=lambda one: (one.month, one.id), default=None)
