"""Lists behind a number, without a database: what they are of, by page and as a file, and wrong questions."""

# ruff: noqa: F401, F811 (fixtures of another file)
from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import pytest
from litestar.testing import TestClient

from hallpulse.domain.figures import Scope
from hallpulse.store import CaseFilter, CasePage, CaseRow, ItemRow, TallyRow
from services.gateway.app import create_app
from tests.gateway_ground import COUNTY, TODAY, FakeStore, make_resources
from tests.unit.test_gateway_queries import COUNTY_NAMES, YEAR_SO_FAR, answer, ask, gateway, problem, store

CASE = CaseRow(
    COUNTY, "hall-1", "a/b c", "i", "justice", "window", date(2026, 3, 2), date(2026, 3, 2), None, date(2026, 3, 6),
    None, None, date(2026, 3, 9), None, 20, 5, 0, 4, None, False, False, 16, 4,
)  # fmt: skip


def test_a_list_says_its_total_and_where_each_case_is_told_in_full(gateway: TestClient[Any], store: FakeStore) -> None:
    store.page = CasePage(9, [CASE], [TallyRow(COUNTY, "hall-2", date(2026, 3, 3), 5)], [], "next")
    found = answer(gateway, "/v1/cases?region=222424&indicator=mean_elapsed_days&part=numerator&cursor=abc&limit=7")
    assert (found["total"], found["next_cursor"], found["of"]) == (9, "next", "cases")
    (case,) = found["cases"]
    assert (case["case_id"], case["decided"], case["amount"], case["flags"]) == (
        "a/b c", "2026-03-06", 4, ["unknown_item"],
    )  # fmt: skip
    assert case["url"] == "/v1/cases/222424/hall-1/a%2Fb%20c"
    assert found["tallies"] == [
        {
            "region": "222424",
            **COUNTY_NAMES,
            "hall": "hall-2",
            "hall_names": {"zh": "hall-2", "en": "hall-2"},
            "date": "2026-03-03",
            "amount": 5,
        }
    ]
    wanted = CaseFilter(Scope(COUNTY), indicator="mean_elapsed_days", part="numerator", window=YEAR_SO_FAR)
    assert ("list_cases", wanted, TODAY, "abc", 7) in store.asked


def test_items_are_behind_a_figure_of_the_catalogue(gateway: TestClient[Any], store: FakeStore) -> None:
    store.page = CasePage(1, items=[ItemRow(COUNTY, "i-1", "事项", "justice", True, None, 0, 1)])
    found = answer(gateway, "/v1/cases?region=222424&indicator=instant_item_share")
    assert (found["of"], found["part"], found["items"][0]["handling"]) == ("items", "numerator", "instant")


def test_a_fault_of_ours_in_a_list_is_a_fault_and_no_empty_list(store: FakeStore) -> None:
    store.fault = KeyError("a column that is not there")
    with TestClient(create_app(make_resources(store)), raise_server_exceptions=False) as client:
        problem(ask(client, "/v1/cases?region=222424&indicator=satisfaction"), 500)


def test_a_declared_figure_has_a_total_and_nothing_behind_it(gateway: TestClient[Any]) -> None:
    found = answer(gateway, "/v1/cases?region=222424&indicator=leader_in_court&part=denominator")
    assert (found["of"], found["total"], found["cases"]) == ("declared", 6, [])
    assert answer(gateway, "/v1/cases?region=222424&indicator=petition_backlog")["total"] == 0


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("", 422, "state"),
        ("state=overdue&indicator=satisfaction", 422, "state"),
        ("state=overdue&part=numerator", 422, "part"),
        ("state=overdue&from=2026-01-01", 422, "from"),
        ("state=late", 400, "state"),
        ("indicator=no_such_thing", 422, "indicator"),
        ("indicator=Bad", 400, "indicator"),
        ("indicator=satisfaction&part=both", 400, "part"),
        ("indicator=instant_item_share&hall=hall-1", 422, "indicator"),
        ("state=open&cursor=rubbish", 400, "cursor"),
        ("state=open&cursor=%F0%9F%98%80", 400, "cursor"),
        ("state=open&limit=0", 400, "limit"),
        ("state=open&limit=1001", 400, "limit"),
        ("state=open&limit=ten", 400, "limit"),
    ],
)
def test_a_list_is_of_one_state_or_of_one_part(gateway: TestClient[Any], query: str, status: int, field: str) -> None:
    assert "expected" in problem(ask(gateway, f"/v1/cases?region=222424&{query}"), status, field)["detail"]


def test_an_unknown_case_is_not_found(gateway: TestClient[Any], store: FakeStore) -> None:
    problem(ask(gateway, "/v1/cases/222424/hall-1/no%2Fsuch%20case%3F"), 404)
    assert store.asked[-1] == ("case_history", COUNTY, "hall-1", "no/such case?", TODAY)
    store.asked.clear()
    for path in ("222400/hall-1/c", "222424/Hall/c", "222424/hall-1/%00", "222424/hall-1/" + "x" * 65, "x/y/z"):
        problem(ask(gateway, f"/v1/cases/{path}"), 404)
    assert [call for call in store.asked if call[0] == "case_history"] == []


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("state=open&flow=open&month=2026-05", 422, "state"),
        ("flow=open", 422, "month"),
        ("flow=open&month=2026-13", 400, "month"),
        ("flow=gone&month=2026-05", 400, "flow"),
        ("flow=open&month=2026-05&on=2026-05-31", 422, "on"),
        ("flow=open&month=2026-05&from=2026-05-01", 422, "from"),
        ("state=open&month=2026-05", 422, "month"),
        ("state=open&on=1989-01-01", 422, "on"),
        ("state=open&item=i", 422, "item"),
        ("indicator=satisfaction&on=2026-05-31", 422, "on"),
    ],
)
def test_what_does_not_go_together_is_named(gateway: TestClient[Any], query: str, status: int, field: str) -> None:
    problem(ask(gateway, f"/v1/cases?region=222424&{query}"), status, field)


@dataclass
class PagedStore(FakeStore):
    """A list of three pages."""

    pages: list[CasePage] = field(
        default_factory=lambda: [
            CasePage(3, [replace(CASE, case_id=c)], next_cursor=n, rows=3)
            for c, n in (("c-1", "2"), ("c-2", "3"), ("c-3", None))
        ]
    )

    def note(self, *what: Any) -> None:
        super().note(*what)
        if what[0] == "list_cases":
            self.page = self.pages.pop(0)


def test_a_file_of_many_pages_asks_for_halls_and_rules_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.gateway.cases.MOST_ROWS", 1)
    store = PagedStore()
    with TestClient(create_app(make_resources(store))) as client:
        found = ask(client, "/v1/cases?region=222424&state=open&text=hall&card=red&format=csv")
    assert [line.split(",")[0] for line in found.text.splitlines()[1:]] == ["c-1", "c-2", "c-3"]
    assert [one[3] for one in store.asked if one[0] == "list_cases"] == [None, "2", "3"]
    asked = [one[0] for one in store.asked]
    assert [asked.count(name) for name in ("regions", "workdays")] == [1, 1]
