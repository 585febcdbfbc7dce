"""The plan's list of tasks through the gateway: state and evidence by the departments that lead, and who sees what."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hallpulse.plans import load_plans
from hallpulse.store import Grant, Store
from tests.gateway_ground import COUNTY, PLANS, FakeClock
from tests.peopled import Peopled, Signed
from tests.supervising import DirectServices


@pytest.fixture
def people(store: Store) -> Iterator[Peopled]:
    store.judge_by(load_plans(PLANS))
    clock = FakeClock(datetime(2026, 9, 7, 4, tzinfo=UTC))
    made = Peopled(store, clock, services=DirectServices(store, clock))
    made.add("government-office", Grant("department", COUNTY, department="government-office"))
    with made.client:
        yield made


def tasks(who: Signed, **more: Any) -> dict[str, dict[str, Any]]:
    answer = who.get("/v1/tasks", region=COUNTY, **more)
    assert answer.status_code == 200, answer.text
    return {one["id"]: one for one in answer.json()["tasks"]}


def report(who: Signed, task: str, state: str, evidence: str = "", department: str = "justice", **more: Any) -> Any:
    body = {"region": str(COUNTY), "task": task, "department": department, "state": state, "evidence": evidence}
    return who.post("/v1/tasks", {**body, **more})


def test_a_task_is_done_when_every_leading_department_says_so_with_evidence(people: Peopled) -> None:
    justice, office, bureau = (people.sign_in(name) for name in ("department", "government-office", "bureau"))
    listed = tasks(bureau)
    assert list(listed) == ["2", "6", "7", "8", "9", "13", "14", "16", "17", "19"]
    assert (listed["8"]["state"], listed["8"]["due"], listed["8"]["overdue"]) == ("not_started", "2026-12-31", False)
    assert listed["8"]["targets"] == ["leader_in_court", "judgment_performed", "advice_answered"]
    assert listed["17"]["phase_names"]["zh"] == "推进落实"
    refused = report(justice, "8", "done")
    assert (refused.status_code, refused.json()["field"]) == (422, "evidence")
    assert report(justice, "8", "in_progress").status_code == 201
    assert report(justice, "8", "done", "出庭台账").status_code == 201
    (task,) = [one for id_, one in tasks(bureau).items() if id_ == "8"]
    assert task["state"] == "in_progress", "the government office has not begun"
    assert report(office, "8", "done", "履行台账", department="government-office").status_code == 201
    task = tasks(bureau)["8"]
    assert task["state"] == "done"
    (own,) = [part for part in task["departments"] if part["department"] == "justice"]
    assert own["department_names"]["zh"] == "县司法局"
    assert [(one["state"], one["evidence"], one["by"]) for one in own["history"]] == [
        ("done", "出庭台账", "王department (department)"),
        ("in_progress", "", "王department (department)"),
    ]
    lines = [(line.entry.subject, line.claimed) for line in people.lines("task.report")]
    assert lines[-1] == ("222424-2026/8", "王government-office (government-office)")


def test_a_task_that_is_not_done_when_its_phase_is_over_is_overdue(people: Peopled) -> None:
    people.clock.now = datetime(2026, 12, 31, 4, tzinfo=UTC)
    assert not tasks(people.sign_in("bureau"))["14"]["overdue"]
    people.clock.now += timedelta(days=1)
    assert tasks(people.sign_in("bureau"))["14"]["overdue"]


@pytest.mark.attack
def test_a_department_reports_its_own_tasks_and_sees_its_own_part(people: Peopled) -> None:
    justice, office = people.sign_in("department"), people.sign_in("government-office")
    assert report(office, "8", "in_progress", "内部材料", department="government-office").status_code == 201
    mine = tasks(justice, department="justice")
    assert set(mine) == {"2", "7", "8", "9", "14", "16", "19"}
    assert [part["department"] for part in mine["8"]["departments"]] == ["justice"]
    assert all(part["may"] for one in mine.values() for part in one["departments"])
    assert justice.get("/v1/tasks", region=COUNTY).status_code == 403
    assert justice.get("/v1/tasks", region=COUNTY, department="government-office").status_code == 403
    assert report(justice, "8", "done", "x", department="government-office").status_code == 403
    assert report(justice, "8", "done", "x", region="222401").status_code == 403
    assert report(justice, "17", "done", "x").status_code == 404, "led by another"
    for name in ("bureau", "leader", "hall", "operator"):
        assert report(people.sign_in(name), "14", "done", "x").status_code == 403, name
    assert people.sign_in("hall").get("/v1/tasks", region=COUNTY).status_code == 403
    assert not any(part["may"] for one in tasks(people.sign_in("leader")).values() for part in one["departments"])
    for evidence in ("a\0b", "电话 13912345678", "x" * 2001):
        assert report(justice, "14", "done", evidence).status_code == 422, evidence
    assert report(justice, "14", "finished").status_code == 422
