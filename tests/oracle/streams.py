"""Streams of valid CloudEvents with every branch of the lifecycle and every kind of dirt, the same for one seed."""

from __future__ import annotations

from tests.oracle import other_events
from tests.oracle.eventset import Event
from tests.oracle.pen import Pen
from tests.oracle.stories import tell_case

DUPLICATES = 0.1


def stream(seed: int, events: int, regions: tuple[str, ...] = ("222424", "222401"), year: int = 2026) -> list[Event]:
    """So many events in any order, a tenth of them duplicates, all before 20 November of the year.

    What is cut off to get the number right is a further kind of dirt: events that never come.
    """
    pen = Pen(seed, regions, year)
    wanted = events - int(events * DUPLICATES)
    codes = other_events.catalogue(pen, items=max(4, min(30, events // 80)))
    number = 0
    while len(pen.events) < wanted:
        number += 1
        _write_something(pen, codes, number)
    pen.rng.shuffle(pen.events)
    written = pen.events[:wanted]
    written += [pen.again(pen.rng.choice(written)) for _ in range(events - wanted)]
    pen.rng.shuffle(written)
    return written


def _write_something(pen: Pen, codes: dict[str, list[str]], number: int) -> None:
    kind = pen.rng.choices(["case", "item", "tally", "figure", "heartbeat"], [60, 8, 16, 12, 4])[0]
    if kind == "case":
        tell_case(pen, codes, number)
    elif kind == "item":
        other_events.later_item(pen, codes)
    elif kind == "tally":
        other_events.tally(pen)
    elif kind == "figure":
        other_events.figure(pen)
    else:
        other_events.heartbeat(pen)
