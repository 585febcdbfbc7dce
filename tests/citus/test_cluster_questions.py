"""Every question that services ask of the store: a cluster answers it as one PostgreSQL does."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from hallpulse.domain.figures import Scope, Window
from hallpulse.domain.indicators import COMPUTED
from hallpulse.domain.measures import STATES
from hallpulse.domain.workdays import Calendar
from hallpulse.plans import load_plans
from hallpulse.store import CaseFilter, CaseSearch, FigureFilter, Moment, Past, Store, migrate, open_store
from tests.asked import ASKED
from tests.citus_cluster import VARIABLE, CitusCluster, cluster_url
from tests.integration.test_store import item
from tests.merging import decoded
from tests.oracle.streams import stream
from tests.servers import postgres_server

pytestmark = pytest.mark.skipif(cluster_url() is None, reason=f"{VARIABLE} names no cluster (docs/citus.md)")
PLANS = [ASKED, *load_plans(Path(__file__).parents[2] / "plans")]
TODAY = date(2026, 11, 24)
YEAR, MAY = Window(date(2026, 1, 1), TODAY), Window(date(2026, 5, 1), date(2026, 5, 31))
FIRST = datetime(2026, 11, 20, 9, tzinfo=UTC)
AS_OF = FIRST + timedelta(hours=30)
COUNTY, PREFECTURE, PROVINCE = Scope(222424), Scope(222400), Scope(220000)
SCOPES = (COUNTY, PREFECTURE, PROVINCE, Scope(222424, hall="hall-1"), Scope(222424, "dept-1"), Scope(222400, "dept-1"))
Ask = Callable[[Moment], Any]


class Both(NamedTuple):
    """The same events in a cluster and in one PostgreSQL."""

    cluster: Store
    plain: Store


@pytest.fixture(scope="module")
def both(postgres: CitusCluster, template: str, calendars: list[Calendar]) -> Iterator[Both]:
    events = stream(71, 2000, ("222424", "222401", "220202"))
    with ExitStack() as stack:
        cluster = open_store(stack.enter_context(postgres.fresh_database(template)), plans=PLANS)
        url = stack.enter_context(stack.enter_context(postgres_server()).fresh_database())
        migrate(url)
        plain = open_store(url, plans=PLANS)
        plain.apply_calendars(calendars)
        for store in (cluster, plain):
            stack.callback(store.close)
            for number in range(4):
                store.merge(decoded(events[number::4]), FIRST + timedelta(hours=20 * number))
            store.halls.add(222424, "silent", ["case"], "0" * 64, "静")
        yield Both(cluster, plain)


def of_window(scope: Scope, name: str, window: Window) -> Iterator[tuple[str, Ask]]:
    yield f"overview {name}", lambda m: m.overview(scope, window, TODAY)
    yield f"figures {name}", lambda m: m.figures(scope, window)
    yield f"percentiles {name}", lambda m: m.percentiles(scope, window)
    yield f"coverage {name}", lambda m: m.coverage(scope, window)
    yield f"flow {name}", lambda m: m.flow(scope, window)
    yield f"integrity {name}", lambda m: m.integrity(scope, window, TODAY)
    yield f"doubts of cases {name}", lambda m: sorted(map(str, m.case_doubts(scope, window)))
    yield f"sources {name}", lambda m: m.sources(scope, window, TODAY)
    yield f"ratings {name}", lambda m: m.ratings(scope, window)
    yield f"stated days {name}", lambda m: sorted(map(str, m.stated_days(scope, window)))
    yield f"reports {name}", lambda m: m.figure_reports(FigureFilter(scope, window))


def of_list(name: str, wanted: CaseFilter) -> tuple[str, Ask]:
    return f"list {name}", lambda m: m.list_cases(wanted, TODAY, limit=20)


def of_items(scope: Scope, indicator: str) -> tuple[str, Ask]:
    return f"items {indicator}", lambda m: sorted(map(str, m.item_parts(scope, indicator, YEAR)))


def of_scope(scope: Scope) -> Iterator[tuple[str, Ask]]:
    """The questions about a scope, by name."""
    yield from of_window(scope, "year", YEAR)
    yield from of_window(scope, "may", MAY)
    yield "open cases", lambda m: m.open_cases(scope, TODAY)
    yield "changes of items", lambda m: m.item_changes(scope, date(2026, 2, 1), TODAY)
    yield "doubts", lambda m: m.doubts(scope, date(2026, 1, 1), TODAY)
    yield "codes", lambda m: m.codes(scope)
    yield from (of_list(state, CaseFilter(scope, state=state)) for state in STATES)
    for one in COMPUTED.values():
        if scope.hall is None or one.kind == "case":
            yield of_list(one.id, CaseFilter(scope, indicator=one.id, window=YEAR))
            yield of_items(scope, one.id)
    sought = CaseFilter(scope, indicator="mean_elapsed_days", window=YEAR, sought=CaseSearch("1"))
    yield of_list("search", sought)


def of_region(region: int) -> Iterator[tuple[str, Ask]]:
    yield f"table {region}", lambda m: m.figure_table(region, YEAR)
    yield f"histograms {region}", lambda m: m.elapsed_histograms(region, YEAR)
    yield f"open by department {region}", lambda m: m.open_cases_by_department(region, TODAY)
    yield f"flow by department {region}", lambda m: m.flow_by_department(region, YEAR)


def of_regions() -> Iterator[tuple[str, Ask]]:
    """The questions about all counties, or about one county only, by name."""
    for region in (222424, 222400, 220000):
        yield from of_region(region)
    yield "halls", lambda m: [(one.region, one.hall, one.families, one.facts) for one in m.halls()]
    yield "facts", lambda m: m.hall_facts()
    yield "last events", lambda m: m.last_event_times()
    yield "changes", lambda m: m.change_counts(FIRST.date())
    yield "flagged", lambda m: m.flagged_cases()
    yield "regions", lambda m: m.regions()
    yield "catalogue", lambda m: m.catalogue(222424)
    yield "departments", lambda m: m.departments(222424)
    yield "first reports", lambda m: m.first_reports(222424, YEAR)
    yield "counts of events", lambda m: m.event_counts(222424)
    yield "sample", lambda m: sorted(str(one.id) for one in m.sample_events(10_000))
    yield "calendars", lambda m: (m.has_calendars(), m.calendars_digest())
    yield "foresight", lambda m: m.foresight(decoded([item(3, "2026-03-01", "foreseen")]))
    yield "elsewhere", lambda m: m.cases_elsewhere(222424, "hall-1", ["1", "2"])
    yield "months", lambda m: m.month_figures(PLANS[0], MAY)


def in_one_order(answer: Any) -> str:
    """An answer as a text: what has no order, as a mapping, comes in order of its keys."""
    if isinstance(answer, Mapping):
        return str(sorted((str(key), in_one_order(value)) for key, value in answer.items()))
    if dataclasses.is_dataclass(answer):
        fields = ((field.name, getattr(answer, field.name)) for field in dataclasses.fields(answer))
        return str([(name, in_one_order(value)) for name, value in fields])
    return str([in_one_order(one) for one in answer]) if isinstance(answer, list | tuple) else str(answer)


def differing(both: Both, asked: Iterator[tuple[str, Ask]], before: Ask | None = None) -> list[str]:
    """The questions that the two answer differently, or that one of them refuses, with both answers.

    before: done first with each moment, which looks at another time then.
    """
    found = []
    for name, ask in asked:
        answers = []
        for store in both:
            try:
                with store.read() if before is None else store.read_back() as moment:
                    if before is not None:
                        before(moment)
                    answers.append(in_one_order(ask(moment)))
            except Exception as error:
                answers.append(f"{type(error).__name__}: {error}")
        if answers[0] != answers[1]:
            found.append(f"{name}: {answers[0][:300]} | {answers[1][:300]}")
    return found


@pytest.mark.parametrize("scope", SCOPES, ids=str)
def test_a_question_about_a_scope_is_answered_alike(both: Both, scope: Scope) -> None:
    assert differing(both, of_scope(scope)) == []


def test_a_question_about_regions_is_answered_alike(both: Both) -> None:
    assert differing(both, of_regions()) == []


@pytest.mark.parametrize("scope", [COUNTY, PREFECTURE], ids=str)
@pytest.mark.parametrize(
    "past",
    [Past(on=date(2026, 6, 30)), Past(as_of=int(AS_OF.timestamp() * 1_000_000))],
    ids=["on a day", "as of a moment"],
)
def test_a_question_about_the_past_is_answered_alike(both: Both, scope: Scope, past: Past) -> None:
    asked = [(name, ask) for name, ask in of_scope(scope) if "may" not in name and "list" not in name]
    assert differing(both, iter(asked), lambda m: m.turn_back(past, scope)) == []


def test_a_question_about_versions_that_nobody_sent_is_answered_alike(both: Both) -> None:
    sent = decoded([item(3, "2026-03-01", "imagined")])
    asked = [(name, ask) for name, ask in of_scope(COUNTY) if "may" not in name and "list" not in name]
    assert differing(both, iter(asked), lambda m: m.imagine(222424, sent, int(AS_OF.timestamp() * 1_000_000))) == []
