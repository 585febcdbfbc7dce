"""`python -m services.ingest` as a process: ready, measured, stopped."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from hallpulse.broker.topology import queue_names
from hallpulse.contract.events import EventType
from hallpulse.store import Store
from services.ingest import __main__ as ingest
from tests.hall_events import changed
from tests.ingest_process import metric, running, settings
from tests.ingesting import publish, publishing, stored, strain, wait_until
from tests.servers import Vhost

KEY = "222424.hall-1.case"


@pytest.fixture
def environment(vhost: Vhost, store_url: str) -> dict[str, str]:
    return settings(vhost.amqp_url, store_url)


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_it_stores_and_counts_and_stops_within_seconds(
    environment: dict[str, str], vhost: Vhost, store: Store, by: signal.Signals
) -> None:
    with running(environment) as process:
        with publishing(vhost) as channel:
            for number in range(40):
                event = changed(EventType.CASE_RECEIVED, id=f"e{number % 30}", source="/222424/hall-1")
                publish(channel, event, KEY, user_id=vhost.user)
            publish(channel, b"bad", KEY, user_id=vhost.user)
        wait_until(lambda: metric(environment, "hallpulse_events_duplicate_total") == 10)
        assert metric(environment, "hallpulse_events_total") == 30
        wait_until(lambda: metric(environment, "hallpulse_events_refused_total") == 1)
        assert metric(environment, "hallpulse_ingest_lag_seconds") == 0
        began = time.monotonic()
        process.send_signal(by)
        assert process.wait(60) == 0
        assert time.monotonic() - began < 5 * strain()
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert stored(store) == 30


def test_what_a_killed_process_had_not_acknowledged_is_stored_once(
    environment: dict[str, str], vhost: Vhost, store: Store
) -> None:
    with publishing(vhost) as channel:
        for number in range(200):
            batch = [
                changed(EventType.CASE_RECEIVED, id=f"e{number}.{n}", source=f"/222424/hall-{number % 8}")
                for n in range(50)
            ]
            publish(channel, batch, f"222424.hall-{number % 8}.case", user_id=vhost.user)
        with running(environment) as process:
            wait_until(lambda: stored(store) > 0)
            process.kill()
            process.wait()
        with running(environment):
            names = queue_names(2)
            wait_until(lambda: stored(store) == 10_000, 60)
            wait_until(lambda: not sum(channel.queue_declare(n, passive=True).method.message_count for n in names))
    assert store.recompute(check=True) == []


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("HALLPULSE_AMQP_URL", "", "HALLPULSE_AMQP_URL"),
        ("HALLPULSE_AMQP_URL", "amqp://nobody:x@HOST", "broker: it refuses this user and password"),
        ("HALLPULSE_AMQP_URL", "nonsense", "broker: expected a URL amqp://"),
        ("HALLPULSE_AMQP_URL", "http://a:b@host/", "broker: expected a URL amqp://"),
        ("HALLPULSE_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none", "database: "),
        ("HALLPULSE_PARTITIONS", "two", "HALLPULSE_PARTITIONS: expected int"),
    ],
)
def test_what_it_cannot_work_with_is_said_in_one_line(
    environment: dict[str, str], vhost: Vhost, variable: str, value: str, said: str
) -> None:
    environment[variable] = value.replace("HOST", vhost.amqp_url.rpartition("@")[2])
    argv = [sys.executable, "-m", "services.ingest"]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=False)
    lines = [line for line in done.stderr.splitlines() if line != "ingest: ready"]
    assert done.returncode == 1
    assert len(lines) == 1
    assert said in lines[0]


def test_a_fault_of_its_own_is_one_line_with_its_place(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_: object) -> None:
        raise ZeroDivisionError("by\nzero")

    monkeypatch.setattr(ingest, "run", broken)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert ingest.main() == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("ingest: stopped by a fault of its own: ZeroDivisionError: by zero (")
    assert "test_ingest_process.py:" in line
