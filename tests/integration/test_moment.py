"""What holds of every moment, of a real store and of the one that stands in for it; and that an answer is of one."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest

from hallpulse.domain.errors import Unavailable
from hallpulse.domain.figures import Coverage, ElapsedHistogram, Figure, Scope, Window
from hallpulse.domain.indicators import COMPUTED, PartName
from hallpulse.domain.integrity import CHECKS
from hallpulse.domain.measures import BUCKETS, STATES
from hallpulse.store import BadCursor, CaseFilter, Moment, Readable, Store, open_store
from hallpulse.store.reading import overview
from services.gateway.figures import departments_answer
from services.gateway.trend import month_ends, trend_answer
from tests.gateway_ground import make_resources
from tests.integration.test_store import item, received
from tests.merging import decoded, merge_all
from tests.moments import StatedMoment, StatedStore
from tests.oracle.streams import stream

COUNTY, ELSEWHERE = 222424, 330106
YEAR = Window(date(2026, 1, 1), date(2026, 12, 31))
TODAY = date(2026, 11, 24)
PARTS: tuple[PartName, ...] = ("numerator", "denominator")


def stated() -> StatedStore:
    figures = {name: Figure(3 + n, 4 + n) for n, name in enumerate(COMPUTED)}
    return StatedStore(
        own={**figures, "law_lectures": Figure(4, 1, count=True)},
        by_department={"justice": figures, "health": {"satisfaction": Figure(1, 2)}},
        counties=(COUNTY, 222401),
        catalogue=("justice", "health"),
        open={"justice": dict.fromkeys(STATES, 2), "health": {"overdue": 1}},
        elapsed={"justice": ElapsedHistogram((1,) * len(BUCKETS), 300)},
        halls={(COUNTY, "hall-2"): 5, (COUNTY, "hall-1"): 7},
    )


@pytest.fixture(scope="module")
def filled(shared_store: Store) -> Store:
    """A county's year, for the tests that only read."""
    merge_all(shared_store, decoded(stream(11, 3000)), 500)
    shared_store.halls.add(COUNTY, "hall-1", ["case"], "0" * 64)
    return shared_store


@pytest.fixture(params=["stated", "stored"])
def readable(request: pytest.FixtureRequest) -> Readable:
    if request.param == "stated":
        return stated()
    store: Store = request.getfixturevalue("filled")
    return store


@pytest.fixture
def moment(readable: Readable) -> Iterator[Moment]:
    with readable.read() as opened:
        yield opened


def scopes(moment: Moment) -> list[Scope]:
    counties = [Scope(COUNTY), *(Scope(COUNTY, name) for name in moment.departments(COUNTY))]
    return [*counties, Scope(COUNTY, hall="hall-1"), Scope(222400), Scope(220000), Scope(ELSEWHERE)]


def test_the_table_of_a_region_is_made_of_the_figures_of_its_parts(moment: Moment) -> None:
    table = moment.figure_table(COUNTY, YEAR)
    assert (table.region, table.window) == (COUNTY, YEAR)
    assert dict(table.own) == moment.figures(Scope(COUNTY), YEAR)
    for name, figures in table.departments.items():
        assert dict(figures) == moment.figures(Scope(COUNTY, name), YEAR)


def test_an_overview_is_made_of_what_each_query_says(moment: Moment) -> None:
    for scope in scopes(moment):
        found = moment.overview(scope, YEAR, TODAY)
        assert found.figures == moment.figures(scope, YEAR)
        assert found.percentiles == moment.percentiles(scope, YEAR)
        assert found.open_cases == moment.open_cases(scope, TODAY)
        assert found.coverage == moment.coverage(scope, YEAR)
        assert found.provisional == bool(moment.workdays(scope.region).provisional_in(YEAR.start, YEAR.end))


def test_every_computed_indicator_is_there_and_a_hall_has_those_of_cases(moment: Moment) -> None:
    of_cases = {name for name, one in COMPUTED.items() if one.kind == "case"}
    assert {*moment.figures(Scope(COUNTY), YEAR)} >= {*COMPUTED}
    assert {*moment.figures(Scope(ELSEWHERE), YEAR)} == {*COMPUTED}
    assert {*moment.figures(Scope(COUNTY, hall="hall-1"), YEAR)} == of_cases


def test_figures_over_time_are_those_of_each_window_declared_ones_too(moment: Moment) -> None:
    """Windows that grow month by month, as a trend asks for them, and others that cross and repeat them."""
    growing = [Window(YEAR.start, day) for day in month_ends(YEAR)]
    others = [Window(date(2026, 2, 11), date(2026, 5, 3)), Window(date(2025, 11, 5), date(2026, 3, 31)), growing[1]]
    for scope in scopes(moment):
        found = moment.figures_over_time(scope, [*growing, *others])
        assert found == [moment.figures(scope, window) for window in (*growing, *others)]
    whole = moment.figures(Scope(COUNTY), YEAR)
    assert len({name for name in whole if name not in COMPUTED and whole[name].value is not None}) > 0


def test_open_cases_are_those_of_the_departments(moment: Moment) -> None:
    by_department = moment.open_cases_by_department(COUNTY, TODAY)
    assert all(tuple(states) == STATES for states in by_department.values())
    assert moment.open_cases(Scope(COUNTY), TODAY) == {
        state: sum(states[state] for states in by_department.values()) for state in STATES
    }
    for name, states in by_department.items():
        assert moment.open_cases(Scope(COUNTY, name), TODAY) == states


def test_the_total_of_a_list_is_the_number_that_it_is_behind(moment: Moment) -> None:
    for scope in scopes(moment):
        for name, figure in moment.figures(scope, YEAR).items():
            asked = [CaseFilter(scope, None, name, part, YEAR) for part in PARTS]
            totals = tuple(moment.list_cases(one, TODAY).total for one in asked)
            assert totals == (figure.numerator, figure.denominator), (scope, name)
        for state, count in moment.open_cases(scope, TODAY).items():
            assert moment.list_cases(CaseFilter(scope, state=state), TODAY).total == count
    made_up = CaseFilter(Scope(COUNTY), None, "not_declared", "numerator", YEAR)
    assert moment.list_cases(made_up, TODAY).total == 0


def test_a_cursor_that_no_page_gave_is_refused(moment: Moment) -> None:
    with pytest.raises(BadCursor):
        moment.list_cases(CaseFilter(Scope(COUNTY), state="open"), TODAY, "rubbish")


def test_histograms_have_a_count_for_every_bucket(moment: Moment) -> None:
    histograms = moment.elapsed_histograms(COUNTY, YEAR)
    assert histograms
    assert all(len(one.counts) == len(BUCKETS) for one in histograms.values())
    assert {*moment.percentiles(Scope(COUNTY), YEAR)} == {"p50", "p90", "p95"}


def test_what_is_listed_is_in_order(moment: Moment) -> None:
    assert moment.regions() == sorted({*moment.regions()})
    assert moment.departments(COUNTY) == sorted({*moment.departments(COUNTY)})
    halls = [(hall.region, hall.hall) for hall in moment.halls()]
    assert halls == sorted({*halls})
    assert {*moment.last_event_times()} <= {*halls}


def test_every_check_answers(moment: Moment) -> None:
    for scope in scopes(moment):
        found = moment.integrity(scope, YEAR, TODAY)
        assert [one.check for one in found] == list(CHECKS)
        assert all(one.count >= len(one.rows) for one in found)


def test_of_a_region_without_data_there_is_nothing(moment: Moment) -> None:
    nowhere = Scope(ELSEWHERE)
    assert ELSEWHERE not in moment.regions()
    assert moment.departments(ELSEWHERE) == []
    assert {figure.numerator for figure in moment.figures(nowhere, YEAR).values()} == {0}
    assert moment.figure_table(ELSEWHERE, YEAR).departments == {}
    assert moment.coverage(nowhere, YEAR) == Coverage(0, 0, None)
    assert moment.percentiles(nowhere, YEAR) == dict.fromkeys(("p50", "p90", "p95"))
    assert moment.open_cases(nowhere, TODAY) == dict.fromkeys(STATES, 0)
    assert (moment.open_cases_by_department(ELSEWHERE, TODAY), moment.elapsed_histograms(ELSEWHERE, YEAR)) == ({}, {})
    assert (moment.catalogue(ELSEWHERE), moment.event_counts(ELSEWHERE)) == ({}, {})
    assert moment.item_changes(nowhere, YEAR.start, YEAR.end) == []
    assert moment.doubts(nowhere, YEAR.start, YEAR.end) == []
    assert {one.count for one in moment.integrity(nowhere, YEAR, TODAY)} == {0}
    assert moment.case_history(ELSEWHERE, "hall-1", "no such case", TODAY) is None
    assert not moment.is_of(ELSEWHERE, "hall-1", "no such case", "justice")
    assert (moment.case_events(ELSEWHERE, "h", ["c"]), moment.stored_ids(ELSEWHERE, "h", ["e"])) == ({}, set())


def test_without_an_answer_no_moment_begins(store: Store) -> None:
    away = open_store("postgresql://nobody@127.0.0.1:1/nothing")
    for readable in (StatedStore(fault=Unavailable("database: no answer")), away):
        with pytest.raises(Unavailable), readable.read() as opened:
            opened.regions()
        with pytest.raises(Unavailable):
            readable.ping()
    store.ping()


def test_the_one_that_stands_in_answers_every_question() -> None:
    questions = {name for name, _ in inspect.getmembers(Moment, inspect.isfunction) if not name.startswith("_")}
    assert questions <= {*vars(StatedMoment)}


def test_counties_under_the_same_calendars_share_their_working_days(store: Store) -> None:
    """Each takes 12 ms to make, and a province has a hundred."""
    with store.read() as moment:
        assert moment.workdays(222424) is moment.workdays(222426)
        assert moment.workdays(222424) is not moment.workdays(330106)


@contextmanager
def stored_after_the_first(
    monkeypatch: pytest.MonkeyPatch, owner: object, query: str, store: Callable[[], object]
) -> Iterator[None]:
    """Something is stored right after the first answer to a query."""
    answered, left = getattr(owner, query), [store]

    def interrupted(*given: Any, **named: Any) -> Any:
        found = answered(*given, **named)
        if left:
            left.pop()()
        return found

    with monkeypatch.context() as patched:
        patched.setattr(owner, query, interrupted)
        yield


def test_the_departments_figures_and_open_cases_are_of_one_moment(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A case that is accepted between the two queries is in both or in none."""
    resources, late = make_resources(store), decoded([received("late", "2026-11-23")])
    with stored_after_the_first(monkeypatch, Moment, "figure_table", lambda: merge_all(store, late, 1)):
        during = departments_answer(resources, COUNTY, YEAR)
    after = departments_answer(resources, COUNTY, YEAR)
    open_in = [sum(sum(one.open_cases.values()) for one in answer.departments) for answer in (during, after)]
    assert open_in == [0, 1]


def test_a_trend_is_of_one_moment(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What arrives between two of its points is in all of them or in none."""
    resources = make_resources(store)
    published = decoded([item(5, "2026-01-01", "v1")])

    def items() -> list[int]:
        points = trend_answer(resources, COUNTY, date(2026, 3, 15)).points
        return [point.values["settled_item_share"].denominator for point in points]

    with stored_after_the_first(monkeypatch, overview, "figures_from", lambda: merge_all(store, published, 1)):
        during = items()
    assert (during, items()) == ([0, 0, 0], [1, 1, 1])
