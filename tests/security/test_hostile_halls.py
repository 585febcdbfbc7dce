"""k of n halls are hostile, every k below n: the events of the others are stored within seconds, throughout."""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

import psycopg
import pytest

from hallpulse.broker import declare, open_channel
from hallpulse.broker.management import BrokerUsers
from hallpulse.store import Store
from tests.hall_events import changed
from tests.ingest_process import running, settings
from tests.ingesting import publish
from tests.security.hostile import KINDS
from tests.servers import Vhost

REGION = 222424
COMPLETE = os.environ.get("HOSTILE") == "all"
SECONDS = 5.0 if COMPLETE else 15.0
"""An event of an honest hall is stored this soon; the short sample runs beside other tests, on cores that it shares."""
FLOOD_SECONDS = float(os.environ.get("HOSTILE_SECONDS", "4"))
SEED = int(os.environ.get("SEED", "1"))
SHORT = [(2, 1), (5, 3), (10, 9)]
PAIRS = [(n, k) for n in range(2, 11) for k in range(1, n)] if COMPLETE else SHORT


class Honest:
    """Sends one event a tick and waits for the broker's word; when each was sent, and when it was seen stored."""

    def __init__(self, url: str, hall: str, user: str) -> None:
        self.hall = hall
        self.sent: dict[str, float] = {}
        self.stored: dict[str, float] = {}
        self.failure: BaseException | None = None
        self._url, self._user = url, user
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._over.set()
        self._thread.join(30)
        assert not self._thread.is_alive()
        assert self.failure is None, self.failure

    def slowest(self) -> float:
        """Seconds; of what is not stored yet, how long it has waited."""
        now = time.monotonic()
        return max(self.stored.get(id_, now) - sent for id_, sent in list(self.sent.items()))

    def _run(self) -> None:
        try:
            with open_channel(self._url) as channel:
                channel.confirm_delivery()
                while not self._over.wait(0.2):
                    id_ = f"{self.hall}-{len(self.sent)}"
                    self.sent[id_] = time.monotonic()
                    event = changed(data={"case_id": id_}, id=id_, source=f"/{REGION}/{self.hall}")
                    publish(channel, event, f"{REGION}.{self.hall}.case", user_id=self._user)
        except BaseException as error:
            self.failure = error


def user_url(vhost: Vhost, users: BrokerUsers, hall: str) -> str:
    password = users.put(REGION, hall, ("case",))
    address = urlsplit(vhost.amqp_url)
    return f"amqp://{REGION}.{hall}:{password}@{address.hostname}:{address.port}/{vhost.name}"


@contextlib.contextmanager
def flooding(vhost: Vhost, users: BrokerUsers, halls: Sequence[str], dice: random.Random) -> Iterator[list[str]]:
    """Each in a way of its own; the ways."""
    kinds = dice.sample(sorted(KINDS), len(halls)) if len(halls) <= len(KINDS) else dice.choices(sorted(KINDS), k=99)
    orders = [
        {
            "url": user_url(vhost, users, hall),
            "user": f"{REGION}.{hall}",
            "key": f"{REGION}.{hall}.case",
            "kind": kind,
            "seed": dice.getrandbits(32),
        }
        for hall, kind in zip(halls, kinds, strict=False)
    ]
    argv = [sys.executable, "-m", "tests.security.hostile"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps(orders))
            process.stdin.close()
            assert process.stdout.readline() == "flooding\n"
            yield [str(order["kind"]) for order in orders]
        finally:
            process.kill()


@contextlib.contextmanager
def watched(store_url: str, honest: Sequence[Honest]) -> Iterator[None]:
    """Note when what the honest halls sent is seen in the database."""
    over = threading.Event()
    halls = {one.hall: one for one in honest}

    def watch() -> None:
        with psycopg.connect(store_url.replace("+psycopg", ""), autocommit=True) as connection:
            while not over.wait(0.1):
                rows = connection.execute("SELECT hall, case_id FROM events WHERE hall = ANY(%s)", (list(halls),))
                now = time.monotonic()
                for hall, case_id in rows:
                    halls[hall].stored.setdefault(case_id, now)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(10)


def words_of(ingest: subprocess.Popen[str]) -> str:
    """What the ingest has said; it ends for that."""
    ingest.kill()
    assert ingest.stderr is not None
    return ingest.stderr.read()


@pytest.mark.attack
@pytest.mark.parametrize(("n", "k"), PAIRS, ids=str)
def test_hostile_halls_stop_no_other_however_many_they_are(
    n: int, k: int, vhost: Vhost, store: Store, store_url: str
) -> None:
    dice = random.Random(f"{SEED} {n} {k}")
    users = BrokerUsers(vhost.management_url, vhost.name)
    hostile, names = [f"hostile-{i}" for i in range(k)], [f"honest-{i}" for i in range(n - k)]
    for hall in (*names, *hostile[1:]):  # the first hostile one has a user, and is registered nowhere
        store.halls.add(REGION, hall, ("case",), f"hash-{hall}")
    environment = settings(vhost.amqp_url, store_url) | {
        n: v for n, v in os.environ.items() if n.startswith("HALLPULSE_")
    }
    with open_channel(vhost.amqp_url) as channel:
        declare(channel, 2)
    with running(environment) as ingest:
        honest = [Honest(user_url(vhost, users, hall), hall, f"{REGION}.{hall}") for hall in names]
        with watched(store_url, honest):
            time.sleep(1)
            with flooding(vhost, users, hostile, dice) as kinds:
                time.sleep(FLOOD_SECONDS)
            for one in honest:
                one.end()
            until = time.monotonic() + SECONDS
            while time.monotonic() < until and any(one.sent.keys() - one.stored.keys() for one in honest):
                time.sleep(0.1)
        assert ingest.poll() is None, f"ingest has ended: {ingest.stderr and ingest.stderr.read()}"
        slowest = {one.hall: round(one.slowest(), 2) for one in honest}
        print(f"n={n} k={k}: slowest {max(slowest.values())} s; {kinds}")
        assert max(slowest.values()) < SECONDS, (slowest, kinds, words_of(ingest))
