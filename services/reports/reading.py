"""Reading of a report's material from the store, at one moment that is turned back to the report's last day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Protocol

from hallpulse.domain.catalogue import span_on
from hallpulse.domain.figures import Figure, FigureTable, Scope, Window
from hallpulse.domain.ladder import Deed, Matter
from hallpulse.domain.plan import Plan
from hallpulse.domain.scores import read_scores
from hallpulse.domain.sources import scorecard
from hallpulse.domain.targets import read_arrivals, read_origin, read_tables
from hallpulse.domain.workdays import SHANGHAI, date_of, day_of, local_day
from hallpulse.store import About, CaseFilter, CaseRow, Moment, Past, PublishedReport, ReadableBack, restated
from hallpulse.store.notices import NoticeLine, State
from services.reports.monthly import Listed, ListedCase, Material, Period, Urging
from services.reports.monthly.material import day_before
from services.reports.monthly.periods import a_year_earlier

MOST_LISTED = 60
"""Most cases that a report lists one by one; the others are only counted."""
_MOST_NOTICES = 1_000
LISTED_STATES = ("overdue", "due_soon")


class Archive(Protocol):
    def list(self, region: int | None = None) -> list[PublishedReport]: ...


class Ledger(Protocol):
    def list(self, region: int | None = None, state: State | None = None, limit: int = 100) -> list[NoticeLine]: ...


class Matters(Protocol):
    def list(self, scope: Scope) -> Sequence[Matter]: ...


class Store(ReadableBack, Protocol):
    @property
    def reports(self) -> Archive: ...

    @property
    def notices(self) -> Ledger: ...

    @property
    def matters(self) -> Matters: ...


@dataclass(frozen=True, slots=True)
class _Asked:
    """The report whose material is read. window: the days of its period up to today."""

    plan: Plan
    asked: Period
    scope: Scope
    window: Window
    today: date


def read_material(store: Store, plan: Plan, asked: Period, now: int, scope: Scope | None = None) -> Material:
    """Return the material of a report.

    asked: the period; now: the time, in microseconds since 1970-01-01 UTC, not before the period; scope: a department
    or a hall of the plan's region, None for the region. The states of cases are those at the end of the window's last
    day, by the events up to then.
    """
    today, whose = date_of(local_day(now)), scope or Scope(plan.region)
    window = Window(asked.window.start, min(asked.window.end, today))
    wanted = _Asked(plan, asked, whose, window, today)
    published = _published_before(store, wanted)
    with store.read_back() as moment:
        given = _read(wanted, moment, now)
        moment.turn_back(Past(on=window.end), Scope(plan.region))
        given = _as_on_the_last_day(given, moment)
    changed = restated(store.read_back, published, plan, now) if published else ()
    notices = store.notices.list(plan.region, limit=_MOST_NOTICES)
    return replace(
        given,
        restated_month=published.month if published else "",
        restated=changed,
        urgings=tuple(_urgings(notices, window)),
        matters=tuple(_in_window(store.matters.list(Scope(plan.region, whose.department)), window)),
    )


def _in_window(matters: Sequence[Matter], window: Window) -> Iterator[Matter]:
    """Yield the matters that were open in the window, each with its entries up to the window's end."""
    for matter in matters:
        entries = tuple(one for one in matter.entries if one.day <= window.end)
        closed = entries and entries[-1].deed is Deed.CLOSED
        if entries and not (closed and entries[-1].day < window.start):
            yield replace(matter, entries=entries)


def _read(wanted: _Asked, moment: Moment, now: int) -> Material:
    """Read everything but the states of cases on the last day."""
    plan, window, scope = wanted.plan, wanted.window, wanted.scope
    before, period = day_before(wanted.asked.window), plan.window(window.end) or window
    region, questioned = Scope(plan.region), Scope(plan.region, scope.department)
    return Material(
        scope=scope,
        asked=wanted.asked,
        frozen=moment.month_figures(plan, wanted.asked.window, scope),
        plan=plan,
        window=window,
        compiled=now,
        compiled_on=wanted.today,
        tables={**read_tables(plan, before, moment), **read_tables(plan, window.end, moment)},
        year_ago=_year_ago(plan, period, moment),
        arrivals=read_arrivals(plan, moment),
        in_month=moment.figure_table(plan.region, window),
        own=moment.figures(scope, window),
        previous=moment.figures(scope, wanted.asked.previous.window),
        year_before=moment.figures(scope, _same_days(wanted.asked, window)),
        earlier=moment.figure_table(plan.region, Window(before, before)),
        percentiles=moment.percentiles(scope, window),
        working_days_next=_working_days(moment, plan.region, wanted.asked.next.window),
        flow=moment.flow_by_department(plan.region, window),
        balance=moment.flow(scope, window),
        doubts=[*moment.doubts(questioned, plan.eve, window.end), *moment.case_doubts(questioned, period)],
        month_doubts=moment.case_doubts(questioned, window),
        origin=read_origin(plan, window.end, moment),
        changes=moment.item_changes(region, before, window.end),
        coverage=moment.coverage(region, window),
        period_coverage=moment.coverage(region, period),
        findings=moment.integrity(scope, window, wanted.today),
        sources=[scorecard(one) for one in moment.sources(Scope(plan.region, None, scope.hall), window, wanted.today)],
        scores=read_scores(plan, window.end, moment),
        provisional=moment.workdays(plan.region).provisional_in(min(period.start, window.start), window.end),
        hall_names={hall: facts.name_zh for (_, hall), facts in moment.hall_facts().items() if facts.name_zh},
    )


def _same_days(asked: Period, window: Window) -> Window:
    """Return the window a year before; if the period is not over, its first days up to the same day."""
    whole = asked.year_before.window
    return whole if window == asked.window else Window(whole.start, a_year_earlier(window.end))


def _year_ago(plan: Plan, period: Window, moment: Moment) -> FigureTable:
    """Return the figures of the same days a year before."""
    return moment.figure_table(plan.region, Window(a_year_earlier(period.start), a_year_earlier(period.end)))


def _working_days(moment: Moment, region: int, window: Window) -> int:
    return moment.workdays(region).count(day_of(window.start) - 1, day_of(window.end))


def _as_on_the_last_day(given: Material, moment: Moment) -> Material:
    on, region, scope = given.window.end, given.plan.region, given.scope
    if scope.hall is not None:
        open_cases = {"": moment.open_cases(scope, on)}
    else:
        found = moment.open_cases_by_department(region, on)
        open_cases = found if scope.department is None else {scope.department: found.get(scope.department, {})}
    region = given.plan.region
    changes = tuple(one for one in moment.successions() if region in (one.region, one.successor))
    given = replace(given, open_cases=open_cases, successions=changes)
    return replace(given, listed=_listed(given, moment), due_next=_due_next(given, moment))


def _due_next(given: Material, moment: Moment) -> dict[str, int]:
    """Return the number of cases that fall due in the next period by department, and for the whole scope under ""."""
    window, scope, none = given.asked.next.window, given.scope, Figure(0, 0)
    own = moment.figures(scope, window).get("due_kept_rate", none).denominator
    if scope.department is not None or scope.hall is not None:
        return {"": own}
    table = moment.figure_table(given.plan.region, window)
    by_department = {id_: table.figure("due_kept_rate", id_).denominator for id_ in table.departments}
    return {**by_department, "": own}


def _listed(given: Material, moment: Moment) -> Listed:
    """Return the overdue cases and those due soon, the longest overdue first."""
    on, counts, rows = given.window.end, {}, []
    for state in LISTED_STATES:
        page = moment.list_cases(CaseFilter(given.scope, state=state), on, limit=MOST_LISTED)
        counts[state] = page.total
        rows += [(state, row) for row in page.cases]
    items = moment.catalogue(given.plan.region)
    names: dict[str, str] = {}
    for code, spans in items.items():
        span = span_on(spans, day_of(on)) or (spans[-1] if spans else None)
        names[code] = span.version.name if span is not None else code
    cases = tuple(_case(given, moment, state, row, names) for state, row in rows[:MOST_LISTED])
    return Listed(counts, cases)


def _case(given: Material, moment: Moment, state: str, row: CaseRow, names: Mapping[str, str]) -> ListedCase:
    on = given.window.end
    late = 0
    if state == "overdue" and row.due is not None:
        late = moment.workdays(row.region).count(day_of(row.due), day_of(on))
    history = moment.case_history(row.region, row.hall, row.case_id, on)
    days = history.clock.days if history is not None and history.clock is not None else ()
    suspended = sum(day.why == "suspended" and day.day <= day_of(on) for day in days)
    code = row.item_code or ""
    return ListedCase(
        row.hall, row.case_id, names.get(code, code), row.department or "", state, row.due, late, suspended
    )


def _urgings(lines: Sequence[NoticeLine], window: Window) -> Iterator[Urging]:
    """Yield the notices that were sent in the window: one for each alert, the newest first."""
    end = datetime.combine(window.end + timedelta(days=1), datetime.min.time(), SHANGHAI)
    start = datetime.combine(window.start, datetime.min.time(), SHANGHAI)
    seen: set[tuple[str, datetime]] = set()
    for line in lines:
        notice, key = line.notice, (line.notice.fingerprint, line.notice.started)
        if not notice.ours or not start <= line.told < end or key in seen:
            continue
        seen.add(key)
        yield Urging(line.told, notice.summary, notice.severity, line.times, line.acknowledged_by or "", notice.ended)


def _published_before(store: Store, wanted: _Asked) -> PublishedReport | None:
    """Return the newest published report on the same plan and scope for an earlier period; None without one."""
    scope, text = wanted.scope, wanted.asked.text
    earlier = [
        one
        for one in store.reports.list(wanted.plan.region)
        if one.plan == wanted.plan.id
        and is_about(one.about, scope)
        and len(one.month) == len(text)
        and one.month < text
    ]
    return max(earlier, key=lambda one: (one.month, one.id), default=None)


def is_about(about: About, scope: Scope) -> bool:
    return (about.department, about.hall) == (scope.department, scope.hall)
