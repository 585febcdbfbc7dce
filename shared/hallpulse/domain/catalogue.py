"""The catalogue (政务服务事项目录): item versions, and which of them is effective on a day."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise, product
from typing import NamedTuple, Protocol

from .standing import standing


class ItemVersion(NamedTuple):
    """One version of an item. Limits are in working days, None if there is none; a flag is None if unknown."""

    name: str
    department: str
    kind: str
    instant: bool
    statutory_days: int | None
    promised_days: int | None
    settled: bool | None
    unified: bool | None
    full_process: bool | None
    tolerates_missing: bool | None
    commitment: bool | None
    basic_code: str | None = None


class ItemRecord(NamedTuple):
    """An event about an item: a version, its end (`version` None), or a retraction (`retracts` set).

    corrects: the id of an event of the same kind and hall that it replaces;
    effective_from: days since 1970-01-01; time: microseconds since 1970-01-01 UTC.
    """

    hall: str
    id: str
    time: int
    effective_from: int
    version: ItemVersion | None
    retracts: str | None = None
    corrects: str | None = None

    @property
    def kind(self) -> str:
        """The kind of event: published, retired or retracted."""
        if self.retracts is not None:
            return "retracted"
        return "retired" if self.version is None else "published"


class ItemSpan(NamedTuple):
    """A version and the days on which it is effective: from `start` to the day before `end` (None: no end is known)."""

    start: int
    end: int | None
    version: ItemVersion
    hall: str
    id: str


Timeline = Sequence[ItemSpan]


class Timelines(Protocol):
    """The timelines of a region's items by item code: a dictionary, or an object that finds them when it is asked."""

    def get(self, code: str, default: Timeline, /) -> Timeline: ...


def timeline(records: Iterable[ItemRecord], ended: int | None = None) -> list[ItemSpan]:
    """Return an item's versions with their days, in order; a gap means that the item was retired.

    Of two records with the same effective_from, the later (time, id, hall) counts. ended: the first day on which the
    region's code is no longer in force; no version is effective from then on.
    """
    chosen: dict[int, ItemRecord] = {}
    for record in standing(records):
        other = chosen.get(record.effective_from)
        if other is None or (record.time, record.id, record.hall) > (other.time, other.id, other.hall):
            chosen[record.effective_from] = record
    starts = sorted(start for start in chosen if ended is None or start < ended)
    ends: list[int | None] = [*starts[1:], ended]
    return [
        ItemSpan(start, end, version, chosen[start].hall, chosen[start].id)
        for start, end in zip(starts, ends, strict=False)
        if (version := chosen[start].version) is not None
    ]


def span_on(spans: Timeline, day: int) -> ItemSpan | None:
    """Return the version effective on a day, or None."""
    index = bisect_right(spans, day, key=lambda span: span.start) - 1
    if index < 0:
        return None
    span = spans[index]
    return span if span.end is None or day < span.end else None


def first_change(before: Timeline, after: Timeline) -> int | None:
    """Return the first day on which two timelines have different versions; None if they have the same on every day.

    The change does not affect cases that were accepted before that day.
    """
    days = {day for span in (*before, *after) for day in (span.start, span.end) if day is not None}
    return next((day for day in sorted(days) if _version_on(before, day) != _version_on(after, day)), None)


class Rewritten(NamedTuple):
    """Days of an item whose version was replaced after the fact.

    start, end: the days, as in `ItemSpan`; known: the version that was known for them from `since` until `until`, two
    moments of arrival in microseconds since 1970-01-01 UTC; version: the version that is effective now.
    """

    start: int
    end: int | None
    since: int
    until: int
    known: ItemVersion
    version: ItemVersion


def rewritten(known: Sequence[tuple[int, Timeline]]) -> Iterator[Rewritten]:
    """Yield the days of an item whose version an event of any kind replaced after the fact.

    known: moments of arrival, ascending, each with the timeline as it was known from then on; the last one holds now.
    """
    if not known:
        return
    now = known[-1][1]
    for (since, then), (until, _) in pairwise(known):
        for before, after in product(then, now):
            start, end = max(before.start, after.start), _earlier(before.end, after.end)
            if before.version != after.version and (end is None or start < end):
                yield Rewritten(start, end, since, until, before.version, after.version)


def _earlier(one: int | None, other: int | None) -> int | None:
    return one if other is None else other if one is None else min(one, other)


def _version_on(spans: Timeline, day: int) -> ItemVersion | None:
    span = span_on(spans, day)
    return None if span is None else span.version
