"""Region codes that change (撤并): dated successors of a county's code, and what counts under which code.

A code ends on a day, or a part of its county gets another code and the rest goes on. What was reported under a code
stays there. Nothing new begins under a code that has ended, and its catalogue ends with it; cases that were received
before go on under it (docs/decisions/0016-codes-that-end.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType

from .figures import Window


@dataclass(frozen=True, slots=True)
class Succession:
    """A county's code that has a successor from a day on.

    ends: whether `region` ends on that day, or goes on without the part that the successor took over; document: the
    number of the decree (文号); reason: in the bureau's words.
    """

    region: int
    successor: int
    day: date
    ends: bool
    document: str
    reason: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A code that ended: the first day on which it is no longer in force, its successors, and the decree."""

    day: date
    successors: tuple[int, ...]
    document: str


def ended_codes(known: Iterable[Succession]) -> dict[int, Ended]:
    """Return the codes that end, each with its successors in order."""
    found: dict[int, Ended] = {}
    for one in sorted(known, key=lambda one: (one.region, one.successor)):
        if one.ends:
            before = found[one.region].successors if one.region in found else ()
            found[one.region] = Ended(one.day, (*before, one.successor), one.document)
    return found


def fault_of(known: Sequence[Succession], new: Sequence[Succession]) -> str | None:
    """Return why successions of one code cannot be declared, for a person; None if they can.

    new: all of one declaration, with the same code, day and document.
    """
    return next(_faults(known, new), None)


def _faults(known: Sequence[Succession], new: Sequence[Succession]) -> Iterator[str]:
    code, day, ended = new[0].region, new[0].day, ended_codes(known)
    successors = {one.successor for one in new}
    if any(one % 100 == 0 for one in (code, *successors)):
        yield "expected codes of counties: a prefecture's or a province's code is only a sum"
    if code in successors:
        yield f"{code}: expected a successor with another code"
    if code in ended:
        yield f"{code} ended on {ended[code].day} already"
    for successor in sorted(successors & ended.keys()):
        if ended[successor].day <= day:
            yield f"{successor} ended on {ended[successor].day}: expected a code in force"
    if any(one.region == code and one.successor in successors for one in known):
        yield f"{code}: one of these codes succeeds it already"
    if new[0].ends and any(code in (one.region, one.successor) and one.day >= day for one in known):
        yield f"{code} cannot end on {day}: it has a part in a change on that day or later"


def predecessors(known: Sequence[Succession], region: int) -> dict[int, date | None]:
    """Return the codes that a code succeeded, directly or by others, each with the last day that counts for it.

    The last day is None for a code that ended: all its days count. Of a code that goes on without a part of its county,
    only the days count on which the part was still in it. If several ways lead to a code, the latest of their days
    holds.
    """
    found: dict[int, date | None] = {}
    waiting: list[tuple[int, date | None]] = [(region, None)]
    while waiting:
        code, until = waiting.pop()
        for one in known:
            if one.successor != code or one.region == region:
                continue
            last = until if one.ends else _earlier(until, one.day - timedelta(days=1))
            if one.region not in found or _is_later(last, found[one.region]):
                found[one.region] = last
                waiting.append((one.region, last))
    return found


def windows_with(known: Sequence[Succession], region: int, window: Window) -> dict[int, Window]:
    """Return code → its part of the window, for a code and those that it succeeded.

    If a code's part ends before the window does, the code goes on, and its catalogue counts for itself alone.
    """
    found = {region: window}
    for code, last in sorted(predecessors(known, region).items()):
        end = window.end if last is None else min(window.end, last)
        if window.start <= end:
            found[code] = Window(window.start, end)
    return found


def sources_in_force(known: Sequence[Succession], region: int) -> list[int]:
    """Return the predecessors of a code that go on: their figures are still their own county's."""
    return sorted(predecessors(known, region).keys() - ended_codes(known).keys())


def _earlier(one: date | None, other: date) -> date:
    return other if one is None else min(one, other)


def _is_later(one: date | None, other: date | None) -> bool:
    return other is not None and (one is None or one > other)


NO_ENDS: Mapping[int, Ended] = MappingProxyType({})
