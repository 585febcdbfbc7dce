"""What goes between the process that consumes and those that merge: a batch, a question, an answer."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence

import msgspec

from hallpulse.broker import Letter
from hallpulse.metrics import HallCount


class Place(msgspec.Struct, tag="place", array_like=True):
    """Where a merging process works. gateway_users: the broker users that may speak for any hall."""

    database_url: str
    gateway_users: frozenset[str]


class Work(msgspec.Struct, tag="work", array_like=True):
    """The messages of a batch, column by column, as the broker delivered them.

    doubtful: ids of events, as they are written, that may well be stored already, or just being stored; old_duplicates:
    whether duplicates of what was stored long ago are likely among the others.
    """

    bodies: Sequence[bytes]
    content_types: Sequence[str | None]
    routing_keys: Sequence[str]
    user_ids: Sequence[str | None]
    doubtful: Sequence[bytes]
    old_duplicates: bool


class RefusedPart(msgspec.Struct, tag="refused", array_like=True):
    """Some of a batch is refused, which may be too much. taken: REGION.HALL → events of the same part that are not."""

    taken: Mapping[str, int]
    rejections: Sequence[Letter]


class Verdict(msgspec.Struct, tag="verdict", array_like=True):
    """The answer to a refused part: whether the batch may be merged."""

    merge: bool


class Ready(msgspec.Struct, tag="ready", array_like=True):
    """The process waits for its first batch."""


class HallTimes(msgspec.Struct, array_like=True):
    """packed: when each new event of a hall happened, microseconds since 1970-01-01 UTC, 8 bytes each."""

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
    """What became of a batch; its refused parts have been handed over before.

    taken: REGION.HALL → its events; reused: rejections of events whose id was used before; new, duplicates: by hall and
    family, those stored now and those that had been stored before; old_duplicates: an event that was not doubtful had
    been stored before.
    """

    taken: Mapping[str, int]
    reused: Sequence[Letter]
    new: Sequence[HallCount]
    duplicates: Sequence[HallCount]
    times: Sequence[HallTimes]
    old_duplicates: bool


class Failed(msgspec.Struct, tag="failed", array_like=True):
    """again: the database does not answer; otherwise going on would do damage. line: for a person."""

    again: bool
    line: str


Check = Callable[[Mapping[str, int], Sequence[Letter]], None]
"""Takes a part of a batch of which something is refused (as `RefusedPart`) before any is stored; raises to stop it."""
Request = Place | Work | Verdict
Answer = Ready | RefusedPart | Merged | Failed
