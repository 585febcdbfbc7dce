"""Hostile halls beside honest ones, and an operator who sends all that was refused again: each hall has its own alone.

FUZZ: how many hostile messages; SEED: which ones. `make fuzz` sends 100,000.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime
from functools import partial
from itertools import cycle, groupby, islice
from typing import Any

import pika
import pytest
from click.testing import CliRunner
from pika.adapters.blocking_connection import BlockingChannel
from sqlalchemy import text

from hallpulse.broker import EVENTS, REFUSED, open_channel
from hallpulse.broker.management import BrokerUsers
from hallpulse.broker.replay import RefusedMessage
from hallpulse.contract.decode import BATCH_TYPE, EVENT_TYPE, decode_message
from hallpulse.contract.events import Family
from hallpulse.contract.reasons import Reason
from hallpulse.domain.case import unpack_id
from hallpulse.domain.figures import Scope, Window
from hallpulse.store import Store
from hallpulse.store.registry import Hall
from services.console.commands.refused import command
from services.console.refusals.vouching import Vouched, Vouching
from tests.fuzz.hostile import AHEAD_SECONDS, FAMILIES, HALLS, Event, Forged, ids_in, messages
from tests.fuzz.messages import REGION
from tests.fuzz.test_fuzz import SEED, outcomes, waiting
from tests.hall_events import DAY
from tests.integration.test_ingest_process import environment, running
from tests.moments import ask
from tests.oracle import brute
from tests.oracle.streams import stream
from tests.servers import Vhost

__all__ = ["environment"]
COUNT = int(os.environ.get("FUZZ") or 1000)
ROUND = 2500
CHOICES = max(2, math.ceil(33 / math.ceil(COUNT / ROUND)))
"""Options tried in each round, in turn, before all that is left is sent again: so many that each has its turn."""
HONEST = min(8000, max(600, COUNT // 12))
WINDOWS = (Window(date(2026, 1, 1), date(2026, 12, 31)), Window(date(2026, 3, 1), date(2026, 8, 31)))
Place = tuple[int, str]


@pytest.fixture
def honest() -> list[Event]:
    return stream(SEED % 1000, HONEST)


def hall_of(event: Event) -> Place:
    _, region, hall = event["source"].split("/")
    return int(region), hall


@contextmanager
def speaking(vhost: Vhost, store: Store, honest: Sequence[Event]) -> Iterator[Mapping[Place | None, BlockingChannel]]:
    """A channel of each hall's own user; None: of the gateway's."""
    users = BrokerUsers(vhost.management_url, vhost.name)
    address = vhost.amqp_url.partition("@")[2]
    given = {hall: [family.value for family in Family] for hall in map(hall_of, honest)}
    given |= {(REGION, hall): list(FAMILIES) for hall in HALLS}
    with ExitStack() as stack:
        opened: dict[Place | None, BlockingChannel] = {None: stack.enter_context(patient(vhost.amqp_url))}
        for (region, hall), families in given.items():
            password = users.put(region, hall, families)
            store.halls.add(region, hall, families, f"hash of {region}.{hall}")
            opened[region, hall] = stack.enter_context(patient(f"amqp://{region}.{hall}:{password}@{address}"))
        yield opened


@contextmanager
def patient(url: str) -> Iterator[BlockingChannel]:
    """A channel that may say nothing for long."""
    with pika.BlockingConnection(pika.URLParameters(f"{url}?heartbeat=0")) as connection:
        yield connection.channel()


def publish(channels: Mapping[Place | None, BlockingChannel], forged: Forged, gateway_user: str) -> None:
    user = gateway_user if forged.by_gateway else f"{REGION}.{forged.sender}"
    properties = pika.BasicProperties(forged.content_type, delivery_mode=2, user_id=user if forged.identified else None)
    channel = channels[None if forged.by_gateway else (REGION, forged.sender)]
    channel.basic_publish(EVENTS, forged.routing_key, forged.body, properties)


def publish_honest(channels: Mapping[Place | None, BlockingChannel], events: Sequence[Event]) -> None:
    """In batches, as their halls do."""
    for (hall, family), some in groupby(events, lambda event: (hall_of(event), event["type"].split(".")[1])):
        user = f"{hall[0]}.{hall[1]}"
        properties = pika.BasicProperties(BATCH_TYPE, delivery_mode=2, user_id=user)
        channels[hall].basic_publish(EVENTS, f"{user}.{family}", json.dumps(list(some)).encode(), properties)


def wait_until_still(settings: dict[str, str], vhost: Vhost) -> None:
    """Until the queues are empty and nothing more comes out."""
    seen, since, until = -1, time.monotonic(), time.monotonic() + 600
    while time.monotonic() < until:
        now = outcomes(settings)
        if now != seen or waiting(vhost):
            seen, since = now, time.monotonic()
        elif time.monotonic() - since > 3:
            return
        time.sleep(0.3)
    raise AssertionError("it did not come to an end")


def lying(vhost: Vhost) -> int:
    with open_channel(vhost.amqp_url) as channel:
        return int(channel.queue_declare(REFUSED, passive=True).method.message_count)


def options(sources: Sequence[str]) -> list[list[str]]:
    """Each option of `refused replay`."""
    return [
        ["--dry-run"],
        *(["--reason", str(reason)] for reason in Reason),
        *(["--source", source] for source in sources),
        *(["--hall", hall] for hall in (HALLS[0], sources[0].rpartition("/")[2])),
        ["--region", "222424"],
        ["--region", "220000"],
        ["--since", "2001-01-01"],
        ["--until", "2999-01-01"],
    ]


def replay(environment: Mapping[str, str], *given: str) -> int:
    """How many were sent again."""
    result = CliRunner().invoke(command, ["replay", "--limit", "10000000", *given], env=dict(environment))
    assert result.exit_code == 0, result.output[-2000:]
    return 0 if "--dry-run" in given else int(result.output.splitlines()[-1].split()[1])


def stored(store: Store) -> dict[Place, set[str]]:
    query = text("SELECT region, hall, id FROM events")
    found: dict[Place, set[str]] = defaultdict(set)
    with store._reading.connect() as connection:
        rows = connection.execute(query).all()
    for region, hall, id_ in rows:
        found[int(region), hall].add(unpack_id(bytes(id_)))
    return found


def wrong_figures(store: Store, honest: Sequence[Event]) -> list[str]:
    """Where the honest halls' figures are not the brute force's over their own events alone."""
    reading: Any = brute.read(honest)
    found = []
    for region, hall in sorted(set(map(hall_of, honest))):
        for window in WINDOWS:
            expected = brute.indicators(reading, str(region), window.start, window.end, department=None, hall=hall)
            differences = brute.compare(expected, ask(store).figures(Scope(region, None, hall), window))
            found += [f"{region}/{hall} {window}: {difference}" for difference in differences]
    return found


def foreign(found: Mapping[Place, set[str]], sent: Mapping[Place, set[str]]) -> dict[Place, set[str]]:
    """What is stored under a hall that did not send it."""
    return {hall: strange for hall, ids in found.items() if (strange := ids - sent.get(hall, set()))}


def parts(honest: Sequence[Event]) -> Iterator[tuple[Sequence[Forged], Sequence[Event]]]:
    """Rounds of hostile messages, made when they are sent, and each round's share of the honest events."""
    hostile = messages(SEED, COUNT, honest)
    rounds = math.ceil(COUNT / ROUND)
    for number in range(rounds):
        share = honest[number * len(honest) // rounds : (number + 1) * len(honest) // rounds]
        yield list(islice(hostile, ROUND)) if number + 1 < rounds else list(hostile), share


def test_whatever_is_taken_at_first_or_when_it_is_sent_again_is_its_senders_own(honest: list[Event]) -> None:
    """By the code of ingest and replay alone, without servers; when it is sent again, a day has passed."""
    halls = [Hall(REGION, hall, FAMILIES, datetime.now(UTC)) for hall in HALLS]
    halls += [Hall(*hall, tuple(Family), datetime.now(UTC)) for hall in set(map(hall_of, honest))]
    users = frozenset({"gateway", "operator"})
    vouching, decode = Vouching(halls, users), partial(decode_message, gateway_users=users)
    taken: Counter[str] = Counter()
    for forged in messages(SEED, COUNT, honest):
        user = "gateway" if forged.by_gateway else f"{REGION}.{forged.sender}"
        user = user if forged.identified else ""
        now = time.time_ns() // 1000
        first = decode(
            forged.body, content_type=forged.content_type, routing_key=forged.routing_key, user_id=user, now=now
        )
        assert {(event.region, event.hall) for event in first.events} <= {(REGION, forged.sender)}
        taken["first"] += len(first.events)
        for refusal in first.refusals:
            event = RefusedMessage("", 0, refusal.body, str(refusal.reason), "", "", "", "", forged.routing_key, user)
            judged = vouching.judge(event, now + DAY)
            taken[str(refusal.reason)] += 1
            if isinstance(judged, Vouched):
                again = decode(
                    refusal.body,
                    content_type=EVENT_TYPE,
                    routing_key=judged.routing_key,
                    user_id=f"operator for {judged.sender}",
                    now=now + DAY,
                )
                ((region, hall, family),) = [(one.region, one.hall, one.type.family) for one in again.events]
                assert (region, hall) == (REGION, forged.sender)
                assert family in FAMILIES
                taken["again"] += 1
    print(f"{COUNT} messages, SEED={SEED}: {dict(taken)}")
    assert taken["again"] > COUNT / 100


def test_no_event_is_stored_under_a_hall_that_did_not_send_it_whatever_is_sent_again(
    environment: dict[str, str], vhost: Vhost, store: Store, honest: list[Event]
) -> None:
    print(f"{COUNT} hostile messages beside {HONEST} honest events, SEED={SEED}")
    sent: dict[Place, set[str]] = defaultdict(set)
    choices = cycle(options(sorted({event["source"] for event in honest})))
    refused = again = 0
    with (
        running(environment | {"HALLPULSE_REFUSAL_LIMIT": "off"}) as process,
        speaking(vhost, store, honest) as channels,
    ):
        for number, (hostile, share) in enumerate(parts(honest)):
            publish_honest(channels, share[: len(share) // 2])
            for forged in hostile:
                publish(channels, forged, vhost.user)
                sent[REGION, forged.sender] |= ids_in(forged.body)
            publish_honest(channels, share[len(share) // 2 :])
            wait_until_still(environment, vhost)
            time.sleep(AHEAD_SECONDS)
            refused += lying(vhost)
            again += sum(replay(environment, *given) for given in islice(choices, CHOICES))
            again += replay(environment)
            wait_until_still(environment, vhost)
            channels[None].queue_purge(REFUSED)
            for event in share:
                sent[hall_of(event)].add(event["id"])
            assert foreign(stored(store), sent) == {}
            assert {hall: stored(store)[hall] for hall in map(hall_of, share)} == {
                hall: sent[hall] for hall in map(hall_of, share)
            }
            print(f"round {number + 1}: {refused} refused, {again} sent again so far", flush=True)
        assert process.poll() is None, "it ended"
    found = stored(store)
    print(f"stored: {sum(map(len, found.values()))}, of hostile halls {sum(len(found[REGION, h]) for h in HALLS)}")
    assert again > COUNT / 100 < refused
    assert wrong_figures(store, honest) == []
    assert store.recompute(check=True) == []
