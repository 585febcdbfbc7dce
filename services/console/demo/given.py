"""A given file: cases, a catalogue, or CloudEvents, recognised by its content."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from rich.console import Console

from hallpulse.contract.decode import EVENT_TYPE, MAX_BODY, decode_events
from hallpulse.contract.events import HallEvent
from hallpulse.contract.reasons import both
from hallpulse.settings import Settings
from services.importing import dutch
from services.importing import texts as import_texts
from services.importing.case_rows import Place
from services.importing.columns import CASE_COLUMNS, ITEM_COLUMNS
from services.importing.importer import cases_of, catalogue_of, reading
from services.importing.notes import NoteCounts, each_note
from services.importing.rows import Note
from services.importing.surroundings import Stored, clock, stored, today
from services.importing.tables import TableError, open_source
from services.importing.tallying import show

_HALL = "import"
_SHOWN = 10
FileKind = Literal["events", "cases", "catalogue"]
Feed = Callable[[Iterator[HallEvent]], int]
"""A function that publishes events and returns the number of different ones."""


def kind_of(file: Path) -> FileKind:
    """Return the kind of the file's content. Raises TableError if it is none of the three."""
    if _holds_events(file):
        return "events"
    return "catalogue" if _is_catalogue(file) else "cases"


def show_file(console: Console, file: Path, settings: Settings, region: int, feed: Feed) -> None:
    """Publish a file's content and report what happened to its rows. Raises TableError if nothing in it is usable."""
    kind = kind_of(file)
    if kind == "events":
        with file.open("rb") as lines:
            console.print(f"{both(import_texts.EVENTS_PUBLISHED)}: {feed(_events(lines, console))}")
        return
    with stored(settings, Place(region, _HALL), lambda: None) as there:
        (_show_catalogue if kind == "catalogue" else _show_cases)(console, file, settings, there, feed)


def _show_catalogue(console: Console, file: Path, settings: Settings, there: Stored, feed: Feed) -> None:
    notes: list[Note] = []
    events_of = catalogue_of(settings, there, file, today(), plan_codes=False, notes=notes)
    with reading(file, events_of) as read:
        show(console, read.source, read.tally, feed(read.events))
    console.print(each_note(notes))


def _show_cases(console: Console, file: Path, settings: Settings, there: Stored, feed: Feed) -> None:
    counts = NoteCounts()
    with reading(file, cases_of(settings, there, plan_codes=False, notes=counts)) as read:
        show(console, read.source, read.tally, feed(read.events))
    if counts:
        console.print(counts.table())


def _holds_events(file: Path) -> bool:
    """Return whether the file holds CloudEvents, one a line, rather than a table of cases in ndjson."""
    if file.suffix.lower() not in (".ndjson", ".jsonl", ".json"):
        return False
    with file.open("rb") as lines:
        return b'"specversion"' in lines.readline(MAX_BODY)


def _is_catalogue(file: Path) -> bool:
    with open_source(file) as source:
        if dutch.is_dutch(source.first_header()):
            return False
        try:
            next(source.records(CASE_COLUMNS), None)
        except TableError as not_cases:
            return _has_items(file, not_cases)
    return False


def _has_items(file: Path, not_cases: TableError) -> bool:
    with open_source(file) as source:
        try:
            next(source.records(ITEM_COLUMNS), None)
        except TableError:
            raise not_cases from None
    return True


def _events(lines: Iterator[bytes], console: Console) -> Iterator[HallEvent]:
    """Yield the file's events; lines that break the contract are named and left out."""
    left_out = 0
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        (event,) = decode_events(line.strip(), content_type=EVENT_TYPE, now=clock())
        if isinstance(event, HallEvent):
            yield event
            continue
        left_out += 1
        if left_out <= _SHOWN:
            where = event.field or "the line"
            console.print(f"line {number}: {event.reason}: {where}: {event.detail}", markup=False)
    if left_out:
        console.print(f"{both(import_texts.ROWS_REJECTED)}: {left_out}")
