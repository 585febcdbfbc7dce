"""From what rows come to, to the events that are published."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from hallpulse.contract.events import HallEvent

from .case_rows import CaseRow
from .import_file import Outcome, Published, Rejected
from .notes import NoteCounts
from .rows import Flag, Note
from .tables import Source
from .tallying import Tally

ROWS_AT_ONCE = 500
Apply = Callable[[Sequence[Sequence[HallEvent]]], list[HallEvent]]
"""Rows' events → what is to be published so that they hold."""


def catalogue_events(
    source: Source, outcomes: Iterable[Outcome], tally: Tally, notes: list[Note]
) -> Iterator[HallEvent]:
    """The events of the good rows; all else is counted, noted or written to the rejected rows."""
    for outcome in outcomes:
        if isinstance(outcome, Rejected):
            tally.reject(source, outcome)
            continue
        notes.extend(note for note in outcome.notes if note.what is not Flag.DEPARTMENT_RENAMED)
        if isinstance(outcome, Published):
            tally.imported += 1
            yield outcome.event
        else:
            tally.unchanged += 1


def case_events(
    source: Source, rows: Iterable[CaseRow | Rejected], tally: Tally, notes: NoteCounts, apply: Apply
) -> Iterator[HallEvent]:
    """The events of the good rows, some hundred rows at once compared with what is stored."""
    gathered: list[Sequence[HallEvent]] = []
    for row in rows:
        if isinstance(row, Rejected):
            tally.reject(source, row)
            continue
        tally.imported += 1
        notes.add(row.notes)
        gathered.append(row.events)
        if len(gathered) >= ROWS_AT_ONCE:
            yield from apply(gathered)
            gathered = []
    if gathered:
        yield from apply(gathered)
