"""When a batch is handed on, what it holds, and how it is committed: without a broker or a database."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hallpulse.broker import Batch, Delivery, HallsSlowed, Rejection, consumer
from hallpulse.broker.batches import by_halls
from hallpulse.broker.consumer import Committer
from hallpulse.broker.session import surplus
from hallpulse.contract.decode import BATCH_TYPE, EVENT_TYPE
from hallpulse.contract.encode import encode_batch
from hallpulse.domain.errors import Halt, Unavailable
from tests.hall_events import accepted, changed
from tests.ingesting import wait_until

EVENT = accepted(changed())
_HALLS = st.tuples(st.integers(222401, 222405), st.integers(1, 5)).map(lambda at: f"{at[0]}.hall-{at[1]}")
_SENT = st.tuples(_HALLS, st.sampled_from(["case", "heartbeat", "refused"]), st.integers(0, 300))


def delivery(tag: int, body: bytes = b"x" * 10, content_type: str | None = EVENT_TYPE) -> Delivery:
    return Delivery(tag, body, content_type, "222424.hall-1.case", "222424.hall-1")


def filled(*sizes: int, at: float = 100.0) -> Batch:
    """A message of so many events each, a second apart."""
    batch = Batch(1)
    for tag, size in enumerate(sizes, start=1):
        batch.add(delivery(tag, encode_batch([EVENT] * size), BATCH_TYPE), at + tag - 1)
    return batch


def due(batch: Batch, now: float, *, idle: bool = False, free: bool = False) -> bool:
    return batch.is_due(now, most_events=1000, most_seconds=0.2, free=free, idle=idle)


def test_an_empty_batch_is_never_due() -> None:
    assert not due(Batch(1), 1e9, idle=True)


def test_a_few_events_go_at_once_when_the_database_has_nothing_to_do() -> None:
    assert due(filled(1), 100.0, idle=True)
    assert due(filled(63), 100.0, idle=True)


def test_where_many_come_more_are_waited_for_but_a_moment_only() -> None:
    assert [due(filled(64), now, idle=True) for now in (100.0, 100.02, 100.03)] == [False, False, True]


def test_a_batch_waits_for_more_while_the_database_works_but_not_for_long() -> None:
    assert [due(filled(1), now) for now in (100.0, 100.19, 100.2)] == [False, False, True]


def test_a_full_batch_is_due_and_what_counts_is_events() -> None:
    assert not due(filled(999), 100.0)
    assert due(filled(1000), 100.0)
    assert due(filled(600, 400), 100.0)


def test_a_large_batch_goes_to_a_committer_that_is_free() -> None:
    assert not due(filled(249), 100.0, free=True)
    assert due(filled(250), 100.0, free=True)
    assert not due(filled(250), 100.0)


@pytest.mark.parametrize("content_type", [EVENT_TYPE, BATCH_TYPE, "text/plain", None])
def test_what_is_no_event_fills_a_batch_too(content_type: str | None) -> None:
    batch = filled(999)
    batch.add(delivery(2, b"no event", content_type), 100.0)
    assert due(batch, 100.0)
    assert batch.size == 1000


def test_a_batch_is_as_old_as_its_first_message_and_acknowledges_up_to_its_last() -> None:
    batch = Batch(1)
    for tag in (1, 2, 3):
        batch.add(delivery(tag), 99.0 + tag)
    assert (batch.opened, batch.last_tag, batch.size, batch.bytes) == (100.0, 3, 3, 30)
    assert [one.tag for one in batch.deliveries] == [1, 2, 3]


class Commits:
    """A committer at work: `errors` are raised first, one a try."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.done: list[tuple[int, Sequence[Rejection] | None]] = []
        self.failed: list[BaseException] = []
        self.waits: list[float] = []
        self.unwanted: set[int] = set()
        self.divided: list[int] = []
        self.committer = Committer(
            self._commit, self._done, self.failed.append, self._retrying, self._wanted, divided=self._divide
        )
        self.committer.start()

    def _commit(self, _: Batch) -> Sequence[Rejection]:
        if self.errors:
            raise self.errors.pop(0)
        return []

    def _done(self, batch: Batch, rejections: Sequence[Rejection] | None) -> None:
        self.done.append((batch.last_tag, rejections))

    def _divide(self, batch: Batch) -> None:
        self.divided.append(batch.last_tag)

    def _retrying(self, _: Unavailable, wait: float) -> None:
        self.waits.append(wait)

    def _wanted(self, batch: Batch) -> bool:
        return batch.generation not in self.unwanted

    def put(self, *tags: int, generation: int = 1) -> None:
        for tag in tags:
            self.committer.put(Batch(generation, last_tag=tag))


def test_batches_are_committed_in_their_order() -> None:
    commits = Commits()
    commits.put(*range(1, 50))
    wait_until(lambda: len(commits.done) == 49)
    commits.committer.stop(5)
    assert commits.done == [(tag, []) for tag in range(1, 50)]


def test_an_unavailable_database_is_tried_again_after_growing_pauses_and_nothing_is_overtaken() -> None:
    commits = Commits(Unavailable("gone"), Unavailable("gone"))
    commits.put(1, 2)
    wait_until(lambda: len(commits.done) == 2)
    commits.committer.stop(5)
    assert (commits.done, commits.waits) == ([(1, []), (2, [])], [0.2, 0.4])


def test_told_to_stop_it_leaves_what_waits_for_the_database_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer, "FIRST_WAIT", 3600.0)
    commits = Commits(*[Unavailable("gone")] * 100)
    commits.put(1, 2)
    wait_until(lambda: commits.waits == [3600.0])
    commits.committer.stop(60)
    assert commits.done == [(1, None), (2, None)]


def test_a_batch_that_can_no_longer_be_acknowledged_is_left() -> None:
    commits = Commits()
    commits.unwanted.add(1)
    commits.put(1, generation=1)
    commits.put(2, generation=2)
    wait_until(lambda: len(commits.done) == 2)
    commits.committer.stop(5)
    assert commits.done == [(1, None), (2, [])]


def test_a_batch_of_halls_that_became_slow_comes_back_to_be_divided_and_the_next_is_committed() -> None:
    commits = Commits(HallsSlowed())
    commits.put(1, 2, 3)
    wait_until(lambda: len(commits.done) == 2)
    commits.committer.stop(5)
    assert commits.divided == [1]
    assert commits.done == [(2, []), (3, [])]


def test_what_is_no_outage_stops_everything_after_it() -> None:
    commits = Commits(Halt("wrong tables"))
    commits.put(1, 2)
    wait_until(lambda: bool(commits.failed))
    commits.committer.stop(5)
    assert [str(error) for error in commits.failed] == ["wrong tables"]
    assert commits.done == []
    assert "commit" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize(
    ("active", "partitions", "workers", "let_go"),
    [
        ("abcd", 4, 1, ""),
        ("abcd", 4, 2, "cd"),
        ("ab", 4, 2, ""),
        ("a", 4, 2, ""),
        ("", 4, 2, ""),
        ("abcd", 4, 3, "cd"),
        ("bd", 4, 4, "d"),
        ("abcd", 4, 9, "bcd"),
        ("abcd", 4, 0, ""),
    ],
)
def test_a_worker_lets_go_of_what_is_more_than_its_share(
    active: str, partitions: int, workers: int, let_go: str
) -> None:
    assert surplus(set(active), partitions, workers) == list(let_go)


def sent_by(sent: list[tuple[str, str, int]]) -> list[Delivery]:
    return [Delivery(tag, b"x" * size, None, f"{hall}.{kind}", None) for tag, (hall, kind, size) in enumerate(sent, 1)]


def hall_of(delivery: Delivery) -> str:
    return delivery.routing_key.rpartition(".")[0]


@given(sent=st.lists(_SENT, min_size=1, max_size=80), parts=st.integers(1, 4))
def test_the_parts_of_a_batch_have_all_of_it_in_order_and_no_hall_in_two(
    sent: list[tuple[str, str, int]], parts: int
) -> None:
    whole = sent_by(sent)
    divided = by_halls(whole, parts)
    assert 1 <= len(divided) <= parts
    assert sorted(itertools.chain(*divided)) == whole
    for part in divided:
        assert part == sorted(part)
    for one, other in itertools.combinations(divided, 2):
        assert max(map(hall_of, one)) < min(map(hall_of, other))


@given(sent=st.lists(_SENT, min_size=1, max_size=80), parts=st.integers(1, 4))
def test_no_part_is_larger_than_its_share_by_more_than_the_largest_hall(
    sent: list[tuple[str, str, int]], parts: int
) -> None:
    sizes = Counter[str]()
    for hall, _, size in sent:
        sizes[hall] += size
    for part in by_halls(sent_by(sent), parts):
        assert sum(len(one.body) for one in part) * parts <= sizes.total() + parts * max(sizes.values())


def test_halls_of_the_same_size_are_divided_evenly() -> None:
    whole = sent_by([(f"2224{number:02}.hall-1", "case", 100) for number in range(1, 61)])
    assert [len(part) for part in by_halls(whole, 2)] == [30, 30]
    assert [len(part) for part in by_halls(whole, 3)] == [20, 20, 20]
