"""When batches are acknowledged: whole ones, in order of their deliveries, however they lie between each other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hallpulse.broker.deliveries import Batch, Delivery, Gathering, Unacknowledged


def delivery(tag: int) -> Delivery:
    return Delivery(tag, b"{}", None, "222424.hall-1.case", "222424.hall-1")


@given(
    aside=st.lists(st.booleans(), min_size=1, max_size=60),
    sizes=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    data=st.data(),
)
def test_no_acknowledgement_covers_an_unsafe_delivery_and_in_the_end_all_are_acknowledged(
    aside: list[bool], sizes: tuple[int, int], data: st.DataObject
) -> None:
    """As the broker does it: an acknowledgement names a delivery that it waits for, and covers all before it."""
    waiting, unsafe, handed = set[int](), set[int](), list[Batch]()
    unacknowledged = Unacknowledged()
    gatherings = [Gathering(1, size, unacknowledged.add) for size in sizes]

    def make_safe() -> None:
        batch = handed.pop(data.draw(st.integers(0, len(handed) - 1)))
        batch.safe = True
        unsafe.difference_update(one.tag for one in batch.deliveries)
        if done := unacknowledged.take_safe():
            tag = max(one.last_tag for one in done)
            assert tag in waiting
            covered = {one for one in waiting if one <= tag}
            assert not covered & unsafe
            assert covered >= {one.tag for batch in done for one in batch.deliveries} & waiting
            waiting.difference_update(covered)

    for tag, is_aside in enumerate(aside, 1):
        waiting.add(tag)
        unsafe.add(tag)
        gatherings[is_aside].take([delivery(tag)], 0.0)
        for gathering in gatherings:
            if (batch := gathering.next(lambda batch: bool(batch.deliveries) and data.draw(st.booleans()))) is not None:
                handed.append(batch)
        if handed and data.draw(st.booleans()):
            make_safe()
    for gathering in gatherings:
        while (batch := gathering.next(lambda batch: bool(batch.deliveries))) is not None:
            handed.append(batch)
    while handed:
        make_safe()
    assert waiting == set()
    assert unacknowledged.is_settled


def test_what_is_left_comes_again_and_nothing_behind_it_is_acknowledged() -> None:
    unacknowledged = Unacknowledged()
    first, second = (Gathering(1, 1, unacknowledged.add) for _ in range(2))
    first.take([delivery(1)], 0.0)
    second.take([delivery(2)], 0.0)
    behind = second.next(lambda _: True)
    assert behind is not None
    assert not unacknowledged.is_settled
    first.leave()
    behind.safe = True
    assert unacknowledged.take_safe() == []
    assert unacknowledged.is_settled
