"""How deliveries are gathered in batches, and how a large batch is divided by halls."""

from __future__ import annotations

import itertools
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from hallpulse.broker.batches import Batch, Gathering, by_halls
from hallpulse.broker.deliveries import Delivery

_HALLS = st.tuples(st.integers(222401, 222405), st.integers(1, 5)).map(lambda at: f"{at[0]}.hall-{at[1]}")
_SENT = st.tuples(_HALLS, st.sampled_from(["case", "heartbeat", "refused"]), st.integers(0, 300))


def deliveries(sent: list[tuple[str, str, int]]) -> list[Delivery]:
    return [Delivery(tag, b"x" * size, None, f"{hall}.{kind}", None) for tag, (hall, kind, size) in enumerate(sent, 1)]


def hall_of(delivery: Delivery) -> str:
    return delivery.routing_key.rpartition(".")[0]


@given(sent=st.lists(_SENT, min_size=1, max_size=80), parts=st.integers(1, 4))
def test_the_parts_of_a_batch_have_all_of_it_in_order_and_no_hall_in_two(
    sent: list[tuple[str, str, int]], parts: int
) -> None:
    whole = deliveries(sent)
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
    for part in by_halls(deliveries(sent), parts):
        assert sum(len(one.body) for one in part) * parts <= sizes.total() + parts * max(sizes.values())


def test_halls_of_the_same_size_are_divided_evenly() -> None:
    whole = deliveries([(f"2224{number:02}.hall-1", "case", 100) for number in range(1, 61)])
    assert [len(part) for part in by_halls(whole, 2)] == [30, 30]
    assert [len(part) for part in by_halls(whole, 3)] == [20, 20, 20]


def test_a_batch_is_full_with_what_it_may_have_of_one_queue_however_few_events_that_is() -> None:
    begun: list[Batch] = []
    gathering = Gathering(1, 100, begun.append, most_of_queue=10)
    for tag in range(1, 21):
        gathering.take(
            [Delivery(tag, b"{}", None, "222424.hall-1.case", None)], 0.0, {b"one" if tag % 4 else b"other": 1}
        )
    assert [len(batch.deliveries) for batch in begun] == [13, 7]
    assert gathering.has_full
    full = gathering.next(lambda _: False)
    assert full is begun[0]
    assert gathering.next(lambda _: False) is None
