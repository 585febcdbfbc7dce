"""The suite's data that an import needs: plans, departments, working days, and what is stored already."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

from hallpulse.calendars import load_overrides, national_calendar
from hallpulse.contract.events import HallEvent
from hallpulse.domain.case import CaseEvent
from hallpulse.domain.catalogue import Timeline
from hallpulse.domain.declarations import plans_over
from hallpulse.domain.errors import HallpulseError, Unavailable
from hallpulse.domain.figures import Figure, Scope, Window
from hallpulse.domain.plan import Plan, plan_for
from hallpulse.domain.workdays import Workdays, date_of, local_day, workdays_of
from hallpulse.plans import PlanError, load_plans
from hallpulse.settings import Settings
from hallpulse.store import AuditEntry, FigureFilter, FigureReport, Store, open_store
from services.importing.figure_import import FigureImport

from .case_import import HallOfCases
from .corrections import Corrections
from .departments import DepartmentCodes


def clock() -> int:
    """Return the current time in microseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1000


def today() -> date:
    return date_of(local_day(clock()))


def read_plans(settings: Settings) -> list[Plan]:
    """Read the plan files. Raise HallpulseError if one is not valid."""
    try:
        return load_plans(settings.plans)
    except PlanError as error:
        raise HallpulseError(f"{error.problems[0]}: see hallpulse plan check") from None


def department_codes(settings: Settings, region: int) -> DepartmentCodes:
    """Return the codes of the departments in the region's current plan. Raise HallpulseError for an invalid plan."""
    plan = plan_for(read_plans(settings), region, today())
    return DepartmentCodes(plan.departments if plan is not None else ())


@dataclass(frozen=True, slots=True)
class FileSender:
    """The person who hands in a file; the default is the command line.

    by: the person, empty for the command line; department: the one department whose figures the file may declare, empty
    for all; own_hall: whether the person belongs to the hall and sees only that hall's figures.
    """

    by: str = ""
    department: str = ""
    own_hall: bool = False


THE_COMMAND = FileSender()


@dataclass(slots=True)
class Stored:
    """Reads what is stored already. Most methods return empty values if the database does not answer.

    unreachable: is called once in that case; now: microseconds since 1970-01-01 UTC.
    """

    store: Store
    place: HallOfCases
    settings: Settings
    unreachable: Callable[[], None]
    now: int
    sender: FileSender = THE_COMMAND
    _said: bool = False
    _with_events: frozenset[str] | None = None

    def catalogue(self) -> Mapping[str, Timeline]:
        try:
            with self.store.read() as moment:
                return moment.catalogue(self.place.region)
        except Unavailable:
            self._say()
            return {}

    def workdays(self) -> Workdays:
        """Return the working days by the calendar files, so that a file gives the same events wherever it is read."""
        return workdays(self.settings, self.place.region)

    def figures(self, window: Window) -> Mapping[str, Figure]:
        """Return the stored figures of the region, or of the hall if a person of the hall sends the file."""
        scope = Scope(self.place.region, hall=self.place.hall if self.sender.own_hall else None)
        try:
            with self.store.read() as moment:
                return moment.figures(scope, window)
        except Unavailable:
            self._say()
            return {}

    def case_events(self, case_ids: Sequence[str]) -> Mapping[str, Sequence[CaseEvent]]:
        try:
            if self.place.hall not in self._halls():
                return {}
            with self.store.read() as moment:
                return moment.case_events(self.place.region, self.place.hall, case_ids)
        except Unavailable:
            self._say()
            return {}

    def elsewhere(self, case_ids: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """Return the other halls of the county that have a case of the same id, by case id.

        Return none if a person of the hall sends the file, who may not see other halls.
        """
        if self.sender.own_hall:
            return {}
        try:
            if not self._halls() - {self.place.hall}:
                return {}
            with self.store.read() as moment:
                return moment.cases_elsewhere(self.place.region, self.place.hall, case_ids)
        except Unavailable:
            self._say()
            return {}

    def _halls(self) -> frozenset[str]:
        """Return the halls of the county that have sent events, read once. Raise Unavailable."""
        if self._with_events is None:
            with self.store.read() as moment:
                self._with_events = frozenset(moment.event_counts(self.place.region))
        return self._with_events

    def history(self, case_id: str) -> Sequence[HallEvent]:
        with self.store.read() as moment:
            found = moment.case_history(self.place.region, self.place.hall, case_id, today())
        return found.events if found is not None else ()

    def corrections(self) -> Corrections:
        return Corrections(self.place, self.case_events, self.history)

    def figure_import(self, saved: int) -> FigureImport:
        """Return the context of an import of declared figures. Raise Unavailable if the database does not answer.

        saved: when the file was saved, in microseconds since 1970-01-01 UTC.
        """
        plans = read_plans(self.settings)
        over = list(plans_over(plans, self.place.region))
        self.store.judge_by(plans)
        reports: list[FigureReport] = []
        if over:
            window = Window(min(p.period.start for p in over), max(p.period.end for p in over))
            with self.store.read() as moment:
                scope = Scope(self.place.region, self.sender.department or None)
                reports = moment.figure_reports(FigureFilter(scope, window))
        place, sender = self.place, self.sender
        return FigureImport(place.region, place.hall, over, saved, self.now, reports, sender.by, sender.department)

    def note(self, action: str, subject: str, **detail: object) -> bool:
        """Write an audit entry; return False if the database does not answer."""
        try:
            told = {"hall": self.place.hall, **detail}
            self.store.audit.append(AuditEntry(action, subject, self.place.region, told, self.sender.by))
        except Unavailable:
            return False
        return True

    def _say(self) -> None:
        if not self._said:
            self._said = True
            self.unreachable()


def workdays(settings: Settings, region: int) -> Workdays:
    """Return a region's working days by the calendar files."""
    calendars = [national_calendar(), *load_overrides(settings.calendars)]
    return workdays_of(region, {calendar.scope: calendar for calendar in calendars})


@contextmanager
def stored(
    settings: Settings, place: HallOfCases, unreachable: Callable[[], None], sender: FileSender = THE_COMMAND
) -> Iterator[Stored]:
    store = open_store(settings.database_url, pool_size=1)
    try:
        yield Stored(store, place, settings, unreachable, clock(), sender)
    finally:
        store.close()
