"""When batches are acknowledged: whole ones, in order of their deliveries, however they lie between each other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hallpulse.broker.batches import Batch, Gathering, Unacknowledged
from hallpulse.broker.deliveries import Delivery


def delivery(tag: int) -> Delivery:
    return Delivery(tag, b"{}", None, "222424.hall-1.case", "222424.hall-1")


class Life:
    """Deliveries of a channel from their coming to their acknowledgement, in any order that `data` draws.

    As the broker does it: an acknowledgement names a delivery that it waits for, and covers all before it.
    """

    def __init__(self, sizes: tuple[int, int], data: st.DataObject) -> None:
        self._data = data
        self.waiting, self.unsafe, self._divided = set[int](), set[int](), set[int]()
        self.handed: list[Batch] = []
        self.unacknowledged = Unacknowledged()
        self._gatherings = [Gathering(1, size, self.unacknowledged.add) for size in sizes]

    def come(self, tag: int, gathering: int) -> None:
        self.waiting.add(tag)
        self.unsafe.add(tag)
        self._gatherings[gathering].take([delivery(tag)], 0.0)

    def hand_on(self, *, all_: bool) -> None:
        draw = self._data.draw
        for gathering in self._gatherings:
            while batch := gathering.next(lambda batch: bool(batch.deliveries) and (all_ or draw(st.booleans()))):
                self.handed.append(batch)

    def end_one(self) -> None:
        """Commit a batch, or have it divided: halls of it are found to be slow, or it is large."""
        batch = self.handed.pop(self._data.draw(st.integers(0, len(self.handed) - 1)))
        tags = {one.tag for one in batch.deliveries}
        if self._divided.isdisjoint(tags) and self._data.draw(st.booleans()):
            self._divided |= tags
            self._divide(batch)
            return
        batch.safe = True
        self.unsafe -= tags
        if done := self.unacknowledged.take_safe():
            self._acknowledge(done)

    def _divide(self, batch: Batch) -> None:
        parts: list[list[Delivery]] = [[], []]
        for one in batch.deliveries:
            parts[self._data.draw(st.integers(0, 1))].append(one)
        self.unacknowledged.divide(batch)
        for part in parts:
            self._gatherings[self._data.draw(st.integers(0, 1))].take_again(part, batch.opened)

    def _acknowledge(self, done: list[Batch]) -> None:
        tag = max(one.last_tag for one in done)
        assert tag in self.waiting
        covered = {one for one in self.waiting if one <= tag}
        assert not covered & self.unsafe
        assert covered >= {one.tag for batch in done for one in batch.deliveries} & self.waiting
        self.waiting -= covered


@given(
    aside=st.lists(st.booleans(), min_size=1, max_size=60),
    sizes=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    data=st.data(),
)
def test_no_acknowledgement_covers_an_unsafe_delivery_and_in_the_end_all_are_acknowledged(
    aside: list[bool], sizes: tuple[int, int], data: st.DataObject
) -> None:
    life = Life(sizes, data)
    for tag, is_aside in enumerate(aside, 1):
        life.come(tag, is_aside)
        life.hand_on(all_=False)
        if life.handed and data.draw(st.booleans()):
            life.end_one()
    while life.unsafe:
        life.hand_on(all_=True)
        life.end_one()
    assert life.waiting == set()
    assert life.unacknowledged.is_settled


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
