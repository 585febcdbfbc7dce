"""What somebody tries at the gateway's door with no token, a wrong one, or one hall's: each test is an attack."""

from __future__ import annotations

import base64
import gzip
import json
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from hallpulse.contract.events import EventType
from hallpulse.contract.reasons import Reason
from hallpulse.store import hash_of
from tests.gateway_process import BATCH_TYPE, EVENT_TYPE, READ_TOKEN
from tests.ingesting import take_refused, wait_until
from tests.security.county import REGION, County, Keys, send

pytestmark = pytest.mark.attack
QUERIES = ("indicators", "targets", "trend", "departments", "regions", "integrity", "cases")
SQL = (
    "' OR '1'='1",
    "'; DROP TABLE events; --",
    "1) UNION SELECT token_hash FROM tokens --",
    "\\'; SELECT pg_sleep(9)",
)
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture(scope="session")
def case(county: County) -> str:
    """The id of a case of the victim's, of the department `justice`, that is stored."""
    with county.channel(county.victim) as channel:
        data = {"case_id": "secret-case", "department": "justice"}
        send(channel, county.victim, county.victim.event("secret", data=data))
    wait_until(lambda: county.knows(county.victim, "secret-case"), 20)
    return "secret-case"


def problem(answer: httpx.Response, *statuses: int) -> dict[str, Any]:
    assert answer.status_code in statuses, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer made-up"},
        {"authorization": f"bearer\t{READ_TOKEN}"},
        {"authorization": f"Basic {base64.b64encode(f'x:{READ_TOKEN}'.encode()).decode()}"},
        {"authorization": f"Bearer {READ_TOKEN}, Bearer made-up"},
        {"authorization": f"Bearer {READ_TOKEN.upper()}"},
        {"authorization": f"Bearer {hash_of(READ_TOKEN)}"},
        {"cookie": f"token={READ_TOKEN}", "x-authorization": f"Bearer {READ_TOKEN}"},
    ],
    ids=["none", "made up", "a tab", "basic", "two in one", "upper case", "its hash", "elsewhere"],
)
def test_without_a_token_as_it_was_given_nothing_is_answered(county: County, headers: dict[str, str]) -> None:
    for path in (*QUERIES, f"cases/{REGION}/hall-2/x"):
        problem(county.gateway.client.get(f"/v1/{path}?region={REGION}", headers=headers), 401)
    problem(county.gateway.client.post("/v1/events", json={}, headers=headers), 401)


def test_a_token_in_the_address_opens_nothing(county: County) -> None:
    for name in ("token", "access_token", "authorization"):
        problem(county.gateway.client.get(f"/v1/regions?{name}={READ_TOKEN}"), 401)


def test_a_rotated_token_opens_the_gateway_for_its_overlap_and_not_a_moment_longer(county: County) -> None:
    hall = county.hall("rotated")
    assert county.store.halls.rotate(int(REGION), "rotated", hash_of("new-token"), timedelta(seconds=1))
    assert county.gateway.get("/v1/regions", token=hall.token).status_code == 200
    wait_until(lambda: county.gateway.get("/v1/regions", token=hall.token).status_code == 401, 2)
    assert county.gateway.get("/v1/regions", token="new-token").status_code == 200


def test_a_token_taken_away_is_refused_in_the_same_second(county: County) -> None:
    hall = county.hall("removed")
    assert county.gateway.get("/v1/regions", token=hall.token).status_code == 200
    county.store.halls.remove(int(REGION), "removed", date(2026, 9, 1))
    wait_until(lambda: county.gateway.get("/v1/regions", token=hall.token).status_code == 401, 1)


def test_a_halls_token_posts_as_no_other_hall(county: County) -> None:
    answer = county.gateway.post(county.victim.event("posted"), county.attacker.token)
    assert problem(answer, 403)["reason"] == Reason.SOURCE_MISMATCH
    assert [copy.headers["x-reason"] for copy in take_refused(county.vhost, 1)] == [Reason.SOURCE_MISMATCH]
    assert not county.knows(county.victim, "case-posted")


def test_a_forged_source_in_a_posted_batch_is_refused_by_itself(county: County) -> None:
    batch = [county.attacker.event("post-1"), county.victim.event("post-forged"), county.attacker.event("post-2")]
    answer = county.gateway.post(batch, county.attacker.token, BATCH_TYPE)
    assert [(one["status"], one["reason"]) for one in answer.json()["results"]] == [
        ("accepted", None), ("refused", Reason.SOURCE_MISMATCH), ("accepted", None),
    ]  # fmt: skip
    take_refused(county.vhost, 1)
    wait_until(lambda: county.knows(county.attacker, "case-post-2"), 10)
    assert not county.knows(county.victim, "case-post-forged")


def test_a_family_that_was_not_granted_is_not_posted(county: County) -> None:
    answer = county.gateway.post(county.attacker.event("i", EventType.ITEM_RETIRED), county.attacker.token)
    assert problem(answer, 403)["reason"] == Reason.ROUTING_MISMATCH
    take_refused(county.vhost, 1)


def test_a_halls_token_reads_no_other_hall_and_no_other_region(county: County, case: str) -> None:
    for scope in ("", "&hall=hall-2", "&department=justice"):
        for query in ("indicators", "integrity", "cases"):
            more = "&state=open" if query == "cases" else ""
            answer = county.gateway.client.get(
                f"/v1/{query}?region={REGION}{scope}{more}", headers=bearer(county.attacker)
            )
            assert case not in str(problem(answer, 403))
    for region in (REGION, "222401", "222400", "220000"):
        for query in ("targets", "trend", "departments"):
            problem(county.gateway.get(f"/v1/{query}", token=county.attacker.token, region=region), 403)
    there = county.gateway.get(f"/v1/cases/{REGION}/hall-2/{case}", token=county.attacker.token)
    not_there = county.gateway.get(f"/v1/cases/{REGION}/hall-2/no-such-case", token=county.attacker.token)
    assert problem(there, 403)["detail"] == problem(not_there, 403)["detail"]


def test_a_departments_token_reads_no_other_department(county: County, case: str) -> None:
    token = county.token("water", "--role", "department", "--region", REGION, "--department", "water")
    assert county.gateway.get("/v1/indicators", token=token, region=REGION, department="water").status_code == 200
    for scope in ({}, {"department": "justice"}, {"hall": "hall-2"}):
        problem(county.gateway.get("/v1/indicators", token=token, region=REGION, **scope), 403)
        problem(county.gateway.get("/v1/cases", token=token, region=REGION, state="open", **scope), 403)
    problem(county.gateway.get(f"/v1/cases/{REGION}/hall-2/{case}", token=token), 403)
    problem(county.gateway.post(county.victim.event("d"), token), 403)


@pytest.mark.parametrize("sql", SQL)
def test_sql_in_a_parameter_finds_nothing_and_changes_nothing(county: County, case: str, sql: str) -> None:
    before = county.figures()
    names = ("region", "from", "to", "on", "department", "hall", "state", "indicator", "part", "cursor", "limit")
    for query in QUERIES:
        for name in names:
            asked = {"region": REGION, **({"state": "open"} if query == "cases" else {}), name: sql}
            answer = county.gateway.get(f"/v1/{query}", **asked)
            assert answer.status_code in (200, 400, 422), (query, name, answer.text)
            assert case not in answer.text.replace(quote(sql), "")
    assert county.gateway.get(f"/v1/cases/{REGION}/hall-2/{quote(sql, safe='')}").status_code == 404
    assert county.figures() == before


@pytest.mark.parametrize("text", ["\0", "a\0b", "a\nb", "\x7f"])
def test_control_characters_in_a_parameter_are_refused_before_the_database(county: County, text: str) -> None:
    for name in ("region", "department", "hall", "indicator", "cursor"):
        asked = {"region": REGION, "state": "open", name: text}
        problem(county.gateway.get("/v1/cases", **asked), 400)
    problem(county.gateway.get(f"/v1/cases/{REGION}/hall-2/{quote(text)}"), 404)


def forged(*key: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        forged(),
        forged("2026-01-01", 1, "a"),
        forged("2026-01-01", "1", "a", "b"),
        forged("2026-01-01", 1, None, {}),
        forged("0000-00-00", 1, "a", "b"),
        forged("2026-01-01", 1, "\0", "b"),
        forged("2026-01-01", 1, "\ud800", "b"),
        forged("2026-01-01", True, "a", "b"),
        base64.urlsafe_b64encode(b"[" * 750).decode().rstrip("="),
        base64.urlsafe_b64encode(b'["2026-01-01",1e400,"a","b"]').decode().rstrip("="),
        "A",
        "____",
    ],
)
def test_a_cursor_that_no_page_gave_is_refused(county: County, cursor: str) -> None:
    found = problem(county.gateway.get("/v1/cases", region=REGION, state="open", cursor=cursor), 400)
    assert found["field"] == "cursor"


@pytest.mark.usefixtures("case")
@pytest.mark.parametrize("region", [10**100, -(10**100), 2**63, 110101])
def test_a_cursor_that_was_made_up_shows_nothing_of_another_region(county: County, region: int) -> None:
    mine = {"region": REGION, "hall": "hall-1", "state": "open", "token": county.attacker.token}
    answer = county.gateway.get("/v1/cases", **mine, cursor=forged("2026-01-01", region, "a", "b"))
    assert answer.status_code == 200
    assert {one["hall"] for one in answer.json()["cases"]} <= {"hall-1"}


def test_a_packed_bomb_is_not_unpacked(county: County) -> None:
    bomb = gzip.compress(b" " * 100_000_000)
    for packing in ("gzip", "deflate", "br", "gzip, gzip"):
        headers = {**bearer(county.attacker), "content-type": EVENT_TYPE, "content-encoding": packing}
        problem(county.gateway.client.post("/v1/events", content=bomb, headers=headers), 415)


@pytest.mark.parametrize("content_type", ["text/html", "application/xml", "multipart/form-data; boundary=x", ""])
def test_another_content_type_is_not_read(county: County, content_type: str) -> None:
    headers = {**bearer(county.attacker), "content-type": content_type}
    problem(county.gateway.client.post("/v1/events", content=b"<!DOCTYPE x>", headers=headers), 415)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 1_000_000,
        b'{"data":' * 200_000,
        b'{"specversion":"1.0","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"specversion":"1.0","id":' + b"9" * 1_000_000 + b"}",
        b'{"a":1' + b',"a":1' * 500_000 + b"}",
        b'{"id":"\\ud800"}',
        b"\xff\xfe{}",
    ],
    ids=["arrays", "objects", "in an extension", "a number", "one name again", "half a pair", "not UTF-8"],
)
def test_json_made_to_break_its_reader_is_refused(county: County, body: bytes) -> None:
    headers = {**bearer(county.attacker), "content-type": EVENT_TYPE}
    problem(county.gateway.client.post("/v1/events", content=body, headers=headers), 400, 422)
    take_refused(county.vhost, 1)


def test_a_method_in_a_header_is_not_taken_for_the_method(county: County) -> None:
    for name in ("x-http-method-override", "x-http-method", "x-method-override"):
        headers = {**bearer(county.attacker), name: "DELETE"}
        answer = county.gateway.client.get("/v1/regions?_method=DELETE", headers=headers)
        assert problem(answer, 400)["field"] == "_method"
        assert county.gateway.client.get("/v1/regions", headers=headers).status_code == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "CONNECT"])
def test_methods_that_are_not_documented_do_nothing(county: County, method: str) -> None:
    answer = county.gateway.client.request(method, "/v1/regions", headers=bearer(county.attacker))
    assert answer.status_code in (400, 405)
    assert "authorization" not in answer.text.lower()


def test_another_sites_script_reads_nothing_and_frames_nothing(county: County) -> None:
    asked = {**bearer(county.attacker), "origin": "https://evil.example"}
    for path in ("/v1/regions", "/metrics", "/openapi.json", "/"):
        answer = county.gateway.client.get(path, headers=asked)
        assert not [name for name in answer.headers if name.startswith("access-control-")]
    preflight = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    assert county.gateway.client.options("/v1/events", headers=preflight).status_code == 401
    assert "frame-ancestors 'none'" in county.gateway.client.get("/").headers["content-security-policy"]


def test_a_script_in_an_address_comes_back_as_data_and_not_as_a_page(county: County) -> None:
    for path in (f"/{quote(SCRIPT)}", f"/v1/cases?region={quote(SCRIPT)}", f"/v1/regions?{quote(SCRIPT)}=1"):
        answer = county.gateway.client.get(path, headers={**bearer(county.attacker), "accept": "text/html"})
        problem(answer, 400, 404)
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert SCRIPT not in county.gateway.client.get(f"/problems?{quote(SCRIPT)}").text


def test_made_up_addresses_methods_and_agents_add_no_series(county: County) -> None:
    ask_for_what_is_not_there(county, "first")
    before = series(county)
    for number in range(60):
        ask_for_what_is_not_there(county, str(number))
    assert series(county) == before


def ask_for_what_is_not_there(county: County, name: str) -> None:
    client, headers = county.gateway.client, {**bearer(county.attacker), "user-agent": name}
    for method in ("GET", "PROPFIND", "MKCOL", "PURGE"):
        client.request(method, f"/{name}/v1/cases", headers=headers)
    client.get(f"/v1/cases/{REGION}/hall-1/{name}", headers=headers)
    client.get(f"/v1/indicators?region={REGION}&hall=hall-1&{name}=1", headers=headers)
    client.get("/v1/regions", headers={"authorization": f"Bearer {name}"})


def series(county: County) -> set[str]:
    lines = county.gateway.client.get("/metrics").text.splitlines()
    return {line.rpartition(" ")[0] for line in lines if not line.startswith("#") and 'route="/metrics"' not in line}


def test_no_token_no_event_and_no_stack_trace_is_written_to_the_log(county: County) -> None:
    county.gateway.post(county.attacker.event("not-for-the-log"), county.attacker.token)
    county.gateway.get("/v1/cases", region="x" * 1000, state=SCRIPT)
    log = county.gateway.log.read_text()
    for text in (county.attacker.token, READ_TOKEN, "not-for-the-log", "case_id", "Traceback", SCRIPT):
        assert text not in log
    assert len(log.splitlines()) < 10


def bearer(keys: Keys) -> dict[str, str]:
    return {"authorization": f"Bearer {keys.token}"}
