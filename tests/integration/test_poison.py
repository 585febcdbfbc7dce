"""Messages on which merging fails each time lie with the refused; all others are stored once, on every RabbitMQ."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg

from hallpulse.broker.rejections import REASON
from hallpulse.broker.topology import REFUSED, queue_names
from hallpulse.contract.events import EventType
from hallpulse.store import RefusedFilter, Store
from tests.hall_events import changed
from tests.ingest_process import metric, running, settings
from tests.ingesting import PARTITIONS, RefusedCopy, publish, publishing, stored, take_refused, wait_until
from tests.integration.test_given_back import waiting
from tests.servers import Vhost

KILLING, FAILING, ENDING = "poison-kills", "poison-fails", "poison-ends"
_TRIGGER = f"""
CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NEW.case_id = '{KILLING}' THEN PERFORM pg_sleep(60); END IF;
  IF NEW.case_id = '{FAILING}' THEN RAISE EXCEPTION 'numeric out of range' USING ERRCODE = '22003'; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER poison BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION poison()
"""
_ENDS = """
CREATE OR REPLACE FUNCTION ends() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF {condition} THEN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(5); END IF;
  RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER ends BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION ends()
"""
_SLEEPING = "FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"


def case(name: str, number: int) -> dict[str, object]:
    return changed(EventType.CASE_RECEIVED, {"case_id": name}, id=f"e{number}", source="/222424/hall-1")


def children(pid: int) -> list[int]:
    """Of all threads of a process: any of them may have started one."""
    found: list[int] = []
    for listed in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += map(int, listed.read_text().split())
    return found


@contextlib.contextmanager
def killed_by_it(store_url: str, pid: int) -> Iterator[list[int]]:
    """While the block runs, a merging process that begins to store KILLING is killed, as by a fault of the machine."""
    over, kills = threading.Event(), []

    def watch() -> None:
        with psycopg.connect(store_url, autocommit=True) as connection:
            while not over.is_set():
                row = connection.execute(f"SELECT count(*) {_SLEEPING}").fetchone()
                if row and row[0]:
                    for child in children(pid):
                        with contextlib.suppress(ProcessLookupError):
                            os.kill(child, signal.SIGKILL)
                    connection.execute(f"SELECT pg_terminate_backend(pid) {_SLEEPING}")
                    kills.append(1)
                time.sleep(0.02)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield kills
    finally:
        over.set()
        watching.join()


def send(vhost: Vhost, names: Sequence[str], batch: int) -> None:
    """A message an event, but the first few in one message."""
    events = [case(name, number) for number, name in enumerate(names)]
    with publishing(vhost) as channel:
        publish(channel, events[:batch], "222424.hall-1.case", user_id=vhost.user)
        for event in events[batch:]:
            publish(channel, event, "222424.hall-1.case", user_id=vhost.user)


def assert_all_are_stored_without(
    trigger: str, copies: Sequence[RefusedCopy], vhost: Vhost, store_url: str, store: Store
) -> None:
    """Take the trigger away, publish the refused events again, and let an ingest store what is left of the sixty."""
    with psycopg.connect(store_url) as connection:
        connection.execute(f"DROP TRIGGER {trigger} ON events".encode())
    with publishing(vhost) as channel:
        for copy in copies:
            publish(channel, json.loads(copy.body), "222424.hall-1.case", user_id=vhost.user)
    with running(settings(vhost.amqp_url, store_url)):
        wait_until(lambda: stored(store) == 60, 60)
        wait_until(lambda: waiting(vhost, [*queue_names(PARTITIONS), REFUSED]) == 0, 60)
    assert store.recompute(check=True) == []


def test_what_kills_or_fails_its_merger_is_refused_alone_and_all_else_is_stored_once(
    vhost: Vhost, store: Store, store_url: str
) -> None:
    with psycopg.connect(store_url) as connection:
        connection.execute(_TRIGGER)
    names = [f"c{number}" for number in range(60)]
    names[3], names[40], names[50] = FAILING, KILLING, FAILING
    environment = settings(vhost.amqp_url, store_url)
    send(vhost, names, batch=10)
    with running(environment) as process, killed_by_it(store_url, process.pid) as kills:
        copies = take_refused(vhost, 3, seconds=120)
        wait_until(lambda: stored(store) == 57, 60)
        wait_until(lambda: metric(environment, "hallpulse_events_refused_total") == 3)
        assert len(kills) >= 3, "it was tried again before it was held to be why"
        assert process.poll() is None, "the ingest itself went on"
    assert sorted(json.loads(copy.body)["id"] for copy in copies) == ["e3", "e40", "e50"]
    assert {copy.headers[REASON] for copy in copies} == {"unprocessable"}
    rows = [(row.reason, row.source) for row in store.refused.page(RefusedFilter(), 10)]
    assert rows == [("unprocessable", "/222424/hall-1")] * 3
    assert_all_are_stored_without("poison", copies, vhost, store_url, store)


def test_what_ends_the_databases_connection_each_time_is_refused_alone_and_all_else_is_stored_once(
    vhost: Vhost, store: Store, store_url: str
) -> None:
    with psycopg.connect(store_url) as connection:
        connection.execute(_ENDS.format(condition=f"NEW.case_id = '{ENDING}'"))
    names = [f"c{number}" for number in range(60)]
    names[3] = names[40] = ENDING
    environment = settings(vhost.amqp_url, store_url)
    send(vhost, names, batch=10)
    with running(environment) as process:
        copies = take_refused(vhost, 2, seconds=120)
        wait_until(lambda: stored(store) == 58, 60)
        wait_until(lambda: metric(environment, "hallpulse_events_refused_total") == 2)
        assert process.poll() is None, "the ingest itself went on"
    assert sorted(json.loads(copy.body)["id"] for copy in copies) == ["e3", "e40"]
    assert {copy.headers[REASON] for copy in copies} == {"unprocessable"}
    assert_all_are_stored_without("ends", copies, vhost, store_url, store)


def test_a_database_that_ends_every_connection_keeps_everything_waiting_and_nothing_is_refused(
    vhost: Vhost, store: Store, store_url: str
) -> None:
    """It lets connections be made and answers questions, so that only message after message tells the fault."""
    with psycopg.connect(store_url) as connection:
        connection.execute("CREATE SEQUENCE ended; " + _ENDS.format(condition="nextval('ended') > 0"))
    send(vhost, [f"c{number}" for number in range(60)], batch=60)
    with running(settings(vhost.amqp_url, store_url)) as process, psycopg.connect(store_url, autocommit=True) as asked:

        def ended() -> int:
            row = asked.execute("SELECT last_value FROM ended").fetchone()
            return int(row[0]) if row else 0

        wait_until(lambda: ended() > 30, 120)  # more than the tries until several are held to be why
        assert (stored(store), process.poll()) == (0, None)
        asked.execute("DROP TRIGGER ends ON events")
        wait_until(lambda: stored(store) == 60, 90)
    assert waiting(vhost, [*queue_names(PARTITIONS), REFUSED]) == 0
    assert store.recompute(check=True) == []
