"""The catalogue service as a process of its own, asked by RPC, on a real broker and a real database."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pika
import pytest

from hallpulse.contract.events import EventType, HallEvent, ItemPublished
from hallpulse.store import Store
from services.local import ports
from tests.ingesting import wait_until
from tests.servers import Vhost

ROOT = Path(__file__).parents[2]


@contextmanager
def process(log: Path, **settings: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    port = ports.choose(["catalogue"])["catalogue"]
    environment = {
        **os.environ,
        **settings,
        "HALLPULSE_METRICS_PORT": str(port),
        "PYTHONPATH": f"{ROOT / 'shared'}:{ROOT}",
    }
    with log.open("w") as stderr:
        started = subprocess.Popen(
            [sys.executable, "-m", "services.catalogue"], cwd=ROOT, env=environment, stderr=stderr, text=True
        )
    try:
        yield started, port
    finally:
        started.send_signal(signal.SIGTERM)
        assert started.wait(20) in (0, 1)


@pytest.fixture
def service(tmp_path: Path, vhost: Vhost, store_url: str) -> Iterator[str]:
    """The address of its pages, once it answers there."""
    log = tmp_path / "catalogue.log"
    with process(log, HALLPULSE_AMQP_URL=vhost.amqp_url, HALLPULSE_DATABASE_URL=store_url) as (started, port):
        address = f"http://127.0.0.1:{port}"
        wait_until(lambda: started.poll() is not None or _answers(address))
        assert started.poll() is None, log.read_text()
        yield address


def _answers(address: str) -> bool:
    try:
        return got(f"{address}/healthz") == "ok\n"
    except urllib.error.URLError:
        return False


def got(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return str(answer.read().decode())


def called(amqp_url: str, method: str, *args: Any) -> dict[str, Any]:
    """What the service answers: `result` or `error`."""
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        channel = connection.channel()
        reply = str(uuid.uuid4())
        queue = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(queue, "nameko-rpc", reply)
        properties = pika.BasicProperties(
            reply_to=reply, correlation_id=reply, content_type="application/json", content_encoding="utf-8"
        )
        body = json.dumps({"args": args, "kwargs": {}}).encode()
        channel.basic_publish("nameko-rpc", f"catalogue.{method}", body, properties)
        for _, _, answer in channel.consume(queue, inactivity_timeout=20):
            assert answer is not None, "no answer"
            found: dict[str, Any] = json.loads(answer)
            return found
    raise AssertionError("no answer")


def item(code: str, day: str, *, promised: int) -> HallEvent:
    data = ItemPublished(
        code, "名", "局", "licensing", "promised", day, statutory_days=20, promised_days=promised, settled=True
    )
    return HallEvent(222424, "hall", f"{code}-{day}", EventType.ITEM_PUBLISHED, 1_767_000_000_000_000, data)


def test_it_tells_items_and_counts_of_a_day_and_checks_rows(service: str, vhost: Vhost, store: Store) -> None:
    store.merge([item("a-1", "2026-01-01", promised=10), item("a-1", "2026-06-01", promised=4)], datetime.now(UTC))
    before = called(vhost.amqp_url, "item", 222424, "a-1", "2026-03-05")["result"]
    assert (before["promised_days"], before["from"], before["until"]) == (10, "2026-01-01", "2026-05-31")
    assert called(vhost.amqp_url, "item", 222424, "a-1", "2025-12-31")["result"] is None
    counts = called(vhost.amqp_url, "counts", 222424, "2026-07-01")["result"]
    assert (counts["items"], counts["settled"], counts["instant"]) == (1, 1, 0)
    rows = [{"实施编码": "a-2", "事项名称": "乙", "部门": "局", "承诺办结时限": "3个月"}]
    (checked,) = called(vhost.amqp_url, "check", rows, "2026-01-01")["result"]
    assert checked["item"]["promised_days"] == 66
    assert "expected a code of 6 digits" in called(vhost.amqp_url, "counts", "x", "2026-07-01")["error"]["value"]
    assert "hallpulse_build_info" in got(f"{service}/metrics")


def test_without_its_servers_it_says_one_line_and_ends(tmp_path: Path) -> None:
    log = tmp_path / "catalogue.log"
    nowhere = {"HALLPULSE_AMQP_URL": "amqp://u:p@127.0.0.1:1/", "HALLPULSE_DATABASE_URL": "postgresql://127.0.0.1:1/x"}
    with process(log, **nowhere) as (started, _):
        assert started.wait(30) == 1
    said = log.read_text().splitlines()
    assert len(said) == 1, said
    assert said[0].startswith("catalogue: ")
