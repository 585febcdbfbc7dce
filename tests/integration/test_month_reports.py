"""A department's month from its form to the bureau's judgement: said, seen, returned, corrected, outstanding."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from hallpulse.plans import load_plans
from hallpulse.store import Grant, Store
from tests.gateway_ground import COUNTY, PLANS, FakeClock
from tests.peopled import Peopled, Signed, StoringPublisher

ASKED = ("administrative_loss", "leader_in_court")
JUSTICE = (*ASKED, "review_then_win", "judgment_performed", "advice_answered")


@pytest.fixture
def people(store: Store) -> Iterator[Peopled]:
    """On 3 September 2026: August is asked for until the 5th."""
    store.judge_by(load_plans(PLANS))
    made = Peopled(store, FakeClock(datetime(2026, 9, 3, 4, tzinfo=UTC)))
    made.add("civil-affairs", Grant("department", COUNTY, department="civil-affairs"))
    with made.client:
        yield made


def take(people: Peopled) -> None:
    """Store what was sent to the broker, as the ingest does, at the clock's time."""
    waiting = StoringPublisher(delivered=people.publisher.delivered, store=people.store, clock=people.clock)
    waiting.take()


def said(who: Signed, month: str, department: str = "justice", names: tuple[str, ...] = JUSTICE, n: int = 4) -> Any:
    figures = [{"indicator": name, "numerator": n, "denominator": 5, "note": "见附件"} for name in names]
    body = {"region": str(COUNTY), "department": department, "period": month, "figures": figures}
    return who.post("/v1/figures", body)


def cell(who: Signed, month: str, department: str = "justice") -> dict[str, Any]:
    rows = who.get("/v1/outstanding", region=COUNTY, department=department).json()["departments"]
    (found,) = [one for row in rows for one in row["months"] if one["month"] == month]
    return dict(found)


def review(who: Signed, verdict: str, month: str = "2026-08", **more: Any) -> Any:
    return who.post(
        "/v1/reviews", {"region": str(COUNTY), "department": "justice", "month": month, "verdict": verdict, **more}
    )


def test_a_month_is_said_seen_returned_and_corrected_with_its_history(people: Peopled) -> None:
    department, bureau = people.sign_in("department"), people.sign_in("bureau")
    assert cell(department, "2026-08")["state"] == "open"
    assert cell(department, "2026-08")["last_day"] == "2026-09-05"
    assert said(department, "2026-07").status_code == 201
    assert said(department, "2026-08", names=ASKED).status_code == 201
    take(people)
    assert (cell(department, "2026-08")["state"], len(cell(department, "2026-08")["missing"])) == ("open", 3)
    assert said(department, "2026-08", names=JUSTICE[2:]).status_code == 201
    take(people)
    assert cell(bureau, "2026-08")["state"] == "submitted"
    assert review(bureau, "seen").json()["state"] == "seen"
    returned = review(bureau, "returned", reason="与台账不符", indicators=["review_then_win"])
    assert returned.json()["state"] == "returned"
    form = department.get("/v1/form", region=COUNTY, department="justice", month="2026-08").json()
    assert form["report"]["review"]["reason"] == "与台账不符"
    assert form["report"]["review"]["by"] == "王bureau (bureau)"
    assert said(department, "2026-08", names=("leader_in_court",), n=3).status_code == 201
    take(people)
    assert cell(department, "2026-08")["state"] == "returned", "another figure than the one that was returned"
    assert said(department, "2026-08", names=("review_then_win",), n=5).status_code == 201
    take(people)
    assert cell(department, "2026-08")["state"] == "submitted"
    rows = {row["indicator"]: row for row in people_form(department)["rows"]}
    won = rows["review_then_win"]
    assert [(one["numerator"], one["status"]) for one in won["history"]] == [(5, "counted"), (4, "superseded")]
    assert (won["now"]["numerator"], won["before"]["numerator"], won["now"]["note"]) == (5, 4, "见附件")
    assert {line.entry.action: line.claimed for line in people.lines("figures")} == {
        "figures.declare": "王department (department)",
        "figures.seen": "王bureau (bureau)",
        "figures.returned": "王bureau (bureau)",
    }


def people_form(who: Signed, month: str = "2026-08") -> dict[str, Any]:
    form: dict[str, Any] = who.get("/v1/form", region=COUNTY, department="justice", month=month).json()
    return form


def test_the_form_asks_for_all_that_the_plan_asks_of_the_department(people: Peopled) -> None:
    rows = people_form(people.sign_in("department"))["rows"]
    assert [row["indicator"] for row in rows if row["asked"]] == list(JUSTICE)
    assert all(row["names"]["zh"] and row["now"] is None for row in rows)


def test_who_is_outstanding_agrees_with_the_measured_monthly_report(people: Peopled) -> None:
    """Departments × months, after the 5th: missing, late, in time, as `monthly_report` counts them."""
    people.clock.now = datetime(2026, 9, 5, 15, 30, tzinfo=UTC)
    affairs = people.sign_in("civil-affairs")
    assert said(affairs, "2026-08", "civil-affairs", ASKED).status_code == 201
    take(people)
    people.clock.now = datetime(2026, 9, 8, 4, tzinfo=UTC)
    justice = people.sign_in("department")
    assert said(justice, "2026-08").status_code == 201
    take(people)
    bureau = people.sign_in("bureau")
    found = bureau.get("/v1/outstanding", region=COUNTY).json()
    states = {
        (row["department"], one["month"]): (one["state"], one["days"])
        for row in found["departments"]
        for one in row["months"]
    }
    assert states["civil-affairs", "2026-08"] == ("submitted", 0)
    assert states["justice", "2026-08"] == ("late", 3)
    assert states["petitions", "2026-08"] == ("missing", None)
    assert states["petitions", "2026-09"] == ("open", None)
    assert "2026-10" not in found["months"]
    due = [state for (_, month), (state, _) in states.items() if month < "2026-09"]
    (measured,) = [
        one
        for one in bureau.get("/v1/targets", region=COUNTY, on="2026-09-08").json()["targets"]
        if one["indicator"] == "monthly_report"
    ]
    in_time = sum(state in ("submitted", "seen") for state in due)
    assert (measured["numerator"], measured["denominator"]) == (in_time, len(due))


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"verdict": "returned"}, "reason"),
        ({"verdict": "returned", "reason": "  "}, "reason"),
        ({"verdict": "returned", "reason": "电话 13912345678"}, "reason"),
        ({"verdict": "returned", "reason": "x\u0000"}, "reason"),
        ({"verdict": "returned", "reason": "x" * 501}, "reason"),
        ({"verdict": "seen", "month": "2026-13"}, "month"),
        ({"verdict": "seen", "month": "2026"}, "month"),
        ({"verdict": "seen", "month": "2026-07"}, "month"),
        ({"verdict": "seen", "region": "x"}, "region"),
        ({"verdict": "seen", "indicators": ["review_then_win"]}, "indicators"),
        ({"verdict": "praised"}, "verdict"),
    ],
)
def test_a_judgement_of_another_form_or_of_what_never_came_is_refused(
    people: Peopled, more: dict[str, Any], field: str
) -> None:
    assert said(people.sign_in("department"), "2026-08", names=ASKED).status_code == 201
    take(people)
    body = {"region": str(COUNTY), "department": "justice", "month": "2026-08", **more}
    answer = people.sign_in("bureau").post("/v1/reviews", body)
    assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text
    assert people.store.reviews.latest(COUNTY) == {}


@pytest.mark.attack
@pytest.mark.parametrize("role", ["department", "hall", "leader", "operator", "other-bureau"])
def test_nobody_but_the_bureau_of_the_region_judges_a_report(people: Peopled, role: str) -> None:
    assert said(people.sign_in("department"), "2026-08").status_code == 201
    take(people)
    people.add("other-bureau", Grant("bureau", 222401))
    assert review(people.sign_in(role), "returned", reason="no").status_code == 403
    assert people.store.reviews.latest(COUNTY) == {}


@pytest.mark.attack
def test_a_department_sees_no_other_departments_form_or_months(people: Peopled) -> None:
    affairs = people.sign_in("civil-affairs")
    for path, more in (("form", {"month": "2026-08"}), ("outstanding", {})):
        assert affairs.get(f"/v1/{path}", region=COUNTY, department="justice", **more).status_code == 403
    assert affairs.get("/v1/outstanding", region=COUNTY).status_code == 403
    own = affairs.get("/v1/outstanding", region=COUNTY, department="civil-affairs").json()["departments"]
    assert [one["department"] for one in own] == ["civil-affairs"]


@pytest.mark.attack
def test_a_department_sees_the_targets_that_it_leads_and_its_own_part_of_those_that_bind_it(people: Peopled) -> None:
    justice, bureau = people.sign_in("department"), people.sign_in("bureau")
    whole = {one["id"]: one for one in bureau.get("/v1/targets", region=COUNTY).json()["targets"]}
    own = justice.get("/v1/targets", region=COUNTY, department="justice").json()["targets"]
    led = {id_ for id_, one in whole.items() if "justice" in [lead["id"] for lead in one["lead"]]}
    bound = {id_ for id_, one in whole.items() if "justice" in [row["department"] for row in one["departments"]]}
    assert led - bound
    assert bound
    assert {one["id"] for one in own} == led | bound
    for one in own:
        assert {row["department"] for row in one["departments"]} <= {"justice"}
        if one["id"] not in bound:
            assert one["numerator"] == whole[one["id"]]["numerator"]
        else:
            (mine,) = [row for row in whole[one["id"]]["departments"] if row["department"] == "justice"]
            assert (one["numerator"], one["denominator"]) == (mine["numerator"], mine["denominator"])
    assert justice.get("/v1/targets", region=COUNTY).status_code == 403
    assert justice.get("/v1/targets", region=COUNTY, department="petitions").status_code == 403
