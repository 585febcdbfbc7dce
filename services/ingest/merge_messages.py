"""The messages between ingest and its merging processes."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence

import msgspec

from hallpulse.broker import Rejection
from hallpulse.metrics import HallCount


class MergingSetup(msgspec.Struct, tag="place", array_like=True):
    """The setup of a merging process. gateway_users: the broker users that may publish for every hall."""

    database_url: str
    gateway_users: frozenset[str]


class Work(msgspec.Struct, tag="work", array_like=True):
    """The messages of a batch, column by column, as the broker delivered them.

    doubtful: ids of events, undecoded, that may well be stored already or be in a batch that is just being stored;
    old_duplicates: whether the other events are likely to hold duplicates of events stored long ago; parent: the
    batch's trace parent, if it is traced.
    """

    bodies: Sequence[bytes]
    content_types: Sequence[str | None]
    routing_keys: Sequence[str]
    user_ids: Sequence[str | None]
    doubtful: Sequence[bytes]
    old_duplicates: bool
    parent: str = ""


class RefusedPart(msgspec.Struct, tag="refused", array_like=True):
    """The refusals in a part of a batch, perhaps too many. taken: REGION.HALL → events of this part not refused."""

    taken: Mapping[str, int]
    rejections: Sequence[Rejection]


class MergeDecision(msgspec.Struct, tag="verdict", array_like=True):
    """The answer to a refused part: whether the batch may be merged."""

    merge: bool


class Ready(msgspec.Struct, tag="ready", array_like=True):
    """The merging process is ready for its first batch."""


class HallTimes(msgspec.Struct, array_like=True):
    """The times of a hall's new events.

    packed: the time of each event in microseconds since 1970-01-01 UTC, 8 bytes each.
    """

    region: int
    hall: str
    packed: bytes

    @classmethod
    def of(cls, region: int, hall: str, times: Sequence[int]) -> HallTimes:
        return cls(region, hall, array("q", times).tobytes())

    @property
    def times(self) -> Sequence[int]:
        unpacked = array("q")
        unpacked.frombytes(self.packed)
        return unpacked


class Merged(msgspec.Struct, tag="merged", array_like=True):
    """The outcome of a merged batch; its refused parts have been handed over before.

    taken: REGION.HALL → number of its events; reused: rejections of events whose id was used for another event before;
    new, duplicates: counts by hall and family of events stored now and of events stored before; times: of the new
    events; old_duplicates: whether an event that was not doubtful had been stored before.
    """

    taken: Mapping[str, int]
    reused: Sequence[Rejection]
    new: Sequence[HallCount]
    duplicates: Sequence[HallCount]
    times: Sequence[HallTimes]
    old_duplicates: bool


class MergeFailed(msgspec.Struct, tag="failed", array_like=True):
    """A batch that was not merged.

    again: True if the database does not answer, False if going on would do damage; line: the error, for a person;
    ended: whether the database ended the connection in the middle of the merge.
    """

    again: bool
    line: str
    ended: bool = False


Check = Callable[[Mapping[str, int], Sequence[Rejection]], None]
"""Called with `taken` and rejections (as in `RefusedPart`) of a part that has refusals, before anything of the batch is
stored; it raises to stop the batch."""
Request = MergingSetup | Work | MergeDecision
Answer = Ready | RefusedPart | Merged | MergeFailed
