"""What a hall forges, and makes wrong besides, to have an operator send it again: each test is an attack."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from pika.adapters.blocking_connection import BlockingChannel
from sqlalchemy import text

from hallpulse.broker import REFUSED, open_channel, vhost_of
from hallpulse.broker.management import ManagementApi
from hallpulse.broker.replay import RefusedMessage, open_refused
from hallpulse.contract.decode import EVENT_TYPE
from hallpulse.contract.identity import IDENTITY
from hallpulse.contract.reasons import Reason
from services.console.commands import refused
from tests.forgeries import BY_HTTP, FAULTS, FORGERIES, WHOLE, Forgery, Message, batch, events, single
from tests.ingesting import take_refused, wait_until
from tests.security.county import REGION, County, Keys, attacked, send
from tests.servers import PostgresServer, broker_server

pytestmark = pytest.mark.attack
OWN = "/222424/hall-1"
LARGE = "another hall"
"""What is forged in bodies above 4 MiB: each forgery in so many bytes would take minutes."""
SHAPES = {"single": single, "batch": batch}
AHEAD_SECONDS = 4.0
"""By so much a time is too far ahead; then the clock has come closer, and it no longer is."""
OPTIONS: list[list[str]] = [
    ["--dry-run"],
    [],
    *(["--reason", str(reason)] for reason in sorted(IDENTITY)),
    *(["--source", source] for source in ("/222424/hall-1", "/222424/hall-2", "/110105/hall-9")),
    *(["--region", region] for region in ("222424", "220000")),
    *(["--hall", hall] for hall in ("hall-1", "hall-2")),
    ["--since", "2001-01-01"],
    ["--until", "2999-01-01"],
]


@pytest.fixture(scope="module")
def county(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[County]:
    """Has an ingest that does not stop however much is refused, and a broker whose users no other test renames."""
    folder = tmp_path_factory.mktemp("forged")
    with (
        postgres.fresh_database() as url,
        broker_server() as broker,
        broker.fresh_vhost() as vhost,
        attacked(folder, vhost, url, HALLPULSE_REFUSAL_LIMIT="off") as found,
    ):
        yield found


@pytest.fixture(scope="module")
def loose(county: County) -> Keys:
    """A hall that the broker lets use any routing key: its permissions for topics were forgotten."""
    keys = county.hall("loose")
    vhost = vhost_of(county.vhost.amqp_url)
    ManagementApi(county.vhost.management_url).ask("DELETE", f"topic-permissions/{vhost}/{keys.user}")
    return keys


def made(keys: Keys, forgery: Forgery, name: str, shape: str) -> Iterator[tuple[Reason, Message]]:
    """The forgery with each fault."""
    for event in events(forgery, name):
        own = event | ({"source": keys.source} if forgery.source == OWN else {})
        for fault in FAULTS.keys() - ({Reason.TOO_LARGE} if name != LARGE else set()):
            given = own | {"id": f"{shape}-{fault}-{event['id']}"[:60]}
            if fault is Reason.TIME_IN_FUTURE:
                yield fault, SHAPES[shape](given | {"time": soon()}, None)
            else:
                yield fault, SHAPES[shape](given, fault)


def soon() -> str:
    return (datetime.now(UTC) + timedelta(days=1, seconds=AHEAD_SECONDS)).isoformat()


def stored(county: County) -> set[tuple[int, str, bytes]]:
    """Region, hall and id of every event."""
    query = text("SELECT region, hall, id FROM events")
    with county.store._reading.connect() as connection:
        return {tuple(row) for row in connection.execute(query)}


def lying(county: County) -> list[RefusedMessage]:
    with open_refused(county.vhost.amqp_url) as queue:
        return list(queue)


def waiting(county: County) -> int:
    with open_channel(county.vhost.amqp_url) as channel:
        return int(channel.queue_declare(REFUSED, passive=True).method.message_count)


def replayed(county: County, *options: str) -> str:
    result = CliRunner().invoke(
        refused.command, ["replay", "--limit", "100000", *options], env=dict(county.environment)
    )
    assert result.exit_code == 0, result.output
    return result.output


def assert_no_replay_stores_any(county: County, count: int) -> None:
    before = stored(county)
    time.sleep(AHEAD_SECONDS)
    for options in OPTIONS:
        assert "sent 0 again" in replayed(county, *options).replace("would send", "sent"), options
    assert waiting(county) == count
    assert stored(county) == before


@pytest.mark.parametrize("shape", SHAPES)
def test_no_replay_stores_what_was_forged_by_amqp_whatever_else_was_wrong(
    county: County, loose: Keys, shape: str
) -> None:
    count, reasons = 0, {}
    with ExitStack() as opened:
        channels = {keys.hall: opened.enter_context(county.channel(keys)) for keys in (county.attacker, loose)}
        for name, forgery in FORGERIES.items():
            keys = loose if "hall-2" in forgery.key else county.attacker
            for fault, message in made(keys, forgery, name, shape):
                forge(channels[keys.hall], keys, forgery, message)
                count += 1 if shape == "single" or fault in WHOLE else 2
                reasons[name] = forgery.reason
    wait_until(lambda: waiting(county) >= count, 60)
    found = lying(county)
    assert len(found) == count
    assert {event.reason for event in found} == set(map(str, reasons.values()))
    assert {event.user for event in found} == {county.attacker.user, loose.user, ""}
    assert {event.routing_key for event in found} >= {f"{REGION}.hall-1.case", f"{REGION}.hall-2.case"}
    assert_no_replay_stores_any(county, count)
    take_refused(county.vhost, count)


def forge(channel: BlockingChannel, keys: Keys, forgery: Forgery, message: Message) -> None:
    user = forgery.user and keys.user
    key = forgery.key.format(hall=keys.user)
    send(channel, keys, message.body, key, content_type=message.content_type, user_id=user)


@pytest.mark.parametrize("shape", SHAPES)
def test_no_replay_stores_what_was_forged_by_a_token_whatever_else_was_wrong(county: County, shape: str) -> None:
    count = 0
    for name in BY_HTTP:
        forgery = FORGERIES[name]
        for fault, message in made(county.attacker, forgery, name, shape):
            answer = posted(county, message)
            if answer["status"] == 413:  # never taken in
                continue
            assert {one["reason"] for one in answer["results"]} == {forgery.reason}, (name, fault, answer)
            count += len(answer["results"])
    wait_until(lambda: waiting(county) >= count, 60)
    found = lying(county)
    assert len(found) == count
    assert {event.reason for event in found} == {Reason.SOURCE_MISMATCH, Reason.ROUTING_MISMATCH}
    assert {event.routing_key for event in found} == {f"{county.attacker.user}.denied"}
    assert_no_replay_stores_any(county, count)
    take_refused(county.vhost, count)


def posted(county: County, message: Message) -> dict[str, Any]:
    kind = message.content_type.replace("text/plain", f"{EVENT_TYPE}; charset=gbk")
    headers = {"authorization": f"Bearer {county.attacker.token}", "content-type": kind}
    answer: dict[str, Any] = county.gateway.client.post("/v1/events", content=message.body, headers=headers).json()
    return answer


def test_what_a_hall_sent_itself_is_sent_again_as_its_own(county: County) -> None:
    by_amqp, by_token = (
        Message(json.dumps(county.attacker.event(f"own-{door}")).encode(), "text/plain") for door in ("amqp", "token")
    )
    with county.channel(county.attacker) as channel:
        send(channel, county.attacker, by_amqp.body, content_type=by_amqp.content_type)
    assert posted(county, by_token)["reason"] == Reason.BAD_CONTENT_TYPE
    wait_until(lambda: waiting(county) == 2, 20)
    assert "sent 2 again; 0 would be refused again and stay; 0 are withheld" in replayed(county)
    wait_until(lambda: county.knows(county.attacker, "case-own-amqp"), 10)
    wait_until(lambda: county.knows(county.attacker, "case-own-token"), 10)
    assert waiting(county) == 0


def test_an_operator_that_is_led_to_publish_for_a_hall_stores_nothing_of_another(county: County) -> None:
    """The second net: whatever a replay takes for the routing key, the ingest holds the event to its sender."""
    forged = RefusedMessage(
        "id", 1, json.dumps(county.victim.event("led")).encode(), "bad-time", "", "", "", "", "", ""
    )
    with county.channel(county.attacker) as channel:
        send(channel, county.attacker, county.victim.event("led", time="now"))
    wait_until(lambda: waiting(county) == 1, 20)
    with open_refused(county.vhost.amqp_url) as queue:
        (event,) = queue
        queue.send_again(replace(forged, tag=event.tag), f"{county.victim.user}.case", county.attacker.user)
    (copy,) = take_refused(county.vhost, 1)
    assert copy.headers["x-reason"] == Reason.SOURCE_MISMATCH
    assert copy.headers["x-user"].endswith(f" for {county.attacker.user}")
    assert not county.knows(county.victim, "case-led")
