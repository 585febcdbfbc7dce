"""What is tried with accounts and sessions: guessing, stealing, forging, and reaching beyond one's role."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from hallpulse.store import Grant, Store
from hallpulse.store.accounts import ABSOLUTE, IDLE, LOCKED_FOR, MOST_FAILURES
from services.gateway.access import MAY, Action
from services.gateway.app import API
from tests.gateway_ground import COUNTY, READ_TOKEN
from tests.peopled import OTHER_COUNTY, PASSWORD, Peopled, Signed

pytestmark = pytest.mark.attack
SCRIPT = "<script>alert(1)</script>"
FIGURES = {"region": str(COUNTY), "department": "justice", "period": "2026-10"} | {
    "figures": [{"indicator": "law_lectures", "numerator": 1}]
}


@pytest.fixture
def people(store: Store) -> Iterator[Peopled]:
    made = Peopled(store)
    with made.client:
        yield made


def routes() -> list[tuple[str, str, Action]]:
    """Method, an address of its form, and its action; of all routes under /v1 that need somebody."""
    found = []
    for handler in API:
        (path,) = handler.paths
        example = re.sub(r"{(\w+)(:\w+)?}", "1", path)
        method = next(iter(handler.http_methods - {"OPTIONS", "HEAD"}))
        found.append((str(method), example, handler.opt["action"]))
    return found


def test_every_route_names_its_action_and_every_action_somebody_who_may() -> None:
    assert {action for _, _, action in routes()} == set(Action)
    assert all(any(action in may for may in MAY.values()) for action in Action)


@pytest.mark.parametrize(
    ("role", "region", "more"),
    [
        ("bureau", OTHER_COUNTY, {}),
        ("leader", OTHER_COUNTY, {}),
        ("department", COUNTY, {}),
        ("department", COUNTY, {"department": "finance"}),
        ("department", COUNTY, {"hall": "hall-1"}),
        ("hall", COUNTY, {}),
        ("hall", COUNTY, {"hall": "hall-2"}),
        ("hall", OTHER_COUNTY, {"hall": "hall-1"}),
    ],
)
@pytest.mark.parametrize("path", ["indicators", "cases", "integrity", "flow"])
def test_a_person_reads_no_other_region_department_or_hall_by_any_address(
    people: Peopled, role: str, region: int, more: dict[str, str], path: str
) -> None:
    needed = {"cases": {"state": "open"}, "flow": {"month": "2026-10"}}.get(path, {})
    answer = people.sign_in(role).get(f"/v1/{path}", region=region, **more, **needed)
    assert answer.status_code == 403, answer.text


@pytest.mark.parametrize(
    ("role", "body"),
    [
        ("department", FIGURES | {"department": "finance"}),
        ("department", FIGURES | {"department": None}),
        ("department", FIGURES | {"region": str(OTHER_COUNTY)}),
        ("bureau", FIGURES | {"region": str(OTHER_COUNTY)}),
    ],
)
def test_a_person_declares_figures_of_nobody_else(people: Peopled, role: str, body: dict[str, Any]) -> None:
    assert people.sign_in(role).post("/v1/figures", body).status_code == 403
    assert people.publisher.delivered == []


def test_what_another_site_has_sent_does_nothing(people: Peopled) -> None:
    """Without the token of the session, with another's, in a form, or as the browser itself says from elsewhere."""
    who, other = people.sign_in("department"), people.sign_in("bureau")
    for headers in (
        {"x-csrf-token": ""},
        {"x-csrf-token": other.csrf},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ):
        assert who.post("/v1/figures", FIGURES, **headers).status_code == 403, headers
        assert who.post("/v1/session/end", {}, **headers).status_code == 403, headers
    form = people.client.post("/v1/session", data={"name": "bureau", "password": PASSWORD})
    assert form.status_code == 415
    assert people.try_sign_in("bureau", **{"sec-fetch-site": "cross-site"}).status_code == 403
    assert people.publisher.delivered == []
    assert who.post("/v1/figures", FIGURES).status_code == 201
    (line,) = people.lines("figures.declare")
    told = (line.claimed, line.entry.subject, line.entry.detail["indicators"])
    assert told == ("王department (department)", "2026-10", ["law_lectures"])


def test_a_nul_in_what_is_declared_keeps_no_line_of_the_audit_from_being_written(people: Peopled) -> None:
    who = people.sign_in("department")
    for member in ("period", "department"):
        assert who.post("/v1/figures", FIGURES | {member: "x\0y"}).status_code in (403, 422)
    bureau = people.sign_in("bureau")
    assert bureau.post("/v1/figures", FIGURES | {"period": "2026-10\0"}).status_code == 422
    assert bureau.post("/v1/figures", FIGURES | {"department": "x\0y"}).status_code == 422
    subjects = [line.entry.subject for line in people.lines("figures.declare") if line.claimed == "王bureau (bureau)"]
    assert subjects == ["2026-10�", "2026-10"]


def test_the_cookie_is_no_scripts_no_other_sites_and_over_https_no_plain_requests(people: Peopled) -> None:
    answer = people.try_sign_in("bureau")
    attributes = {part.strip() for part in answer.headers["set-cookie"].split(";")[1:]}
    assert attributes == {"Path=/", "HttpOnly", "SameSite=Strict"}
    secure = people.app.state.resources.sessions.__class__(*(None,) * 4, secure=True)
    assert secure.set_cookie("x") == "__Host-hallpulse=x; Path=/; HttpOnly; SameSite=Strict; Secure"


def test_a_session_that_was_planted_before_the_sign_in_opens_nothing_after_it(people: Peopled) -> None:
    planted = f"hallpulse={'A' * 43}"
    answer = people.try_sign_in("bureau", cookie=planted)
    assert planted not in answer.headers["set-cookie"]
    assert people.client.get("/v1/session", headers={"cookie": planted}).status_code == 401
    first, second = people.sign_in("bureau"), people.sign_in("bureau")
    assert first.cookie != second.cookie
    both = f"{planted}; {second.cookie}"
    assert people.client.get("/v1/session", headers={"cookie": both}).status_code == 401


def test_a_stolen_cookie_opens_nothing_after_the_sign_out(people: Peopled) -> None:
    who = people.sign_in("bureau")
    assert who.get("/v1/session").json()["person"] == "王bureau"
    ended = who.post("/v1/session/end", {})
    assert "Max-Age=0" in ended.headers["set-cookie"]
    assert who.get("/v1/session").status_code == 401
    assert who.post("/v1/figures", FIGURES).status_code == 401
    assert [(line.entry.action, line.claimed) for line in people.lines("session")] == [
        ("session.begin", "王bureau (bureau)"),
        ("session.end", "王bureau (bureau)"),
    ]


def test_a_stolen_cookie_opens_nothing_after_a_change_of_password_or_when_the_account_is_disabled(
    people: Peopled, store: Store
) -> None:
    stolen, own = people.sign_in("bureau"), people.sign_in("bureau")
    people.clock.seconds += 1
    changed = own.post("/v1/session/password", {"old": PASSWORD, "new": "another battery 7"})
    assert changed.status_code == 200, changed.text
    people.pass_time(1)
    assert (stolen.get("/v1/session").status_code, own.get("/v1/session").status_code) == (401, 401)
    fresh = Signed(people.client, changed.headers["set-cookie"].partition(";")[0], changed.json()["csrf"])
    assert fresh.get("/v1/session").status_code == 200
    assert people.try_sign_in("bureau").status_code == 401
    assert store.accounts.disable("bureau", people.clock.now)
    people.pass_time(1)
    assert fresh.get("/v1/session").status_code == 401
    assert people.try_sign_in("bureau", "another battery 7").status_code == 401


def test_a_session_ends_unattended_and_after_a_day_of_work(people: Peopled) -> None:
    """A screen that is left alone asks by itself; that keeps no session alive."""
    alone = people.sign_in("bureau")
    for _ in range(4):
        people.pass_time(IDLE.total_seconds() / 4)
        last = people.client.get("/v1/session", headers={"cookie": alone.cookie, "x-unattended": "1"}).status_code
    assert last == 401
    busy = people.sign_in("bureau")
    began = people.clock.now
    while people.clock.now - began < ABSOLUTE:
        assert busy.get("/v1/session").status_code == 200
        people.pass_time(IDLE.total_seconds() / 2)
    assert busy.get("/v1/session").status_code == 401


def test_passwords_are_not_guessed_one_after_the_other_or_at_once(people: Peopled, store: Store) -> None:
    for _ in range(MOST_FAILURES):
        assert people.try_sign_in("leader", "wrong password 1").status_code == 401
    locked = people.try_sign_in("leader")
    assert locked.status_code == 401
    assert locked.json()["detail"] == people.try_sign_in("nobody-here").json()["detail"]
    (line,) = people.lines("account.locked")
    assert (line.entry.subject, line.entry.region) == ("leader", COUNTY)
    people.pass_time(LOCKED_FOR.total_seconds() + 1)
    people.sign_in("leader")
    with ThreadPoolExecutor(8) as pool:
        tries = list(pool.map(lambda _: store.accounts.attempt("hall", people.clock.now), range(40)))
    assert sum(one is not None for one in tries) == MOST_FAILURES


def test_more_sign_ins_than_a_server_can_hash_are_turned_away(people: Peopled) -> None:
    answers = [
        people.client.post("/v1/session", json={"name": "x", "password": "wrong password 1"}).status_code
        for _ in range(30)
    ]
    assert set(answers) == {401, 429}
    assert answers.count(401) <= 12


@pytest.mark.parametrize("password", ["", "x" * 129, "x" * 100_000, "correct horse 42\0", PASSWORD.upper()])
def test_a_password_of_any_length_or_form_is_a_wrong_one(people: Peopled, password: str) -> None:
    assert people.try_sign_in("bureau", password).status_code == 401


@pytest.mark.parametrize("name", ["' OR '1'='1", "bureau\0", "BUREAU", "x" * 5000, SCRIPT, "王"])
def test_a_name_of_any_form_is_a_wrong_one(people: Peopled, name: str) -> None:
    answer = people.try_sign_in(name)
    assert answer.status_code == 401
    assert SCRIPT not in answer.text


@pytest.mark.parametrize(
    "body", ["[]", "{}", '{"name": 5, "password": "x"}', '{"name": "a", "password": "b", "role": "bureau"}']
)
def test_a_sign_in_of_another_form_is_refused(people: Peopled, body: str) -> None:
    answer = people.client.post("/v1/session", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422


def test_a_one_time_password_opens_nothing_but_its_own_change(people: Peopled) -> None:
    people.add("newcomer", Grant("bureau", COUNTY), one_time=True)
    who = people.sign_in("newcomer")
    for method, address, action in routes():
        if action is not Action.SESSION:
            answer = who.get(address) if method == "GET" else who.post(address, FIGURES)
            assert answer.status_code == 403
            assert answer.json()["type"] == "/problems#password-due"
    people.clock.seconds += 1
    for bad in ("short", "newcomer-2026", "aaaaaaaaaaaa", PASSWORD):
        assert who.post("/v1/session/password", {"old": PASSWORD, "new": bad}).status_code == 422, bad
    assert who.post("/v1/session/password", {"old": "wrong password 1", "new": "another battery 7"}).status_code == 401
    assert who.post("/v1/session/password", {"old": PASSWORD, "new": "another battery 7"}).json()["one_time"] is False
    assert people.sign_in("newcomer", "another battery 7").get("/v1/regions").status_code == 200


def test_a_token_neither_signs_out_nor_changes_a_password(people: Peopled) -> None:
    headers = {"authorization": f"Bearer {READ_TOKEN}"}
    for path, body in (("end", {}), ("password", {"old": PASSWORD, "new": "another battery 7"})):
        assert people.client.post(f"/v1/session/{path}", json=body, headers=headers).status_code == 403
    said = people.client.get("/v1/session", headers=headers).json()
    assert (said["name"], said["csrf"]) == (None, None)


def test_a_token_given_with_a_cookie_is_what_counts(people: Peopled) -> None:
    """Else who can set a cookie could have a program act as another."""
    who = people.sign_in("operator")
    answer = people.client.get("/v1/session", headers={"cookie": who.cookie, "authorization": "Bearer made-up"})
    assert answer.status_code == 401


def test_neither_passwords_nor_session_ids_are_kept_as_they_are(people: Peopled, store_url: str) -> None:
    who = people.sign_in("bureau")
    with psycopg.connect(store_url) as connection:
        kept = str(connection.execute("SELECT * FROM accounts").fetchall())
        kept += str(connection.execute("SELECT * FROM sessions").fetchall())
        kept += str(connection.execute("SELECT * FROM audit").fetchall())
    assert "$argon2id$" in kept
    assert PASSWORD not in kept
    assert who.cookie.partition("=")[2] not in kept


def test_a_script_as_a_persons_name_is_text(people: Peopled) -> None:
    people.add("scripted", Grant("bureau", COUNTY), SCRIPT)
    answer = people.sign_in("scripted").get("/v1/session")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["person"] == SCRIPT
