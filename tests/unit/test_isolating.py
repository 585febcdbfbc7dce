"""A message on which merging fails each time is refused by itself; a fault of everything stops the ingest."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hallpulse.broker import Batch, Rejection
from hallpulse.broker.deliveries import Delivery
from hallpulse.contract.decode import BATCH_TYPE, EVENT_TYPE
from hallpulse.contract.reasons import Reason
from hallpulse.domain.errors import Halt, Unavailable
from services.ingest.isolating import MOST_IN_A_ROW, TRIES, Isolation, MergeFault, MergerCutOff, MergerDied

KEY, USER = "222424.hall-1.case", "222424.hall-1"


def batch_of(*bodies: bytes, kind: str = EVENT_TYPE) -> Batch:
    return Batch(1, 0.0, len(bodies), deliveries=[Delivery(n, body, kind, KEY, USER) for n, body in enumerate(bodies)])


class Merger:
    """Stores bodies, all of a batch or none, and fails on those that are bad."""

    def __init__(self, is_bad: Callable[[bytes], bool], error: Exception | None = None) -> None:
        self.is_bad = is_bad
        self.error = error or MergerDied("a merging process was killed by SIGSEGV")
        self.stored: list[bytes] = []
        self.asked = self.merged = 0

    def __call__(self, batch: Batch) -> Sequence[Rejection]:
        self.asked += 1
        bodies = [one.body for one in batch.deliveries]
        if any(map(self.is_bad, bodies)):
            raise self.error
        self.stored += bodies
        self.merged += 1
        return []


def isolated(merger: Merger, batch: Batch) -> tuple[list[bytes], Sequence[Rejection]]:
    noted: list[Rejection] = []
    found = Isolation(merger, noted.extend, lambda _: None).commit(batch)
    assert list(found) == noted
    return [one.refusal.body for one in found], found


@given(st.integers(1, 40).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1), max_size=4))))
def test_of_a_batch_only_the_bad_messages_are_refused_and_each_other_is_stored_once(case: tuple[int, set[int]]) -> None:
    count, bad = case
    bodies = [b"bad-%d" % n if n in bad else b"good-%d" % n for n in range(count)]
    merger = Merger(lambda body: body.startswith(b"bad"))
    refused, _ = isolated(merger, batch_of(*bodies))
    assert sorted(refused) == sorted(body for body in bodies if body.startswith(b"bad"))
    assert sorted(merger.stored) == sorted(body for body in bodies if body.startswith(b"good"))


@pytest.mark.parametrize(
    "error",
    [MergerDied("killed"), MergeFault("database: numeric out of range"), MergerCutOff("database: terminated")],
)
def test_a_refusal_names_its_sender_and_a_reason_of_the_list(error: Exception) -> None:
    body = json.dumps({"source": "/222424/hall-1", "id": "p"}).encode()
    _, (one,) = isolated(Merger(lambda _: True, error), batch_of(body))
    assert one.refusal.reason is Reason.UNPROCESSABLE
    assert one.refusal.source == "/222424/hall-1"
    assert (one.routing_key, one.user_id, one.refusal.body) == (KEY, USER, body)
    assert one.refusal.detail.startswith("expected ")


def test_of_a_message_with_many_events_only_the_bad_one_is_refused_in_its_own_bytes() -> None:
    events = [b'{"id":"%d"}' % n for n in range(9)]
    merger = Merger(lambda body: b'"id":"4"' in body)
    refused, _ = isolated(merger, batch_of(b"[" + b",".join(events) + b"]", kind=BATCH_TYPE))
    assert refused == [events[4]]
    assert sorted(merger.stored) == [*events[:4], *events[5:]]


@pytest.mark.parametrize("body", [b"", b"\xff", b"[", b"[]", b"[1]", b'{"a": 1}', b"[" * 100_000])
def test_what_is_no_batch_is_refused_whole(body: bytes) -> None:
    refused, _ = isolated(Merger(lambda _: True), batch_of(body, kind=BATCH_TYPE))
    assert refused == ([b"1"] if body == b"[1]" else [body])


def test_innocent_messages_of_a_killed_process_are_stored_however_often_it_is_killed_elsewhere() -> None:
    """Kills that strike whatever is being merged: never so often in a row that a message is held to be why."""
    kills = itertools.cycle([True, True, False])
    merger = Merger(lambda _: next(kills))
    isolation = Isolation(merger, pytest.fail, lambda _: None)
    for number in range(100):
        assert isolation.commit(batch_of(b"%d" % number)) == []
    assert len(merger.stored) == 100


def test_where_everything_fails_nothing_is_refused_and_the_fault_is_told() -> None:
    noted: list[Rejection] = []
    isolation = Isolation(Merger(lambda _: True, MergeFault("database: no table")), noted.extend, lambda _: None)
    with pytest.raises(Halt, match="database: no table"):
        isolation.commit(batch_of(*(b"%d" % number for number in range(50))))
    assert noted == []
    isolation = Isolation(Merger(lambda _: True), noted.extend, lambda _: None)
    for number in range(MOST_IN_A_ROW):
        assert len(isolation.commit(batch_of(b"%d" % number))) == 1
    with pytest.raises(Halt):
        isolation.commit(batch_of(b"one more"))
    assert len(noted) == MOST_IN_A_ROW


def test_a_database_that_is_away_isolates_nothing() -> None:
    merger = Merger(lambda _: True, Unavailable("database: away"))
    with pytest.raises(Unavailable, match="away"):
        isolated(merger, batch_of(b"a", b"b"))
    assert merger.asked == 1
    assert TRIES > 1


CUT = MergerCutOff("database: terminating connection due to administrator command")


def away() -> None:
    raise Unavailable("database: no route to host")


@given(st.integers(5, 40).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1), max_size=4))))
def test_what_ends_each_connection_of_a_database_that_answers_is_refused_alone(case: tuple[int, set[int]]) -> None:
    count, bad = case
    bodies = [b"bad-%d" % n if n in bad else b"good-%d" % n for n in range(count)]
    noted, asked = list[Rejection](), list[int]()
    merger = Merger(lambda body: body.startswith(b"bad"), CUT)
    isolation = Isolation(merger, noted.extend, lambda _: None, lambda: asked.append(1))
    batch = batch_of(*bodies)
    for _ in range(4):  # of several at the beginning none is held to be why before another is stored
        with suppress(MergerCutOff):
            isolation.commit(batch)
            break
    assert sorted(one.refusal.body for one in noted) == sorted(body for body in bodies if body.startswith(b"bad"))
    assert sorted(merger.stored) == sorted(body for body in bodies if body.startswith(b"good"))
    assert len(asked) == merger.asked - merger.merged, "once for each connection that was ended"


def test_a_database_that_is_away_after_it_ended_a_connection_isolates_nothing() -> None:
    merger = Merger(lambda _: True, CUT)
    isolation = Isolation(merger, pytest.fail, pytest.fail, away)
    for _ in range(20):
        with pytest.raises(Unavailable, match="no route"):
            isolation.commit(batch_of(b"a"))
    assert merger.asked == 20


def test_where_every_connection_is_ended_nothing_is_refused_and_all_is_stored_once_they_hold() -> None:
    noted, ends = list[Rejection](), [True]
    merger = Merger(lambda _: ends[0], CUT)
    isolation = Isolation(merger, noted.extend, lambda _: None)
    batch = batch_of(*(b"%d" % number for number in range(50)))
    for _ in range(3):
        with pytest.raises(MergerCutOff):
            isolation.commit(batch)
    ends[0] = False
    assert isolation.commit(batch) == noted == []
    assert sorted(merger.stored) == sorted(one.body for one in batch.deliveries)


def test_of_messages_on_which_connections_end_one_alone_is_refused_while_nothing_is_stored() -> None:
    """A database that answers and stores nothing looks the same, whether its batches are large or small."""
    noted, ends = list[Rejection](), [True]
    isolation = Isolation(Merger(lambda _: ends[0], CUT), noted.extend, lambda _: None)
    assert len(isolation.commit(batch_of(b"alone"))) == 1
    others = [batch_of(b"%d" % number) for number in range(10)]
    for batch in others:
        with pytest.raises(MergerCutOff):
            isolation.commit(batch)
    ends[0] = False
    assert [isolation.commit(batch) for batch in others] == [[]] * 10
    assert len(noted) == 1


def test_a_batch_whose_parts_were_interrupted_goes_on_with_those_that_are_left() -> None:
    """What is merged is merged once, and so are its refusals counted once."""
    gone, noted = [True], list[Rejection]()
    merger = Merger(lambda body: body == b"5")

    def merge(batch: Batch) -> Sequence[Rejection]:
        if gone[0] and [one.body for one in batch.deliveries] == [b"6", b"7"]:
            raise Unavailable("database: away")
        return merger(batch)

    isolation = Isolation(merge, noted.extend, lambda _: None)
    batch = batch_of(*(b"%d" % number for number in range(8)))
    with pytest.raises(Unavailable, match="away"):
        isolation.commit(batch)
    assert noted == [], "nothing is refused before the batch is through"
    before = [*merger.stored]
    gone[0] = False
    assert [one.refusal.body for one in isolation.commit(batch)] == [b"5"]
    assert merger.stored == [*before, b"6", b"7"]
    assert sorted(merger.stored) == [b"0", b"1", b"2", b"3", b"4", b"6", b"7"]
    assert len(noted) == 1
