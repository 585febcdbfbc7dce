"""What an import asks of the suite: departments of the plan, working days, what is stored already."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

from hallpulse.calendars import load_overrides, national_calendar
from hallpulse.contract.events import HallEvent
from hallpulse.domain.calendar import workdays_of
from hallpulse.domain.case import CaseEvent
from hallpulse.domain.catalogue import Timeline, span_on
from hallpulse.domain.errors import HallpulseError, Unavailable
from hallpulse.domain.plan import plan_for
from hallpulse.domain.workdays import Workdays, date_of, day_of, local_day
from hallpulse.plans import PlanError, load_plans
from hallpulse.settings import Settings
from hallpulse.store import Deed, Store, open_store

from .case_rows import DepartmentOf, Place
from .corrections import Corrections
from .departments import DepartmentCodes


def clock() -> int:
    """Microseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1000


def today() -> date:
    return date_of(local_day(clock()))


def department_codes(settings: Settings, region: int) -> DepartmentCodes:
    """The departments that the region's plan names. Raises HallpulseError where a plan file is wrong."""
    try:
        plan = plan_for(load_plans(settings.plans), region, today())
    except PlanError as error:
        raise HallpulseError(f"{error.problems[0]}: see hallpulse plan check") from None
    return DepartmentCodes(plan.departments if plan is not None else ())


def workdays(settings: Settings, region: int) -> Workdays:
    """Of the calendar files, so that the same file gives the same events wherever it is read."""
    calendars = [national_calendar(), *load_overrides(settings.calendars)]
    return workdays_of(region, {calendar.scope: calendar for calendar in calendars})


@dataclass(slots=True)
class Stored:
    """What is stored already; nothing where the database cannot be asked, which is said once."""

    store: Store
    place: Place
    unreachable: Callable[[], None]
    _said: bool = False

    def catalogue(self) -> Mapping[str, Timeline]:
        try:
            with self.store.read() as moment:
                return moment.catalogue(self.place.region)
        except Unavailable:
            self._say()
            return {}

    def case_events(self, case_ids: Sequence[str]) -> Mapping[str, Sequence[CaseEvent]]:
        try:
            with self.store.read() as moment:
                return moment.case_events(self.place.region, self.place.hall, case_ids)
        except Unavailable:
            self._say()
            return {}

    def history(self, case_id: str) -> Sequence[HallEvent]:
        with self.store.read() as moment:
            found = moment.case_history(self.place.region, self.place.hall, case_id, today())
        return found.events if found is not None else ()

    def corrections(self) -> Corrections:
        return Corrections(self.place, self.case_events, self.history)

    def note(self, action: str, subject: str, **detail: object) -> bool:
        """Write what was done to the audit; False where the database cannot be asked."""
        try:
            self.store.audit.append(Deed(action, subject, self.place.region, {"hall": self.place.hall, **detail}))
        except Unavailable:
            return False
        return True

    def _say(self) -> None:
        if not self._said:
            self._said = True
            self.unreachable()


@contextmanager
def stored(settings: Settings, place: Place, unreachable: Callable[[], None]) -> Iterator[Stored]:
    store = open_store(settings.database_url, pool_size=1)
    try:
        yield Stored(store, place, unreachable)
    finally:
        store.close()


def department_of(codes: DepartmentCodes, catalogue: Mapping[str, Timeline]) -> DepartmentOf:
    """As the row says; where it does not, the department of its item today, or of the item's last version."""
    day = day_of(today())

    def find(written: str, item_code: str) -> str:
        if written:
            return codes.code_of(written)
        spans = catalogue.get(item_code, ())
        span = span_on(spans, day) or (spans[-1] if spans else None)
        return span.version.department if span is not None else ""

    return find
