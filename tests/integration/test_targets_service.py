"""The targets service as a process of its own, on a real broker and a real database."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pika
import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from hallpulse.contract.events import EventType, FigureReported, HallEvent, ItemPublished
from hallpulse.domain.figures import Window
from hallpulse.plans import load_plan
from hallpulse.store import Store
from services.local import ports
from tests.ingesting import strain
from tests.moments import ask
from tests.servers import BrokerServer, PostgresServer, Vhost

ROOT = Path(__file__).parents[2]
YEAR = datetime.now(UTC).year
PLAN = """\
region: 222424
names: {{zh: 计划, en: plan}}
document: 文
period: {{from: {year}-01-01, to: {year}-12-31}}
departments:
  - {{id: justice, names: {{zh: 司法局, en: Justice}}}}
indicators:
  - {{id: loss, names: {{zh: 败诉率, en: loss}}}}
targets:
  - id: settled
    names: {{zh: 进驻, en: settled}}
    indicator: settled_item_share
    rule: {{at_least: 92 %}}
    path: step
  - id: loss
    names: {{zh: 败诉率, en: loss}}
    indicator: loss
    rule: {{at_most: 5 %}}
    path: step
"""
T = TypeVar("T")


@dataclass
class Service:
    """The running service and the ways to it."""

    process: subprocess.Popen[str]
    port: int
    amqp_url: str
    log: Path

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
            return str(answer.read().decode())

    def sample(self, name: str, **labels: str) -> float | None:
        families = text_string_to_metric_families(self.get("/metrics"))
        found = [s for f in families for s in f.samples if s.name == name and s.labels == labels]
        return found[0].value if found else None

    def ratio(self, indicator: str) -> float | None:
        return self.sample("hallpulse_indicator_ratio", region="222424", indicator=indicator)

    def age(self) -> float:
        return time.time() - (self.sample("hallpulse_snapshot_timestamp_seconds") or 0)


def until(value: Callable[[], T], good: Callable[[T], bool], seconds: float = 20.0) -> T:
    """The first value that is good; the last one, for the assertion's sake, when time is up."""
    began = time.monotonic()
    while True:
        seen = value()
        if good(seen) or time.monotonic() - began > seconds * strain():
            return seen
        time.sleep(0.1)


@contextmanager
def process(folder: Path, amqp_url: str, database_url: str, plan: str = PLAN, **more: str) -> Iterator[Service]:
    plans = folder / "plans"
    plans.mkdir(exist_ok=True)
    (plans / "222424.yaml").write_text(plan.format(year=YEAR))
    port, log = ports.choose(["targets"])["targets"], folder / "targets.log"
    settings = {
        "HALLPULSE_AMQP_URL": amqp_url, "HALLPULSE_DATABASE_URL": database_url, "HALLPULSE_PLANS": str(plans),
        "HALLPULSE_METRICS_PORT": str(port), "PYTHONPATH": f"{ROOT / 'shared'}{os.pathsep}{ROOT}", **more,
    }  # fmt: skip
    with log.open("w") as stderr:
        started = subprocess.Popen(
            [sys.executable, "-m", "services.targets"],
            cwd=ROOT, env={**os.environ, **settings}, stderr=stderr, text=True,
        )  # fmt: skip
    try:
        yield Service(started, port, amqp_url, log)
    finally:
        started.kill()
        started.wait()


@pytest.fixture
def service(tmp_path: Path, amqp_url: str, store_url: str) -> Iterator[Service]:
    with process(tmp_path, amqp_url, store_url) as running:
        until(running.log.read_text, lambda said: "ready" in said or running.process.poll() is not None)
        assert "ready" in running.log.read_text(), running.log.read_text()
        yield running


def stamp() -> int:
    return time.time_ns() // 1_000 - 3_600_000_000


def item(number: int, *, settled: bool) -> HallEvent:
    data = ItemPublished(
        item_code=f"item-{number}", name="事项", department="justice", kind="licensing", handling="instant",
        effective_from=f"{YEAR}-01-01", settled=settled,
    )  # fmt: skip
    return HallEvent(222424, "hall-1", f"item-{number}", EventType.ITEM_PUBLISHED, stamp(), data)


def loss(lost: int, revision: int) -> HallEvent:
    today = datetime.now(UTC).date().replace(day=1).isoformat()
    data = FigureReported(indicator="loss", period=today, revision=revision, numerator=lost, denominator=100)
    return HallEvent(222424, "hall-1", f"loss-{revision}", EventType.FIGURE_REPORTED, stamp(), data)


def put(store: Store, *events: HallEvent) -> None:
    assert len(store.merge(events, datetime.now(UTC)).new) == len(events)


def heard(channel: Any, queue: str, seconds: float = 15.0) -> tuple[str, dict[str, Any]] | None:
    """The next message as (routing key, body)."""
    got = until(lambda: channel.basic_get(queue, auto_ack=True), lambda m: m[0] is not None, seconds)
    return None if got[0] is None else (got[0].routing_key, json.loads(got[2]))


def listening(amqp_url: str) -> tuple[Any, str]:
    channel = pika.BlockingConnection(pika.URLParameters(amqp_url)).channel()
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(queue, "targets.events", "#")
    return channel, queue


def called(amqp_url: str, *args: object) -> dict[str, Any]:
    """The answer to an RPC, by the framework's wire format and without the framework."""
    connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
    channel, reply = connection.channel(), str(uuid.uuid4())
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(queue, "nameko-rpc", reply)
    properties = pika.BasicProperties(
        reply_to=reply, correlation_id=reply, content_type="application/json", content_encoding="utf-8"
    )
    body = json.dumps({"args": args, "kwargs": {}}).encode()
    channel.basic_publish("nameko-rpc", "targets.evaluate", body, properties)
    answer = heard(channel, queue)
    connection.close()
    assert answer is not None
    return answer[1]


def test_a_stored_event_is_on_the_metrics_page_within_five_seconds(service: Service, store: Store) -> None:
    assert service.ratio("settled_item_share") is None
    put(store, item(1, settled=True), item(2, settled=False))
    assert until(lambda: service.ratio("settled_item_share"), lambda r: r == 0.5, 5.0) == 0.5
    labels = {"region": "222424", "target": "settled", "indicator": "settled_item_share"}
    assert service.sample("hallpulse_target_met", **labels) == 0
    assert service.sample("hallpulse_target_goal", **labels) == 0.92


def test_a_breach_and_a_recovery_are_told_to_others(service: Service, store: Store) -> None:
    put(store, loss(1, 1))
    assert until(lambda: service.ratio("loss"), lambda r: r == 0.01) == 0.01
    channel, queue = listening(service.amqp_url)
    put(store, loss(6, 2))
    breach = heard(channel, queue)
    assert breach is not None
    assert (breach[0], breach[1]["id"], breach[1]["value"], breach[1]["met"]) == (
        "target_breached",
        "loss",
        0.06,
        False,
    )
    put(store, loss(5, 3))
    recovery = heard(channel, queue)
    assert recovery is not None
    assert (recovery[0], recovery[1]["met"]) == ("target_recovered", True)
    channel.connection.close()


def test_targets_are_answered_by_rpc(service: Service, store: Store) -> None:
    put(store, loss(6, 1))
    answer = called(service.amqp_url, 222424)["result"]
    assert answer["plan"] == "222424"
    assert [(t["id"], t["numerator"], t["met"]) for t in answer["targets"]] == [
        ("settled", None, None),
        ("loss", 6, False),
    ]
    assert called(service.amqp_url, 222424, f"{YEAR - 1}-06-01")["result"]["plan"] is None
    assert "expected a code of 6 digits" in called(service.amqp_url, "nowhere")["error"]["value"]


def test_figures_stay_through_a_database_outage_and_come_back_by_themselves(
    service: Service, store: Store, postgres: PostgresServer, store_url: str
) -> None:
    put(store, loss(1, 1))
    until(lambda: service.ratio("loss"), lambda r: r == 0.01)
    name = psycopg.conninfo.conninfo_to_dict(store_url)["dbname"]
    with psycopg.connect(postgres.url, autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        assert until(service.age, lambda age: age > 5) > 5
        assert service.ratio("loss") == 0.01
        assert service.get("/healthz") == "ok\n"
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())
    assert until(service.age, lambda age: age < 3) < 3
    said = [line for line in service.log.read_text().splitlines() if "ready" not in line]
    assert len(said) == 2, said
    assert "keeping the last figures" in said[0]
    assert "over" in said[1]


def test_figures_stay_fresh_through_a_broker_outage_and_what_turned_is_told_afterwards(
    service: Service, store: Store, broker: BrokerServer, vhost: Vhost
) -> None:
    put(store, loss(1, 1))
    until(lambda: service.ratio("loss"), lambda r: r == 0.01)
    broker.manage("DELETE", f"vhosts/{vhost.name}")
    put(store, loss(6, 2))
    assert until(lambda: service.ratio("loss"), lambda r: r == 0.06) == 0.06
    time.sleep(8)
    assert service.age() < 4
    broker.manage("PUT", f"vhosts/{vhost.name}", {})
    broker.permit(vhost.name, vhost.name)
    channel = pika.BlockingConnection(pika.URLParameters(service.amqp_url)).channel()
    channel.exchange_declare("targets.events", "topic", durable=True)
    channel.connection.close()
    channel, queue = listening(service.amqp_url)
    told = heard(channel, queue, 45.0)
    assert told is not None
    assert (told[0], told[1]["id"]) == ("target_breached", "loss")
    channel.connection.close()
    assert called(service.amqp_url, 222424)["result"]["plan"] == "222424"


def test_it_ends_when_it_is_told_to(service: Service) -> None:
    service.process.send_signal(signal.SIGTERM)
    assert service.process.wait(10) == 0


def reading_process(service: Service) -> int:
    """The process that reads for the service."""
    children = Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children").read_text().split()
    (child,) = [int(pid) for pid in children if b"services.targets.reader" in command_of(int(pid))]
    return child


def command_of(pid: int) -> bytes:
    """Nothing of a process that has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_the_process_that_reads_for_it_ends_with_it(service: Service, number: signal.Signals) -> None:
    child = reading_process(service)
    service.process.send_signal(number)
    assert service.process.wait(10) == (-9 if number == signal.SIGKILL else 0)
    assert until(lambda: command_of(child), lambda command: not command, 10) == b""
    assert "Traceback" not in service.log.read_text()


def test_a_reading_process_that_dies_is_replaced_and_the_figures_stay(service: Service, store: Store) -> None:
    put(store, loss(1, 1))
    until(lambda: service.ratio("loss"), lambda r: r == 0.01)
    child = reading_process(service)
    os.kill(child, signal.SIGKILL)
    assert service.ratio("loss") == 0.01
    put(store, loss(6, 2))
    assert until(lambda: service.ratio("loss"), lambda r: r == 0.06) == 0.06
    assert reading_process(service) != child
    assert service.get("/healthz") == "ok\n"


def test_the_plans_that_it_read_are_noted_in_the_audit(service: Service, store: Store) -> None:
    (line,) = store.audit.list(action="plan")
    plan = (service.log.parent / "plans" / "222424.yaml").read_bytes()
    assert line.entry.detail == {"222424": hashlib.sha256(plan).hexdigest()}
    assert line.claimed.startswith("targets: ")


def test_what_it_shows_is_what_the_store_says(service: Service, store: Store, tmp_path: Path) -> None:
    (tmp_path / "222424.yaml").write_text(PLAN.format(year=YEAR))
    store.judge_by([load_plan(tmp_path / "222424.yaml")])
    put(store, *(item(number, settled=number % 3 == 0) for number in range(10)), loss(3, 1))
    until(lambda: service.ratio("loss"), lambda r: r == 0.03)
    today = datetime.now(UTC).date()
    table = ask(store).figure_table(222424, Window(today.replace(month=1, day=1), today))
    for indicator in ("settled_item_share", "instant_item_share", "loss"):
        figure = table.own[indicator]
        labels = {"region": "222424", "indicator": indicator}
        assert service.sample("hallpulse_indicator_numerator", **labels) == figure.numerator
        assert service.sample("hallpulse_indicator_denominator", **labels) == figure.denominator


def test_a_bad_plan_stops_it_with_one_line(tmp_path: Path, amqp_url: str, store_url: str) -> None:
    bad = PLAN.replace("at_least: 92 %", "at_least: 920 %")
    with process(tmp_path, amqp_url, store_url, bad) as running:
        assert running.process.wait(20) == 1
        (line,) = running.log.read_text().splitlines()
    assert line.startswith("targets: ")
    assert "222424.yaml:13:11: targets.settled.rule: 目标是 920 %" in line
    assert "the goal is 920 %: expected 100 % at most" in line


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"HALLPULSE_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none"}, "database"),
        ({"HALLPULSE_DATABASE_URL": ""}, "missing environment: HALLPULSE_DATABASE_URL"),
        ({"HALLPULSE_AMQP_URL": "amqp://guest:guest@127.0.0.1:9/"}, "127.0.0.1:9"),
        ({"HALLPULSE_PLANS": "/nowhere"}, "/nowhere:1:1: 应为放方案文件的文件夹。 expected a folder of plan files"),
    ],
)
def test_a_wrong_setting_stops_it_with_one_line(
    tmp_path: Path, amqp_url: str, store_url: str, setting: dict[str, str], said: str
) -> None:
    with process(tmp_path, amqp_url, store_url, **setting) as running:
        assert running.process.wait(40) == 1
        (line,) = running.log.read_text().splitlines()
    assert said in line


def test_a_port_that_is_taken_stops_it_with_one_line(service: Service, tmp_path: Path, store_url: str) -> None:
    other = tmp_path / "other"
    other.mkdir()
    taken = {"HALLPULSE_METRICS_PORT": str(service.port)}
    with process(other, service.amqp_url, store_url, **taken) as running:
        assert running.process.wait(20) == 1
        (line,) = running.log.read_text().splitlines()
    assert str(service.port) in line
    with pytest.raises(urllib.error.HTTPError, match="404"):
        service.get("/nothing")
