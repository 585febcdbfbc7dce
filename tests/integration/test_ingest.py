from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import Any
from urllib.parse import quote

import pika
import pytest

from hallpulse.broker import Batch, Rejection
from hallpulse.contract.events import EventType
from hallpulse.contract.examples import example
from hallpulse.contract.reasons import Reason
from hallpulse.domain.errors import Halt, Unavailable
from hallpulse.domain.figures import Scope, Window
from hallpulse.store import Store
from services.ingest.worker import IngestWorker
from tests.hall_events import changed
from tests.ingesting import ingest, publish, publishing, routing_key, stored, take_refused, wait_until
from tests.moments import ask
from tests.servers import BrokerServer, Vhost

SOURCE = "/222424/hall-1"
KEY = "222424.hall-1.case"
EVER = Window(date(2020, 1, 1), date(2030, 12, 31))


def good(number: int) -> dict[str, Any]:
    """A case that was received, in full: it counts."""
    return changed(EventType.CASE_RECEIVED, {"case_id": f"case-{number}"}, id=f"good-{number}", source=SOURCE)


def accepted(number: int) -> dict[str, Any]:
    return changed(EventType.CASE_ACCEPTED, {"case_id": f"case-{number}"}, id=f"accepted-{number}", source=SOURCE)


def accepted_cases(store: Store) -> int:
    return ask(store).figures(Scope(222424), EVER)["unified_acceptance_rate"].denominator


BAD: list[tuple[Reason, object]] = [
    (Reason.NOT_JSON, b"\xff not json"),
    (Reason.TOO_LARGE, b'"' + b"x" * (4 * 1024 * 1024) + b'"'),
    (Reason.BAD_ENVELOPE, changed(specversion="0.3", source=SOURCE)),
    (Reason.DUPLICATE_FIELD, json.dumps(changed(source=SOURCE)).replace('"id"', '"id": "x", "id"').encode()),
    (Reason.UNKNOWN_ATTRIBUTE, {**changed(source=SOURCE), "Unknown": "x"}),
    (Reason.UNKNOWN_TYPE, changed(type="hall.case.exploded.v1", source=SOURCE)),
    (Reason.UNKNOWN_FIELD, changed(EventType.CASE_RECEIVED, {"citizen": "x"}, source=SOURCE)),
    (Reason.MISSING_FIELD, changed(EventType.CASE_RECEIVED, {"item_code": ...}, source=SOURCE)),
    (Reason.BAD_FIELD, changed(EventType.CASE_RECEIVED, {"channel": "fax"}, source=SOURCE)),
    (Reason.BAD_TIME, changed(time="2026-03-01T09:00:00", source=SOURCE)),
    (Reason.TIME_IN_FUTURE, changed(time="2099-01-01T09:00:00+08:00", source=SOURCE)),
    (Reason.TIME_OUT_OF_RANGE, changed(time="1950-01-01T09:00:00+08:00", source=SOURCE)),
    (Reason.BAD_REGION, changed(source="/222400/hall-1")),
    (Reason.ROUTING_MISMATCH, changed(source="/222424/hall-2")),
    (Reason.PERSONAL_DATA, changed(id="13800138000", source=SOURCE)),
]


@pytest.mark.parametrize(("reason", "bad"), BAD, ids=[str(reason) for reason, _ in BAD])
def test_what_is_refused_is_kept_with_its_reason_and_the_good_beside_it_counts(
    vhost: Vhost, store: Store, store_url: str, reason: Reason, bad: object
) -> None:
    with ingest(vhost, store_url), publishing(vhost) as channel:
        publish(channel, good(1), KEY, user_id=vhost.user)
        publish(channel, bad, KEY, user_id=vhost.user)
        publish(channel, accepted(1), KEY, user_id=vhost.user)
        (copy,) = take_refused(vhost, 1)
        wait_until(lambda: accepted_cases(store) == 1)
    assert copy.headers["x-reason"] == reason
    assert copy.body == (bad if isinstance(bad, bytes) else json.dumps(bad, ensure_ascii=False).encode())
    assert copy.headers["x-detail"].startswith("expected ")
    assert {"x-field", "x-source", "x-refused-at"} <= set(copy.headers)
    assert copy.properties.delivery_mode == 2
    assert stored(store) == 2


def test_of_a_batch_only_the_bad_events_are_refused_each_alone(vhost: Vhost, store: Store, store_url: str) -> None:
    bad = [changed(EventType.CASE_RATED, {"score": 9}, source=SOURCE, id=f"bad-{n}") for n in range(2)]
    with ingest(vhost, store_url), publishing(vhost) as channel:
        publish(channel, [good(1), bad[0], accepted(1), bad[1], good(2)], KEY, user_id=vhost.user)
        copies = take_refused(vhost, 2)
        wait_until(lambda: stored(store) == 3)
    assert [json.loads(copy.body) for copy in copies] == bad
    assert {copy.headers["x-field"] for copy in copies} == {"data.score"}
    assert {copy.headers["x-source"] for copy in copies} == {SOURCE}


def test_a_batch_that_is_none_is_refused_whole(vhost: Vhost, store_url: str) -> None:
    with ingest(vhost, store_url), publishing(vhost) as channel:
        publish(channel, [], KEY, user_id=vhost.user)
        publish(channel, [good(1)] * 1001, KEY, user_id=vhost.user)
        publish(channel, b"{}", KEY, user_id=vhost.user, content_type="text/plain")
        copies = take_refused(vhost, 3)
    assert sorted(copy.headers["x-reason"] for copy in copies) == [
        Reason.BAD_BATCH, Reason.BAD_BATCH, Reason.BAD_CONTENT_TYPE,
    ]  # fmt: skip


@pytest.mark.attack
def test_an_id_used_again_with_other_content_is_refused_and_a_repetition_is_not(
    vhost: Vhost, store: Store, store_url: str
) -> None:
    other = {**good(1), "data": {**good(1)["data"], "channel": "mobile"}}
    with ingest(vhost, store_url), publishing(vhost) as channel:
        for event in (good(1), good(1), other):
            publish(channel, event, KEY, user_id=vhost.user)
        (copy,) = take_refused(vhost, 1)
        wait_until(lambda: stored(store) == 1)
    assert copy.headers["x-reason"] == Reason.ID_REUSED
    assert json.loads(copy.body)["data"]["channel"] == "mobile"
    assert copy.headers["x-source"] == SOURCE


@pytest.mark.attack
def test_a_publisher_that_does_not_say_who_it_is_or_speaks_for_another_is_refused(
    vhost: Vhost, store: Store, store_url: str
) -> None:
    with ingest(vhost, store_url, speaks_for_all=False), publishing(vhost) as channel:
        publish(channel, good(1), KEY)
        publish(channel, good(2), KEY, user_id=vhost.user)
        copies = take_refused(vhost, 2)
    assert {copy.headers["x-reason"] for copy in copies} == {Reason.PUBLISHER_UNIDENTIFIED, Reason.SOURCE_MISMATCH}
    assert stored(store) == 0


def test_the_broker_itself_turns_away_who_names_another_user(vhost: Vhost) -> None:
    with publishing(vhost) as channel, pytest.raises(pika.exceptions.ChannelClosedByBroker) as error:
        publish(channel, good(1), KEY, user_id="somebody-else")
    assert error.value.reply_code == 406


def test_every_event_type_goes_through(vhost: Vhost, store: Store, store_url: str) -> None:
    events = [example(kind) for kind in EventType]
    with ingest(vhost, store_url), publishing(vhost) as channel:
        for event in events:
            publish(channel, event, routing_key(event), user_id=vhost.user)
        wait_until(lambda: stored(store) == len(events))
        take_refused(vhost, 0)
    assert store.recompute(check=True) == []


class Faulty:
    """A pipeline whose first commits fail, before or after the database has committed."""

    def __init__(self, pipeline: IngestWorker, errors: Sequence[BaseException], *, after: bool = False) -> None:
        self.pipeline = pipeline
        self.errors = list(errors)
        self.after = after

    def commit(self, batch: Batch) -> Sequence[Rejection]:
        if self.errors and not self.after:
            raise self.errors.pop(0)
        rejections = self.pipeline.commit(batch)
        if self.errors:
            raise self.errors.pop(0)
        return rejections


@pytest.mark.parametrize("after", [False, True], ids=["before the commit", "after the commit"])
def test_a_database_fault_keeps_the_batch_until_it_is_stored_once(
    vhost: Vhost, store: Store, store_url: str, after: bool
) -> None:
    faults = [Unavailable("database: gone")] * 3
    with ingest(vhost, store_url, wrap=lambda p: Faulty(p, faults, after=after)) as running:
        with publishing(vhost) as channel:
            for number in range(20):
                publish(channel, [good(number), accepted(number)], KEY, user_id=vhost.user)
        wait_until(lambda: accepted_cases(store) == 20)
        take_refused(vhost, 0)
    assert [line for line in running.said if "trying again" in line]
    assert stored(store) == 40


def test_what_cannot_go_on_stops_and_acknowledges_nothing(vhost: Vhost, store: Store, store_url: str) -> None:
    with ingest(vhost, store_url, wrap=lambda p: Faulty(p, [Halt("database: wrong tables")])) as running:
        with publishing(vhost) as channel:
            publish(channel, [good(1), accepted(1)], KEY, user_id=vhost.user)
        running.thread.join(20)
    assert [str(error) for error in running.failures] == ["database: wrong tables"]
    with ingest(vhost, store_url):
        wait_until(lambda: accepted_cases(store) == 1)


def test_a_connection_cut_in_the_middle_loses_nothing(
    vhost: Vhost, broker: BrokerServer, store: Store, store_url: str
) -> None:
    with ingest(vhost, store_url) as running:
        with publishing(vhost) as channel:
            for number in range(300):
                publish(channel, [good(number), accepted(number)], KEY, user_id=vhost.user)
                if number == 150:
                    _cut_consumers(broker, vhost)
        wait_until(lambda: accepted_cases(store) == 300, seconds=60)
    assert stored(store) == 600
    assert any("trying again" in line for line in running.said)


def _cut_consumers(broker: BrokerServer, vhost: Vhost) -> None:
    """Close every connection that consumes; those that publish stay."""
    names: set[str] = set()
    while not names:  # the broker lists consumers some seconds after they came
        consumers = json.loads(broker.manage("GET", f"consumers/{vhost.name}"))
        names = {
            consumer["channel_details"]["connection_name"] for consumer in consumers if consumer["channel_details"]
        }
    for name in names:
        broker.manage("DELETE", f"connections/{quote(name)}")


def test_two_workers_at_once_and_one_that_stops_store_everything_once(
    vhost: Vhost, store: Store, store_url: str
) -> None:
    with publishing(vhost) as channel, ingest(vhost, store_url):
        with ingest(vhost, store_url):
            for number in range(150):
                publish(channel, [good(number), accepted(number)], KEY, user_id=vhost.user)
        for number in range(100, 250):
            publish(channel, [good(number), accepted(number)], KEY, user_id=vhost.user)
        wait_until(lambda: accepted_cases(store) == 250, seconds=60)
    assert stored(store) == 500
    assert store.recompute(check=True) == []
