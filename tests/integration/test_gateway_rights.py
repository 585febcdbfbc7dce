"""Rights of tokens on a real database: what a refusal costs, what a cursor opens, who is written down as a reader."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner
from litestar.testing import TestClient
from sqlalchemy import event

from hallpulse.store import Grant, Store, hash_of
from services.console.commands.audit import command
from services.gateway.app import create_app
from tests.gateway_ground import READ_TOKEN, make_resources
from tests.integration.test_store import case, cloud_event, step
from tests.merging import decoded, merge_all

HALL, DEPARTMENT = "of-hall-1", "of-dept-2"


@pytest.fixture
def stored(store: Store) -> Store:
    """Three cases of hall-1 and department dept-1, one of hall-2 and dept-2."""
    store.halls.add(222424, "hall-1", ["case"], hash_of(HALL))
    store.tokens.add("dept-2", hash_of(DEPARTMENT), Grant("department", 222424, department="dept-2"))
    data = {"case_id": "other", "item_code": "i", "department": "dept-2", "channel": "window"}
    other = cloud_event("case.received", "2026-03-02T09:00:00", "o", data, source="/222424/hall-2")
    pending = step("pend-1", "decided", "2026-03-06", outcome="granted")
    merge_all(store, decoded([*case(1), *case(2), *case(3), other, pending]), 100)
    return store


@pytest.fixture
def gateway(stored: Store) -> Iterator[TestClient[Any]]:
    resources = make_resources(stored, find=stored.tokens.find, record=stored.audit.record)
    with TestClient(create_app(resources)) as client:
        yield client


@contextmanager
def statements(store: Store) -> Iterator[list[str]]:
    """What is sent to the database meanwhile, but for the looking up of tokens."""
    sent: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        if "tokens" not in statement:
            sent.append(statement)

    event.listen(store._engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(store._engine, "before_cursor_execute", note)


def ask(gateway: TestClient[Any], path: str, token: str) -> Any:
    return gateway.get(path, headers={"authorization": f"Bearer {token}"})


@pytest.mark.attack
@pytest.mark.parametrize(
    ("token", "cases", "look_ups"),
    [
        (HALL, ("hall-2/other", "hall-2/never"), 0),
        (HALL, ("hall-2/other", "hall-9/other"), 0),
        (DEPARTMENT, ("hall-1/case-1", "hall-1/case-9"), 1),
        (DEPARTMENT, ("hall-1/pend-1", "hall-1/pend-9"), 1),
    ],
)
def test_a_refusal_takes_the_same_work_whether_the_case_exists_or_not(
    gateway: TestClient[Any], stored: Store, token: str, cases: tuple[str, str], look_ups: int
) -> None:
    found, work = [], []
    for which in cases:
        with statements(stored) as sent:
            found.append(ask(gateway, f"/v1/cases/222424/{which}", token))
        work.append(sent)
    assert [answer.status_code for answer in found] == [403, 403]
    assert work[0] == work[1]
    assert len(work[0]) == look_ups
    bodies = [{**answer.json(), "instance": ""} for answer in found]
    assert bodies[0] == bodies[1]
    assert len(found[0].content) == len(found[1].content)


def test_a_department_reads_its_own_case_and_the_bureau_every_one(gateway: TestClient[Any]) -> None:
    assert ask(gateway, "/v1/cases/222424/hall-2/other", DEPARTMENT).json()["department"] == "dept-2"
    assert ask(gateway, "/v1/cases/222424/hall-1/pend-1", READ_TOKEN).json()["state"] == "pending"
    assert ask(gateway, "/v1/cases/222424/hall-1/pend-1", HALL).status_code == 200
    assert ask(gateway, "/v1/cases/222424/hall-1/case-9", HALL).status_code == 404


@pytest.mark.attack
def test_a_cursor_of_another_token_opens_no_more_than_ones_own(gateway: TestClient[Any]) -> None:
    window = "indicator=acceptance_rate&part=denominator&from=2026-01-01&to=2026-12-31"
    first = ask(gateway, f"/v1/cases?region=222424&{window}&limit=1", READ_TOKEN).json()
    assert first["next_cursor"]
    scope = f"/v1/cases?region=222424&{window}&cursor={first['next_cursor']}"
    assert ask(gateway, scope, HALL).status_code == 403
    halls = [one["hall"] for one in ask(gateway, f"{scope}&hall=hall-1", HALL).json()["cases"]]
    assert set(halls) == {"hall-1"}
    departments = ask(gateway, f"{scope}&department=dept-2", DEPARTMENT).json()["cases"]
    assert {one["department"] for one in departments} <= {"dept-2"}


@pytest.mark.attack
def test_a_token_whose_hall_is_gone_opens_nothing(stored: Store, store_url: str) -> None:
    with psycopg.connect(store_url, autocommit=True) as connection:
        connection.execute("DELETE FROM halls WHERE hall = 'hall-1'")
    assert stored.tokens.find(hash_of(HALL)) is None


@pytest.mark.attack
def test_who_reads_cases_is_written_down_by_the_tokens_name(
    gateway: TestClient[Any], stored: Store, store_url: str
) -> None:
    for _ in range(3):
        assert ask(gateway, "/v1/cases/222424/hall-1/case-1", HALL).status_code == 200
    assert ask(gateway, "/v1/cases?region=222424&state=open&department=dept-2&limit=5", DEPARTMENT).status_code == 200
    assert ask(gateway, "/v1/cases/222424/hall-2/other", HALL).status_code == 403
    gateway.__exit__()
    reads = {(one.token, one.kind, one.region, one.subject): 0 for one in stored.audit.readings()}
    for one in stored.audit.readings():
        reads[one.token, one.kind, one.region, one.subject] += one.reads
    assert reads == {
        ("222424.hall-1", "case", 222424, "222424/hall-1/case-1"): 3,
        ("dept-2", "list", 222424, "department=dept-2&state=open"): 1,
    }
    shown = CliRunner().invoke(
        command,
        ["--reads", "--json", "--token", "dept-2"],
        env={"HALLPULSE_DATABASE_URL": store_url, "HALLPULSE_AMQP_URL": "amqp://h/"},
    )
    assert shown.exit_code == 0, shown.output
    (line,) = [json.loads(text) for text in shown.output.splitlines()]
    assert (line["subject"], line["reads"], line["region"]) == ("department=dept-2&state=open", 1, "222424")


@pytest.mark.attack
@pytest.mark.parametrize(
    "statement", ["UPDATE case_reads SET token = ''", "DELETE FROM case_reads", "TRUNCATE case_reads"]
)
def test_a_line_of_reading_is_neither_changed_nor_removed_and_says_who_wrote_it(
    store: Store, store_url: str, statement: str
) -> None:
    with psycopg.connect(store_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO case_reads (id, at, actor, hour, token, kind, subject, reads)"
            " VALUES (77, '2001-01-01', 'root', now(), 't', 'case', 's', 1)"
        )
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
            connection.execute(statement.encode())
        rows = connection.execute("SELECT id, actor, at > now() - interval '1 minute' FROM case_reads").fetchall()
        assert rows == [(1, connection.info.user, True)]
    assert [one.token for one in store.audit.readings()] == ["t"]
