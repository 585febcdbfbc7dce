"""What a hall has the broker take off a partition by letting it expire, with headers as the ingest writes them."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pika
import pytest
from click.testing import CliRunner
from pika.adapters.blocking_connection import BlockingChannel

from hallpulse.broker import REFUSED, declare, open_channel
from hallpulse.broker.rejections import DEAD_LETTERED
from hallpulse.contract.decode import BATCH_TYPE
from hallpulse.contract.events import EventType
from hallpulse.store import migrate
from services.console.commands import hall, refused
from tests.hall_events import changed
from tests.ingesting import PARTITIONS, wait_until
from tests.security.county import REGION, Keys, send
from tests.servers import BrokerServer, PostgresServer, Vhost

pytestmark = pytest.mark.attack
SOON = "1"
"""Milliseconds that a message may wait; no ingest takes it by then."""
VICTIM, VICTIMS_KEY = f"{REGION}.hall-2", f"{REGION}.hall-2.case"
LETTER = {
    "x-reason": "time-in-future",
    "x-user": VICTIM,
    "x-routing-key": VICTIMS_KEY,
    "x-source": f"/{REGION}/hall-2",
    "x-field": "time",
    "x-detail": "expected less",
    "x-refused-at": "2026-03-02T01:00:00.000+00:00",
}
"""As an ingest would refuse an event of the other hall."""


class Ground:
    """Halls with their keys, and no ingest: whatever may expire does."""

    def __init__(self, vhost: Vhost, database_url: str) -> None:
        self.vhost, self.database_url = vhost, database_url
        self.environment = {
            "HALLPULSE_AMQP_URL": vhost.amqp_url,
            "HALLPULSE_DATABASE_URL": database_url,
            "HALLPULSE_MANAGEMENT_URL": vhost.management_url,
        }
        self.attacker, _ = (self.hall(name) for name in ("hall-1", "hall-2"))

    def hall(self, name: str) -> Keys:
        given = json.loads(self.said(hall.command, "add", REGION, name, "--json"))
        return Keys(name, given["amqp_user"], given["amqp_password"], given["token"])

    def said(self, command: Any, *arguments: str) -> str:
        done = CliRunner().invoke(command, arguments, env=self.environment)
        assert done.exit_code == 0, done.output
        return done.stdout

    def expire(self, *bodies: object, arrive: bool = True, **properties: Any) -> None:
        """Send as the attacker, and wait until the broker has taken it off the partition, if it is to arrive."""
        before = self.waiting()
        url = self.vhost.amqp_url.replace(self.vhost.user, self.attacker.user, 1)
        given = pika.URLParameters(url)
        given.credentials = pika.PlainCredentials(self.attacker.user, self.attacker.password)
        connection = pika.BlockingConnection(given)
        channel: BlockingChannel = connection.channel()
        channel.confirm_delivery()
        for body in bodies:
            send(channel, self.attacker, body, **{"expiration": SOON, **properties})
        connection.close()
        if arrive:
            wait_until(lambda: self.waiting() == before + len(bodies))

    def waiting(self) -> int:
        with open_channel(self.vhost.amqp_url) as channel:
            return int(channel.queue_declare(REFUSED, passive=True).method.message_count)

    def listed(self, *options: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.said(refused.command, "list", "--json", *options).splitlines()]


@pytest.fixture
def ground(postgres: PostgresServer, broker: BrokerServer) -> Iterator[Ground]:
    with postgres.fresh_database() as url, broker.fresh_vhost() as vhost:
        migrate(url)
        with open_channel(vhost.amqp_url) as channel:
            declare(channel, PARTITIONS)
        yield Ground(vhost, url)


def foreign(id_: str) -> dict[str, Any]:
    return changed(EventType.CASE_RECEIVED, id=id_, source=f"/{REGION}/hall-2")


def deaths(**values: Any) -> dict[str, Any]:
    """The header of an earlier end on each queue, which older brokers go on with."""
    names = [f"hall.ingest.{number}" for number in range(PARTITIONS)]
    death = {"reason": "expired", "count": 1, "exchange": "hall.events", **values}
    return {"x-death": [{"queue": name, **death} for name in names]}


@pytest.mark.parametrize("named", [True, False], ids=["by its user", "by no user"])
def test_what_a_hall_lets_expire_under_headers_like_the_ingests_is_not_sent_as_anothers(
    ground: Ground, named: bool
) -> None:
    user = {} if named else {"user_id": None}
    ground.expire(foreign("f1"), [foreign("f2"), foreign("f3")], headers=LETTER, **user)
    ground.expire(foreign("f4"), headers=LETTER | deaths(**{"routing-keys": [VICTIMS_KEY]}), **user)
    ground.expire(foreign("f5"), headers=LETTER | {"x-death": "none"}, **user)
    ground.said(refused.command, "read")
    rows = ground.listed()
    assert sorted(row["event_id"] for row in rows) == ["f1", "f2", "f3", "f4", "f5"]
    assert {row["reason"] for row in rows} == {DEAD_LETTERED}
    assert {row["user"] for row in rows} == {ground.attacker.user if named else ""}
    assert ground.listed("--hall", "hall-2") == []
    for options in ([], ["--reason", DEAD_LETTERED], ["--hall", "hall-1"]):
        assert "sent 0 again" in ground.said(refused.command, "replay", *options)
    assert ground.waiting() == 5


def test_headers_that_cannot_be_decoded_do_not_bar_the_refused_queue(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A time beyond all times; what a hall sent rightly is sent again all the same, from behind it."""
    with monkeypatch.context() as patched:
        patched.setattr(pika.data, "encode_value", _beyond_all_times)
        ground.expire(b"bad", headers={"x-when": 0})
    ground.expire(changed(EventType.CASE_RECEIVED, id="good", source=ground.attacker.source))
    assert ground.said(refused.command, "read").startswith("2 messages lie on the queue")
    assert "sent 1 again" in ground.said(refused.command, "replay")
    assert ground.said(refused.command, "drop", "--yes") == "dropped 1 events\n"
    assert ground.waiting() == 0


def _beyond_all_times(pieces: list[bytes], _: object) -> int:
    pieces.append(struct.pack(">cQ", b"T", 2**62))
    return 9


def test_an_end_that_a_hall_made_up_neither_dates_nor_fills_the_list(ground: Ground) -> None:
    ahead = datetime.now(UTC) + timedelta(days=3000)
    made_up = deaths(time=ahead, **{"routing-keys": ["x" * 20_000]}) | {"x-reason": "\x1b" * 50_000}
    ground.expire(foreign("ahead"), headers=made_up)
    ground.expire(b"[" + b"1," * 5000 + b"1]", content_type=BATCH_TYPE)
    ground.said(refused.command, "read")
    rows = ground.listed()
    assert len(rows) == 2
    assert all(
        datetime.fromisoformat(row["refused_at"]) <= datetime.now(UTC) and len(row["routing_key"]) < 100 for row in rows
    )


def test_messages_that_seem_to_go_in_a_circle_hold_up_no_dead_letter_behind_them(ground: Ground) -> None:
    """More than the 32 that a queue's dead-letter worker has under way; a header says that each came from there."""
    circle = {"queue": REFUSED, "reason": "expired", "count": 1, "exchange": "", "routing-keys": [REFUSED]}
    circle["time"] = datetime.now(UTC).replace(tzinfo=None)
    bodies = [b"circle%d" % number for number in range(60)]
    ground.expire(*bodies, headers={"x-death": [circle]}, arrive=False)
    before = ground.waiting()
    ground.expire(b"behind", arrive=False)
    wait_until(lambda: ground.waiting() > before)
