"""What goes between the process that consumes and those that merge: a batch, a question, an answer."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence

import msgspec

from hallpulse.broker import Letter
from hallpulse.metrics import HallCount


class Place(msgspec.Struct):
    """Where a merging process works. gateway_users: the broker users that may speak for any hall."""

    database_url: str
    gateway_users: frozenset[str]


class Work(msgspec.Struct, array_like=True):
    """The messages of a batch, column by column, as the broker delivered them.

    doubtful: ids of events, as they are written, that may well be stored already, or just being stored; old_doubles:
    whether doubles of what was stored long ago are likely among the others.
    """

    bodies: Sequence[bytes]
    content_types: Sequence[str | None]
    routing_keys: Sequence[str]
    user_ids: Sequence[str | None]
    doubtful: Sequence[bytes]
    old_doubles: bool


class Weighed(msgspec.Struct, tag="weighed", array_like=True):
    """Some of a batch is refused: may it be? taken: REGION.HALL → events that are not."""

    taken: Mapping[str, int]
    letters: Sequence[Letter]


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
    """What became of a batch. taken: as of `Weighed`; refused: when it was decoded; reused: an id, by these events.

    new, duplicates: by hall and family, those stored now and those that had been stored before;
    old_doubles: an event that was not doubtful had been stored before.
    """

    taken: Mapping[str, int]
    refused: Sequence[Letter]
    reused: Sequence[Letter]
    new: Sequence[HallCount]
    duplicates: Sequence[HallCount]
    times: Sequence[HallTimes]
    old_doubles: bool


class Failed(msgspec.Struct, tag="failed", array_like=True):
    """again: the database does not answer; otherwise going on would do damage. line: for a person."""

    again: bool
    line: str


Weigh = Callable[[Mapping[str, int], Sequence[Letter]], None]
"""Told of a part of a batch, its events by hall and its refusals, before any is stored; raises where it must not be."""
