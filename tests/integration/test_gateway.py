"""The gateway as a process of its own, on a real broker, a real database and a real ingest."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from hallpulse.store import Store
from services.local import ports
from tests.gateway_process import BATCH_TYPE, Gateway, hash_of_hall, running, settings, started, token_of
from tests.ingesting import ingest, take_refused, wait_until
from tests.servers import BrokerServer, Vhost

WORKED = Path(__file__).parents[3] / "shared" / "data" / "worked"
FAMILIES = ["case", "item", "tally", "figure", "heartbeat"]
SOURCE = "/222424/hall-1"


@pytest.fixture
def gateway(tmp_path: Path, vhost: Vhost, store: Store, store_url: str) -> Iterator[Gateway]:
    """With an ingest behind it, and hall-1 registered."""
    store.halls.add(222424, "hall-1", FAMILIES, hash_of_hall("hall-1"))
    with ingest(vhost, store_url), running(tmp_path, vhost.amqp_url, store_url) as found:
        yield found


def event(id_: str, type_: str = "case.received", data: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    received = {"case_id": "a/b ?%25 c", "item_code": "i-1", "department": "justice", "channel": "window"}
    time = "2026-03-02T09:00:00+08:00"
    return {
        "specversion": "1.0", "id": id_, "source": SOURCE, "type": f"hall.{type_}.v1", "time": time,
        "data": data or received, **more,
    }  # fmt: skip


def decided(id_: str, **more: Any) -> dict[str, Any]:
    data = {"case_id": "a/b ?%25 c", "outcome": "granted"}
    return event(id_, "case.decided", data, time="2026-03-06T09:00:00+08:00", **more)


def total(gateway: Gateway, indicator: str = "mean_elapsed_days", part: str = "denominator", **scope: Any) -> Any:
    asked = {"region": "222424", **scope, "indicator": indicator, "part": part}
    return gateway.get("/v1/cases", **asked).json()["total"]


def test_what_is_posted_is_counted_and_told_in_full(gateway: Gateway) -> None:
    answer = gateway.post([event("1"), decided("2")], token_of("hall-1"), BATCH_TYPE)
    assert (answer.status_code, answer.json()["accepted"]) == (202, 2)
    wait_until(lambda: total(gateway) == 1, 20)
    assert total(gateway, part="numerator") == 4
    (case,) = (
        gateway.get("/v1/cases", region="222424", indicator="satisfaction", part="denominator").json()["cases"]
        or (gateway.get("/v1/cases", region="222424", indicator="rating_coverage", part="denominator").json()["cases"])
    )
    story = gateway.get(case["url"]).json()
    assert (story["case_id"], story["state"], story["elapsed"], story["timed"]) == ("a/b ?%25 c", "decided", 4, True)
    assert [(day["date"], day["why"], day["elapsed"]) for day in story["clock"]] == [
        ("2026-03-02", "start", 0), ("2026-03-03", "counted", 1), ("2026-03-04", "counted", 2),
        ("2026-03-05", "counted", 3), ("2026-03-06", "counted", 4),
    ]  # fmt: skip
    assert story["flags"] == ["unknown_item"]
    assert [entry["event"]["id"] for entry in story["events"]] == ["1", "2"]


def test_what_is_refused_lies_in_the_queue_of_the_refused(gateway: Gateway, vhost: Vhost) -> None:
    bad, foreign = event("bad", data={"case_id": "c"}), event("foreign", source="/222424/hall-2")
    answer = gateway.post([event("good"), bad, foreign], token_of("hall-1"), BATCH_TYPE)
    assert [(r["id"], r["status"]) for r in answer.json()["results"]] == [
        ("good", "accepted"), ("bad", "refused"), ("foreign", "refused"),
    ]  # fmt: skip
    copies = {json.loads(copy.body)["id"]: copy.headers for copy in take_refused(vhost, 2)}
    assert {id_: headers["x-reason"] for id_, headers in copies.items()} == {
        "bad": "missing-field", "foreign": "source-mismatch",
    }  # fmt: skip
    assert {id_: headers["x-routing-key"] for id_, headers in copies.items()} == {
        "bad": "222424.hall-1.refused", "foreign": "222424.hall-1.denied",
    }  # fmt: skip
    wait_until(lambda: gateway.get("/v1/indicators", region="222424").json()["open_cases"]["unaccepted_late"] == 1)


@pytest.mark.skipif(not WORKED.is_dir(), reason="the worked stream is not beside the checkout")
def test_a_stream_posted_by_its_halls_gives_the_worked_figures_and_their_cases(gateway: Gateway, store: Store) -> None:
    batches: dict[str, list[Any]] = {}
    for line in (WORKED / "events.ndjson").read_text(encoding="utf-8").splitlines():
        one = json.loads(line)
        batches.setdefault(one["source"], []).append(one)
    for source, events in batches.items():
        _, region, hall = source.split("/")
        store.halls.add(int(region), hall, FAMILIES, hash_of_hall(source))
        for start in range(0, len(events), 250):
            assert gateway.post(events[start : start + 250], token_of(source), BATCH_TYPE).json()["refused"] == 0
    expected = json.loads((WORKED / "expected.json").read_text(encoding="utf-8"))
    asked, wanted = {**expected[7]}, expected[7]["indicators"]
    del asked["indicators"]
    wait_until(lambda: figures(gateway, asked, wanted) == wanted, 30)
    for entry in expected:
        scope = {name: value for name, value in entry.items() if name != "indicators"}
        assert figures(gateway, scope, entry["indicators"]) == entry["indicators"]
        for name, (top, bottom) in entry["indicators"].items():
            found = [total(gateway, name, part, **scope) for part in ("numerator", "denominator")]
            assert found == [top, bottom], (scope, name)


def figures(gateway: Gateway, scope: dict[str, str], wanted: dict[str, Any]) -> dict[str, list[int]]:
    listed = gateway.get("/v1/indicators", **scope).json()["indicators"]
    return {one["id"]: [one["numerator"], one["denominator"]] for one in listed if one["id"] in wanted}


def test_a_halls_token_ends_with_the_hall(gateway: Gateway, store: Store) -> None:
    assert gateway.post(event("1"), token_of("hall-1")).status_code == 202
    store.halls.rotate(222424, "hall-1", hash_of_hall("hall-1-again"))
    wait_until(lambda: gateway.post(event("1"), token_of("hall-1")).status_code == 401, 2)
    assert gateway.post(event("1"), token_of("hall-1-again")).status_code == 202
    store.halls.remove(222424, "hall-1", date(2026, 9, 1))
    wait_until(lambda: gateway.post(event("1"), token_of("hall-1-again")).status_code == 401, 2)


def test_without_the_broker_events_are_put_off_and_queries_answered(
    gateway: Gateway, broker: BrokerServer, vhost: Vhost
) -> None:
    assert gateway.get("/readyz").status_code == 200
    broker.add_user(vhost.user, "another-password", tags="administrator")
    for name in _connections(broker, vhost):
        broker.manage("DELETE", f"connections/{quote(name)}")
    wait_until(lambda: gateway.post(event("1"), token_of("hall-1")).status_code == 503, 10)
    answer = gateway.post(event("1"), token_of("hall-1"))
    assert answer.headers["content-type"] == "application/problem+json"
    assert "retry-after" in answer.headers
    assert gateway.get("/readyz").status_code == 503
    assert gateway.get("/healthz").status_code == 200
    assert gateway.get("/v1/indicators", region="222424").status_code == 200
    broker.add_user(vhost.user, vhost.password, tags="administrator")
    wait_until(lambda: gateway.get("/readyz").status_code == 200, 20)
    assert gateway.post(event("1"), token_of("hall-1")).status_code == 202


def _connections(broker: BrokerServer, vhost: Vhost) -> list[str]:
    """The management API knows a connection some seconds after it was made."""
    names: list[str] = []

    def known() -> bool:
        names[:] = [c["name"] for c in json.loads(broker.manage("GET", f"vhosts/{vhost.name}/connections"))]
        return len(names) >= 2

    wait_until(known, 20)
    return names


def test_it_ends_with_the_requests_that_it_has_begun(gateway: Gateway) -> None:
    assert gateway.get("/healthz").status_code == 200
    assert gateway.end() == 0
    assert "Traceback" not in gateway.log.read_text()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"HALLPULSE_AMQP_URL": ""}, "missing environment: HALLPULSE_AMQP_URL"),
        ({"HALLPULSE_AMQP_URL": "amqp://x:y@127.0.0.1:1/"}, "broker at 127.0.0.1:1: [Errno 111] Connection refused"),
        ({"HALLPULSE_DATABASE_URL": "postgresql://x@127.0.0.1:1/x"}, "database: "),
        ({"HALLPULSE_GATEWAY_PORT": "many"}, "HALLPULSE_GATEWAY_PORT: expected int, got 'many'"),
        ({"HALLPULSE_HOST": "192.0.2.1"}, "cannot listen on 192.0.2.1:"),
    ],
)
def test_it_says_in_one_line_why_it_cannot_start(
    tmp_path: Path, vhost: Vhost, store_url: str, wrong: dict[str, str], said: str
) -> None:
    port = ports.choose(["gateway"])["gateway"]
    process = started(settings(vhost.amqp_url, store_url, port) | wrong, tmp_path / "log")
    assert _status(process) == 1
    (line,) = (tmp_path / "log").read_text().splitlines()
    assert line.startswith(f"gateway: {said}")


def test_a_port_that_is_taken_is_named(tmp_path: Path, vhost: Vhost, store_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        process = started(settings(vhost.amqp_url, store_url, port), tmp_path / "log")
        assert _status(process) == 1
    assert (tmp_path / "log").read_text() == f"gateway: cannot listen on 127.0.0.1:{port}: Address already in use\n"


def _status(process: subprocess.Popen[str]) -> int:
    try:
        return process.wait(60)
    finally:
        process.kill()
        process.wait()
