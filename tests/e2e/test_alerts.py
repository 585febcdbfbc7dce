"""From an event to a person: item versions, late cases and silent halls reach the ledger, and recoveries too.

Real servers throughout: broker, ingest, PostgreSQL, targets, Prometheus, Alertmanager, notices.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pika
import pytest

from hallpulse.broker import EVENTS, open_channel, user_of
from hallpulse.broker.management import ManagementApi
from hallpulse.broker.topology import queue_names
from hallpulse.contract.decode import BATCH_TYPE
from tests.e2e.suite_at import hallpulse, suite_at
from tests.ingesting import strain

REGION, HALL = "222424", "main-hall"
SHANGHAI = timezone(timedelta(hours=8))
TOLD_WITHIN = 60.0
ITEMS = 20
Line = dict[str, Any]


@dataclass
class Suite:
    directory: Path
    environment: dict[str, str]

    def publish(self, *events: dict[str, Any]) -> None:
        file = self.directory.parent / f"{uuid.uuid4()}.ndjson"
        file.write_text("".join(json.dumps(event) + "\n" for event in events))
        done = hallpulse("publish", file, directory=self.directory)
        assert done.returncode == 0, done.stderr

    def ledger(self) -> list[Line]:
        answer = httpx.get(
            f"{self.environment['HALLPULSE_NOTICES_URL']}/v1/notices",
            params={"limit": 500},
            headers={"Authorization": f"Bearer {self.environment['HALLPULSE_READ_TOKEN']}"},
        )
        assert answer.status_code == 200, answer.text
        found: list[Line] = answer.json()["notices"]
        return found

    def told(self, alert: str, wanted: Callable[[Line], bool]) -> tuple[Line, float]:
        """The first line of the ledger that is wanted, and after how many seconds it was there."""
        began = time.monotonic()
        while time.monotonic() - began < TOLD_WITHIN * strain():
            for line in self.ledger():
                assert not line["foreign"], line
                if line["alert"] == alert and wanted(line):
                    return line, time.monotonic() - began
            time.sleep(0.25)
        raise AssertionError(
            f"no {alert} within {TOLD_WITHIN} s; told: {[(n['alert'], n['resolved']) for n in self.ledger()]}"
        )

    def query(self, expr: str) -> list[dict[str, Any]]:
        answer = httpx.get(f"{self.environment['HALLPULSE_PROMETHEUS_URL']}/api/v1/query", params={"query": expr})
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found

    def until(self, expr: str, seconds: float = 40) -> None:
        began = time.monotonic()
        while not self.query(expr):
            assert time.monotonic() - began < seconds * strain(), f"still nothing for {expr}"
            time.sleep(0.25)


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    directory = tmp_path_factory.mktemp("alerts") / "run"
    with suite_at(directory):
        opened = Suite(directory, json.loads((directory / "environment.json").read_text()))
        added = hallpulse("hall", "add", REGION, "quiet-hall", "--json", directory=directory)
        assert added.returncode == 0, added.stderr
        opened.publish(event("hall.heartbeat.v1", {}, hall="quiet-hall"))  # and no more: its silence has begun
        yield opened


def event(kind: str, data: dict[str, Any], at: datetime | None = None, hall: str = HALL) -> dict[str, Any]:
    moment = (at or datetime.now(UTC)).isoformat()
    source = f"/{REGION}/{hall}"
    return {"specversion": "1.0", "id": str(uuid.uuid4()), "source": source, "type": kind, "time": moment, "data": data}


def item(number: int, day: date, promised: int, *, instant: bool, statutory: int = 20) -> dict[str, Any]:
    data = {
        "item_code": f"ITEM-{number:03}", "basic_code": f"BASIC-{number:03}", "name": f"事项{number}",
        "department": "housing", "kind": "licensing", "handling": "instant" if instant else "promised",
        "statutory_days": statutory, "promised_days": promised, "settled": True, "unified": True, "full_process": True,
        "tolerates_missing": True, "commitment": True, "effective_from": day.isoformat(),
    }  # fmt: skip
    return event("hall.item.published.v1", data)


def today() -> date:
    return datetime.now(SHANGHAI).date()


def good_catalogue() -> list[dict[str, Any]]:
    """Half of the items instant, all promised in a fifth of the statutory time: 90 % and 50 %."""
    return [item(n, date(2026, 1, 1), 0 if n % 2 else 4, instant=n % 2 == 1) for n in range(ITEMS)]


def test_item_versions_that_lower_the_ratio_are_told_to_the_lead_department(suite: Suite) -> None:
    suite.publish(*good_catalogue())
    suite.until('hallpulse_target_met{target="promised_limit"} == 1')
    suite.until('hallpulse_indicator_ratio_ago{indicator="promised_limit_compression",days="7"} == 0.9')
    before = {(n["alert"], n["labels"].get("target")) for n in suite.ledger()}
    assert not before & {("CompressionDropped", "promised_limit"), ("TargetBehindPath", "instant_items")}

    suite.publish(*(item(n, today(), 14, instant=False) for n in range(ITEMS)))
    dropped, seconds = suite.told("CompressionDropped", lambda n: not n["resolved"])
    assert dropped["receiver"] == "222424/data-bureau"
    assert (dropped["value"], dropped["goal"], dropped["gap"]) == ("30.00", "73.56", "-43.56")
    assert "事项1（ITEM-001" in dropped["summary"] or "ITEM-0" in dropped["summary"]
    behind, also = suite.told("TargetBehindPath", lambda n: n["labels"]["target"] == "instant_items")
    assert (behind["receiver"], behind["value"], behind["gap"]) == ("222424/data-bureau", "0.00", "-41.94")
    assert behind["labels"]["source"] == "17"
    print(f"told after {seconds:.1f} s and {seconds + also:.1f} s")

    # One cause, one notice: the target behind the drop is muted while the drop is told.
    muted = [
        n for n in suite.ledger() if n["alert"] == "TargetBehindPath" and n["labels"]["target"] == "promised_limit"
    ]
    assert muted == []

    suite.publish(*(item(n, today(), 0 if n % 2 else 4, instant=n % 2 == 1) for n in range(ITEMS)))
    _, over = suite.told("CompressionDropped", lambda n: bool(n["resolved"]))
    _, over_too = suite.told("TargetBehindPath", lambda n: n["labels"]["target"] == "instant_items" and n["resolved"])
    print(f"resolved after {over:.1f} s and {over + over_too:.1f} s")


def test_statutory_limits_doubled_on_one_day_are_told_with_the_value_without_them(suite: Suite) -> None:
    suite.publish(*good_catalogue())
    suite.publish(*(item(n, today(), 0 if n % 2 else 4, instant=n % 2 == 1, statutory=40) for n in range(ITEMS)))
    suite.until('hallpulse_target_marked{target="promised_limit",check="statutory_raised"} == 1')
    marked, seconds = suite.told("TargetMarked", lambda n: not n["resolved"])
    assert marked["receiver"] == "222424/data-bureau"
    assert "提高法定时限换取压缩比" in marked["summary"]
    assert "扣除后为 90.00 %" in marked["summary"]
    assert seconds < 60 * strain()
    print(f"told after {seconds:.1f} s")


def case(number: int, received: datetime, department: str = "justice") -> list[dict[str, Any]]:
    data = {"case_id": f"C-{number:04}", "item_code": "ITEM-001", "department": department, "channel": "window"}
    opened = event("hall.case.received.v1", {**data, "statutory_days": 20, "promised_days": 3}, received)
    return [opened, event("hall.case.accepted.v1", {"case_id": data["case_id"]}, received)]


def decision(number: int, at: datetime) -> dict[str, Any]:
    return event("hall.case.decided.v1", {"case_id": f"C-{number:04}", "outcome": "granted"}, at)


def test_an_overdue_case_is_told_to_its_department_and_its_decision_ends_it(suite: Suite) -> None:
    received = datetime.now(UTC) - timedelta(days=30)
    told = [e for n in range(12) for e in (*case(n, received), decision(n, received + timedelta(hours=1)))]
    suite.publish(*told)
    suite.until('hallpulse_department_indicator_denominator{department="justice",indicator="due_kept_rate"} >= 12')
    assert not [n for n in suite.ledger() if n["alert"] == "CasesOverdue"]

    suite.publish(*case(99, received))
    line, seconds = suite.told("CasesOverdue", lambda n: not n["resolved"])
    assert (line["receiver"], line["value"]) == ("222424/justice", "1.00")
    assert line["annotations"]["cases_url"].endswith("/v1/cases?region=222424&state=overdue&department=justice")
    listed = httpx.get(
        line["annotations"]["cases_url"],
        headers={"Authorization": f"Bearer {suite.environment['HALLPULSE_READ_TOKEN']}"},
    ).json()
    assert listed["total"] == 1

    suite.publish(decision(99, datetime.now(UTC) - timedelta(minutes=1)))
    _, over = suite.told("CasesOverdue", lambda n: bool(n["resolved"]))
    print(f"told after {seconds:.1f} s, resolved after {over:.1f} s")


def test_one_late_case_of_a_small_department_is_told_to_nobody(suite: Suite) -> None:
    suite.publish(*case(500, datetime.now(UTC) - timedelta(days=30), "archives"))
    suite.until('hallpulse_cases_open{department="archives",state="overdue"} == 1')
    time.sleep(8)
    assert not [n for n in suite.ledger() if n["receiver"] == "222424/archives" and n["alert"] == "CasesOverdue"]


def test_a_hall_that_falls_silent_is_told_and_its_next_word_ends_it(suite: Suite) -> None:
    line, seconds = suite.told("HallSilent", lambda n: n["labels"]["hall"] == "quiet-hall" and not n["resolved"])
    assert line["receiver"] == "bureau"
    suite.publish(event("hall.heartbeat.v1", {}, hall="quiet-hall"))
    _, over = suite.told("HallSilent", lambda n: n["labels"]["hall"] == "quiet-hall" and n["resolved"])
    print(f"told after {seconds:.1f} s, resolved after {over:.1f} s")


def refusable(hall: str, count: int) -> list[dict[str, Any]]:
    return [event("hall.case.rated.v1", {"case_id": "c", "score": 9}, hall=hall) for _ in range(count)]


def send_as_they_are(suite: Suite, hall: str, events: list[dict[str, Any]], url: str = "") -> None:
    """Past `hallpulse publish`, which would not send what will be refused."""
    url = url or suite.environment["HALLPULSE_AMQP_URL"]
    with open_channel(url) as channel:
        channel.confirm_delivery()
        properties = pika.BasicProperties(BATCH_TYPE, delivery_mode=2, user_id=user_of(url))
        for start in range(0, len(events), 100):
            body = json.dumps(events[start : start + 100]).encode()
            channel.basic_publish(EVENTS, f"{REGION}.{hall}.case", body, properties)


def test_a_hall_whose_events_are_refused_is_told_to_its_owner(suite: Suite) -> None:
    send_as_they_are(suite, "quiet-hall", refusable("quiet-hall", 40))
    line, seconds = suite.told("HallEventsRefused", lambda n: not n["resolved"])
    assert (line["receiver"], line["labels"]["hall"]) == ("222424.quiet-hall", "quiet-hall")
    print(f"told after {seconds:.1f} s")


def a_gateway_under_a_wrong_name(suite: Suite) -> str:
    """Return the URL of a broker user that is no hall's and may publish everything."""
    api = ManagementApi(suite.environment["HALLPULSE_MANAGEMENT_URL"])
    api.ask("PUT", "users/gateway-2", {"password": "secret", "tags": ""})
    api.ask("PUT", "permissions/%2F/gateway-2", {"configure": "^$", "write": ".*", "read": "^$"})
    address = urlsplit(suite.environment["HALLPULSE_AMQP_URL"])
    return f"amqp://gateway-2:secret@{address.hostname}:{address.port}/%2F"


def test_a_gateway_under_a_wrong_name_stops_ingest_until_a_person_resumes_it(suite: Suite) -> None:
    url = a_gateway_under_a_wrong_name(suite)
    for hall in ("stop-1", "stop-2", "stop-3"):
        send_as_they_are(suite, hall, refusable(hall, 100), url)
    line, seconds = suite.told("IngestStopped", lambda n: not n["resolved"])
    assert line["receiver"] == "operators"
    shown = hallpulse("status", directory=suite.directory)
    assert shown.returncode == 1
    assert "ingest waits for a person: ingest: refusal limit: " in shown.stderr
    assert "'gateway-2' is no hall's" in shown.stderr
    with open_channel(suite.environment["HALLPULSE_AMQP_URL"]) as channel:
        for name in queue_names(4):
            channel.queue_purge(name)  # the cause is mended
    resumed = hallpulse("refused", "resume", directory=suite.directory)
    assert resumed.stdout.startswith("ingest goes on; it was stopped since "), resumed.stderr
    _, over = suite.told("IngestStopped", lambda n: bool(n["resolved"]))
    assert hallpulse("status", directory=suite.directory).returncode == 0
    print(f"told after {seconds:.1f} s, resolved after {over:.1f} s")
