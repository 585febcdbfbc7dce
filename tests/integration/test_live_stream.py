"""Liveness with real servers: an event is told of within seconds, and so is whatever keeps the next one from coming."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from hallpulse.broker import declare, open_channel, stopped
from hallpulse.broker.queue_standing import StandingLook
from hallpulse.broker.topology import queue_name
from hallpulse.domain.errors import Unavailable
from hallpulse.store import Store
from services.local.process_groups import wait_until
from tests import gateway_process, ingest_process
from tests.gateway_process import READ_TOKEN, hash_of_hall, token_of
from tests.ingesting import strain
from tests.merging import NOW, decoded
from tests.servers import Vhost

REGION = 222424
WITHIN = 30.0


@dataclass
class Stream:
    """What a watcher hears, with the moment at which it heard it."""

    heard: list[tuple[str, Any, float]] = field(default_factory=list)
    ended: bool = False

    def read(self, address: str) -> None:
        headers = {"authorization": f"Bearer {READ_TOKEN}", "accept": "text/event-stream"}
        event = ""
        try:
            with httpx.stream("GET", address, headers=headers, timeout=60) as answer:
                assert answer.headers["content-type"].startswith("text/event-stream")
                assert "content-encoding" not in answer.headers
                for line in answer.iter_lines():
                    name, _, text = line.partition(":")
                    if name == "event":
                        event = text.strip()
                    elif name == "data":
                        self.heard.append((event, json.loads(text) if text.strip() else None, time.monotonic()))
        except httpx.HTTPError:
            pass  # the gateway was stopped
        self.ended = True

    def count(self, event: str) -> int:
        return sum(one[0] == event for one in self.heard)

    def kinds(self) -> list[str]:
        """The kinds of trouble that were told last."""
        last = next((data for event, data, _ in reversed(self.heard) if event == "status"), None)
        return [one["kind"] for one in last["troubles"]] if last else ["nothing heard"]


@contextmanager
def watching(gateway: gateway_process.Gateway) -> Iterator[Stream]:
    stream = Stream()
    thread = Thread(target=stream.read, args=(f"{gateway.client.base_url}/v1/live?region={REGION}",), daemon=True)
    thread.start()
    until(lambda: bool(stream.heard))
    yield stream


def until(condition: Callable[[], bool]) -> None:
    assert wait_until(condition, WITHIN * strain())


@pytest.fixture
def settings(vhost: Vhost, store_url: str) -> dict[str, str]:
    with open_channel(vhost.amqp_url) as channel:
        declare(channel, 2)
    return ingest_process.settings(vhost.amqp_url, store_url)


@pytest.fixture
def gateway(
    tmp_path: Path, settings: dict[str, str], store: Store, monkeypatch: pytest.MonkeyPatch
) -> Iterator[gateway_process.Gateway]:
    store.halls.add(REGION, "hall-1", ["case"], hash_of_hall("hall-1"))
    url = f"http://127.0.0.1:{settings['HALLPULSE_METRICS_PORT']}/metrics"
    monkeypatch.setenv("HALLPULSE_INGEST_METRICS_URL", url)
    monkeypatch.setenv("HALLPULSE_PARTITIONS", "2")
    with gateway_process.running(tmp_path, settings["HALLPULSE_AMQP_URL"], settings["HALLPULSE_DATABASE_URL"]) as one:
        yield one


def received(number: int) -> dict[str, Any]:
    return {
        "specversion": "1.0", "id": f"e-{number}", "source": f"/{REGION}/hall-1", "type": "hall.case.received.v1",
        "time": "2026-03-02T09:00:00+08:00",
        "data": {"case_id": f"c-{number}", "item_code": "i", "department": "justice", "channel": "window"},
    }  # fmt: skip


def test_an_event_is_told_of_as_it_is_stored_and_nothing_of_it_but_that(
    gateway: gateway_process.Gateway, settings: dict[str, str]
) -> None:
    with ingest_process.running(settings), watching(gateway) as stream:
        until(lambda: stream.kinds() == [])
        took = []
        for number in range(3):
            told = stream.count("changed")
            sent = time.monotonic()
            assert gateway.post(received(number), token_of("hall-1")).status_code == 202
            until(lambda told=told: stream.count("changed") > told)  # type: ignore[misc]
            took.append(stream.heard[-1][2] - sent)
        assert min(took) < 3 * strain()
        changed = [data for event, data, _ in stream.heard if event == "changed"]
        assert {tuple(sorted(data)) for data in changed} == {("look", "within")}


def test_an_ingest_that_hangs_ends_or_was_stopped_is_said_and_so_is_its_recovery(
    gateway: gateway_process.Gateway, settings: dict[str, str]
) -> None:
    with watching(gateway) as stream:
        until(lambda: stream.kinds() == ["ingest_absent"])
        with ingest_process.running(settings) as ingest:
            until(lambda: stream.kinds() == [])
            os.kill(ingest.pid, signal.SIGSTOP)
            until(lambda: "ingest_silent" in stream.kinds())
            os.kill(ingest.pid, signal.SIGCONT)
            until(lambda: stream.kinds() == [])
            stopped.stop(settings["HALLPULSE_AMQP_URL"], "a test")
            until(lambda: stream.kinds() == ["ingest_stopped"])


def test_the_gateway_stops_although_somebody_watches(gateway: gateway_process.Gateway) -> None:
    with watching(gateway) as stream:
        began = time.monotonic()
        gateway.process.send_signal(signal.SIGTERM)
        assert gateway.process.wait(20) == 0
        assert time.monotonic() - began < 8 * strain(), "the streams were ended, not waited for"
        until(lambda: stream.ended)


def test_the_broker_tells_what_waits_who_consumes_and_whether_ingest_is_stopped(vhost: Vhost) -> None:
    look = StandingLook(vhost.amqp_url, 2)
    assert (look.look().waiting, look.look().workers) == (0, 0), "also where nothing is declared yet"
    with open_channel(vhost.amqp_url) as channel:
        declare(channel, 2)
        channel.confirm_delivery()
        channel.basic_publish("", queue_name(1), b"{}")
        stopped.stop(vhost.amqp_url, "a test")
        until(lambda: (look.look().waiting, look.look().stopped) == (1, True))
    look.close()
    assert look.look().waiting == 1, "it connects again"
    look.close()


def test_a_broker_that_cannot_be_reached_is_unavailable() -> None:
    look = StandingLook("amqp://nobody:x@127.0.0.1:1/", 2)
    for _ in range(2):
        with pytest.raises(Unavailable):
            look.look()


def test_only_what_comes_in_counts_as_a_change(store: Store) -> None:
    with store.read() as moment:
        assert moment.change_counts(date(2020, 1, 1)) == {}
    store.halls.add(REGION, "hall-1", ["case"], hash_of_hall("hall-1"))
    with store.read() as moment:
        assert moment.change_counts(date(2020, 1, 1)) == {}
    day = [received(1), received(2), {**received(3), "source": "/222401/hall-1"}]
    store.merge(decoded(day), NOW)
    with store.read() as moment:
        assert moment.change_counts(date(2020, 1, 1)) == {REGION: 2, 222401: 1}
    store.merge(decoded(day), NOW)
    with store.read() as moment:
        assert moment.change_counts(date(2020, 1, 1)) == {REGION: 2, 222401: 1}, "what came again changes nothing"
        assert moment.change_counts(NOW.date() + timedelta(days=2)) == {}
