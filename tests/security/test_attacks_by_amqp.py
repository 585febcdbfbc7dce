"""What somebody tries who has a hall's broker password, or none: each test is an attack and what it got."""

from __future__ import annotations

import contextlib
import gzip
import json
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx
import pika
import pytest
from click.testing import CliRunner
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPConnectionError, ChannelClosedByBroker, ConnectionClosedByBroker

from hallpulse.broker import EVENTS, REFUSED
from hallpulse.broker.management import MOST_CHANNELS, MOST_CONNECTIONS
from hallpulse.contract.decode import EVENT_TYPE
from hallpulse.contract.reasons import Reason
from services.console.commands import refused
from tests import ingest_process
from tests.ingesting import take_refused, wait_until
from tests.security.county import REGION, County, Keys, send
from tests.security.poison import (
    RawHeaders,
    arrays_in_arrays,
    as_many_as_fit,
    tables_in_tables,
    timestamp_beyond_time,
)

pytestmark = pytest.mark.attack
SQL = "x'); DROP TABLE events; --"


@pytest.mark.parametrize(
    "headers",
    [timestamp_beyond_time(), tables_in_tables(5000), arrays_in_arrays(15_000), as_many_as_fit()],
    ids=["a time beyond all times", "tables in tables", "arrays in arrays", "thousands of headers"],
)
def test_headers_that_cannot_be_decoded_stop_nobody(county: County, headers: bytes) -> None:
    number = len(headers)
    given = RawHeaders(headers, content_type=EVENT_TYPE, delivery_mode=2, user_id=county.attacker.user)
    in_one_frame, in_many = (county.attacker.event(f"poison-{number}-{frames}") for frames in ("one", "many"))
    with county.channel(county.attacker) as channel:
        for body in (json.dumps(in_one_frame).encode(), json.dumps(in_many).encode() + b" " * 300_000):
            channel.basic_publish(EVENTS, f"{REGION}.hall-1.case", body, given, mandatory=True)
    with county.channel(county.victim) as channel:
        send(channel, county.victim, county.victim.event(f"after-poison-{number}"))
    wait_until(lambda: county.knows(county.victim, f"case-after-poison-{number}"), 10)
    wait_until(lambda: county.knows(county.attacker, f"case-poison-{number}-many"), 10)
    assert county.knows(county.attacker, f"case-poison-{number}-one")


@pytest.mark.parametrize("header", ["CC", "BCC"])
def test_a_carbon_copy_to_another_halls_key_counts_once_and_as_the_senders_own(county: County, header: str) -> None:
    """RabbitMQ 4 refuses the copy and with it the event; 3.x looks at the first routing key only."""
    event, own, behind = (county.attacker.event(f"{header}-{name}") for name in ("other", "own", "behind"))
    before, refusal = county.counted("hallpulse_events_total"), None
    with county.channel(county.attacker) as channel:
        try:
            send(channel, county.attacker, event, headers={header: [f"{REGION}.hall-2.case"]})
        except ChannelClosedByBroker as error:
            refusal = error
    assert refusal is None or (refusal.reply_code, "access to topic" in refusal.reply_text) == (403, True)
    counts = 2 if refusal else 3
    with county.channel(county.attacker) as channel:
        send(channel, county.attacker, own, headers={header: [f"{REGION}.hall-1.case"]})
        send(channel, county.attacker, behind)
    wait_until(lambda: county.knows(county.attacker, f"case-{header}-behind"), 10)
    wait_until(lambda: county.counted("hallpulse_events_total") >= before + counts, 10)
    assert county.counted("hallpulse_events_total") == before + counts
    assert county.knows(county.attacker, f"case-{header}-other") == (refusal is None)
    assert not county.knows(county.victim, f"case-{header}-other")


def test_a_forged_source_in_a_batch_is_refused_and_the_rest_of_the_batch_counts(county: County) -> None:
    batch = [county.attacker.event("true-1"), county.victim.event("forged"), county.attacker.event("true-2")]
    with county.channel(county.attacker) as channel:
        send(channel, county.attacker, batch)
    (copy,) = take_refused(county.vhost, 1)
    assert (copy.headers["x-reason"], copy.headers["x-source"]) == (Reason.SOURCE_MISMATCH, county.victim.source)
    assert json.loads(copy.body)["id"] == "forged"
    wait_until(lambda: county.knows(county.attacker, "case-true-2"), 10)
    assert county.knows(county.attacker, "case-true-1")
    assert not county.knows(county.victim, "case-forged")


def test_an_old_batch_sent_again_changes_no_figure(county: County) -> None:
    batch = [county.victim.event(f"old-{number}") for number in range(20)]
    with county.channel(county.victim) as channel:
        send(channel, county.victim, batch)
        wait_until(lambda: county.knows(county.victim, "case-old-19"), 10)
        figures, stored = county.figures(), county.counted("hallpulse_events_total")
        doubled = county.counted("hallpulse_events_duplicate_total")
        send(channel, county.victim, batch)
        send(channel, county.victim, batch[::-1])
        for event in batch:
            send(channel, county.victim, json.dumps(event, indent=4).encode())
        wait_until(lambda: county.counted("hallpulse_events_duplicate_total") == doubled + 60, 10)
    assert (county.figures(), county.counted("hallpulse_events_total")) == (figures, stored)


def test_a_batch_overheard_from_another_hall_is_refused_event_by_event(county: County) -> None:
    batch = [county.victim.event(f"overheard-{number}") for number in range(3)]
    with county.channel(county.attacker) as channel:
        send(channel, county.attacker, batch)
    assert {copy.headers["x-reason"] for copy in take_refused(county.vhost, 3)} == {Reason.SOURCE_MISMATCH}
    assert not county.knows(county.victim, "case-overheard-0")


def test_a_packed_body_is_refused_and_not_unpacked(county: County) -> None:
    bomb = gzip.compress(b" " * 100_000_000)
    with county.channel(county.attacker) as channel:
        send(channel, county.attacker, bomb, content_encoding="gzip")
    (copy,) = take_refused(county.vhost, 1)
    assert (copy.headers["x-reason"], copy.body) == (Reason.NOT_JSON, bomb)


def test_a_message_that_is_too_large_is_refused_and_kept_and_one_far_too_large_not_even_taken(
    county: County,
) -> None:
    with county.channel(county.attacker) as channel:
        send(channel, county.attacker, b" " * (4 * 1024 * 1024 + 1))
        (copy,) = take_refused(county.vhost, 1)
        with pytest.raises(ChannelClosedByBroker) as error:
            send(channel, county.attacker, b" " * (16 * 1024 * 1024 + 1))
    assert copy.headers["x-reason"] == Reason.TOO_LARGE
    assert error.value.reply_code == 406


FORBIDDEN: dict[str, Callable[[BlockingChannel], object]] = {
    "consume what halls send": lambda channel: channel.basic_consume("hall.ingest.0", print),
    "consume what was refused": lambda channel: channel.basic_consume(REFUSED, print),
    "take a worker's place": lambda channel: channel.basic_consume("hall.workers", print),
    "listen with a queue of its own": lambda channel: channel.queue_declare("", exclusive=True),
    "listen with a queue that is there": lambda channel: channel.queue_bind(REFUSED, EVENTS, "#"),
    "lead events elsewhere": lambda channel: channel.exchange_bind("amq.fanout", EVENTS, "#"),
    "take the exchange away": lambda channel: channel.exchange_delete(EVENTS),
    "take the way to the partitions away": lambda channel: channel.exchange_unbind("hall.partitions", EVENTS, "#"),
    "take a partition off": lambda channel: channel.queue_unbind("hall.ingest.0", "hall.partitions", "10"),
    "empty what was refused": lambda channel: channel.queue_purge(REFUSED),
    "delete what was refused": lambda channel: channel.queue_delete(REFUSED),
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_a_halls_user_cannot(county: County, what: str) -> None:
    with county.channel(county.attacker) as channel, pytest.raises(ChannelClosedByBroker) as error:
        FORBIDDEN[what](channel)
    assert error.value.reply_code == 403


def test_a_hall_opens_no_more_connections_and_channels_than_it_may_have(county: County) -> None:
    with contextlib.ExitStack() as opened:
        first = opened.enter_context(county.channel(county.attacker))
        for _ in range(MOST_CONNECTIONS - 1):
            opened.enter_context(county.channel(county.attacker))
        with pytest.raises(AMQPConnectionError):
            opened.enter_context(county.channel(county.attacker))
        assert opened.enter_context(county.channel(county.victim)).is_open
        with pytest.raises((ChannelClosedByBroker, ConnectionClosedByBroker)):
            too_many_channels(first.connection)


def too_many_channels(connection: pika.BlockingConnection) -> None:
    for _ in range(MOST_CHANNELS):
        connection.channel()


def test_a_halls_password_opens_nothing_at_the_management_pages(county: County) -> None:
    address = urlsplit(county.vhost.management_url)
    keys = (county.attacker.user, county.attacker.password)
    for page in ("overview", "queues", "definitions", "users", "connections", "aliveness-test/%2F"):
        answer = httpx.get(f"http://{address.hostname}:{address.port}/api/{page}", auth=keys, trust_env=False)
        assert answer.status_code == 401, page


@pytest.mark.parametrize(("user", "password"), [("guest", "guest"), (f"{REGION}.hall-1", ""), ("gateway", "gateway")])
def test_a_password_that_is_guessed_opens_nothing(county: County, user: str, password: str) -> None:
    with pytest.raises(AMQPConnectionError), county.channel(Keys("hall-1", user, password, "")):
        pass


def test_sql_in_an_event_is_text(county: County) -> None:
    data = {"case_id": SQL, "item_code": SQL, "department": SQL}
    with county.channel(county.attacker) as channel:
        send(channel, county.attacker, county.attacker.event("sql", data=data))
    wait_until(lambda: county.knows(county.attacker, SQL), 10)
    asked = county.gateway.get("/v1/cases", region=REGION, department=SQL, state="open").json()
    assert [case["case_id"] for case in asked["cases"]] == [SQL]


def test_departments_and_items_that_are_made_up_add_no_series(county: County) -> None:
    flood(county, 1)
    before = series(county)
    flood(county, 200)
    assert series(county) == before


def flood(county: County, size: int) -> None:
    """Events of so many departments that nobody knows, and as many refused ones."""
    stored, turned_away = (county.counted(f"hallpulse_events_{name}total") for name in ("", "refused_"))
    made_up = [f"made-up-{size}-{number}" for number in range(size)]
    good = [
        county.attacker.event(name, data={"case_id": name, "item_code": name, "department": name}) for name in made_up
    ]
    bad = [county.attacker.event(f"bad-{name}", data={name: name}) for name in made_up]
    with county.channel(county.attacker) as channel:
        send(channel, county.attacker, good + bad)
    take_refused(county.vhost, size)
    wait_until(lambda: county.counted("hallpulse_events_total") == stored + size, 10)
    wait_until(lambda: county.counted("hallpulse_events_refused_total") == turned_away + size, 10)


def series(county: County) -> set[str]:
    """Names and labels, without the numbers."""
    return {line.rpartition(" ")[0] for line in ingest_process.exposed(county.ingest) if not line.startswith("#")}


def test_what_a_hall_writes_does_not_steer_the_operators_terminal(county: County) -> None:
    steer = "\x1b]0;owned\x07\x9b2J\x1b[2J"
    body = json.dumps(county.attacker.event("[/bold]")).replace("hall.case.received.v1", "[/red]").encode()
    with county.channel(county.attacker) as channel:
        send(channel, county.attacker, body + steer.encode())
        send(channel, county.attacker, json.loads(body) | {"source": "[/red]"})
        send(channel, county.attacker, county.attacker.event("e", data={"[/red]": "x"}))
    wait_until(lambda: county.counted("hallpulse_events_refused_total") >= 3, 10)
    listed = CliRunner().invoke(refused.command, ["list"], env=dict(county.environment))
    assert listed.exit_code == 0, listed.output
    rows = CliRunner().invoke(refused.command, ["list", "--json"], env=dict(county.environment))
    for row in map(json.loads, rows.stdout.splitlines()):
        shown = CliRunner().invoke(refused.command, ["show", row["id"]], env=dict(county.environment), color=True)
        assert shown.exit_code == 0
        assert not {"\x1b", "\x07", "\x9b"} & set(listed.output + shown.output)
    take_refused(county.vhost, 3)
