"""A given file of cases, catalogue items or CloudEvents; its content tells which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from rich.console import Console

from hallpulse.contract.decode import EVENT_TYPE, MAX_BODY, decode_events
from hallpulse.contract.events import HallEvent
from hallpulse.contract.reasons import both
from hallpulse.settings import Settings
from services.importing.books import open_book
from services.importing.case_import import HallOfCases
from services.importing.departments import DepartmentCodes
from services.importing.headers import lay_out
from services.importing.importer import Job, Options, RejectedRow, opened
from services.importing.layout import Layout
from services.importing.problems import TableError
from services.importing.profiles import plain_profile, shipped
from services.importing.rejects import RejectedRows
from services.importing.showing import PUBLISHED, ROWS_REJECTED, show_result, show_understanding
from services.importing.surroundings import clock, stored, today
from services.importing.understanding import understanding_of

_HALL = "import"
_SHOWN = 10
FileKind = Literal["events", "cases", "catalogue"]
Feed = Callable[[Iterator[HallEvent]], int]
"""A function that publishes events and returns how many different ones there were."""


def kind_of(file: Path) -> FileKind:
    """Return the kind of the file's content. Raises TableError if it is none of these kinds."""
    if _holds_events(file):
        return "events"
    return _table_kind(file)


def show_file(console: Console, file: Path, settings: Settings, region: int, feed: Feed) -> None:
    """Publish a file's content and report what happened to its rows.

    Raises TableError if the kind is not recognised, or if the importer has questions that a person must answer.
    """
    kind = kind_of(file)
    if kind == "events":
        with file.open("rb") as lines:
            console.print(f"{both(PUBLISHED)}: {feed(_events(lines, console))}")
        return
    options = Options(effective_from=today(), take_defaults=True)
    with (
        stored(settings, HallOfCases(region, _HALL), lambda: None) as there,
        opened(file, kind, there, options, DepartmentCodes()) as job,
    ):
        job.understand()
        told = understanding_of(job, there, lambda _: None)
        show_understanding(console, told)
        if told.open:
            raise TableError(
                file, "有问题未回答，请用 hallpulse import 导入", "questions stand open: use hallpulse import"
            )
        _feed(console, file, job, feed)


def _feed(console: Console, file: Path, job: Job, feed: Feed) -> None:
    rows: Counter[str] = Counter()
    with RejectedRows(file, Path.cwd()) as rejects:
        published = feed(_taken(job, rows, rejects))
    show_result(console, rows, published, rejects.path)


def _taken(job: Job, rows: Counter[str], rejects: RejectedRows) -> Iterator[HallEvent]:
    for outcome in job.outcomes():
        rows["read"] += 1
        if isinstance(outcome, RejectedRow):
            rows["refused"] += 1
            rejects.add(outcome)
        else:
            rows[outcome.state] += 1
            yield from job.published(outcome)


def _holds_events(file: Path) -> bool:
    """Return whether the file holds CloudEvents, one a line. A file in ndjson may also be a table of cases."""
    if file.suffix.lower() not in (".ndjson", ".jsonl", ".json"):
        return False
    with file.open("rb") as lines:
        return b'"specversion"' in lines.readline(MAX_BODY)


def _table_kind(file: Path) -> Literal["cases", "catalogue"]:
    """Return "cases" if a profile of cases recognises the headers of a sheet, else "catalogue" if one of those does.

    Raises TableError if none recognises them.
    """
    kinds: tuple[Literal["cases", "catalogue"], ...] = ("cases", "catalogue")
    lacking: list[str] = []
    for kind in kinds:
        profiles = [plain_profile(kind), *(profile for profile in shipped().values() if profile.kind == kind)]
        for vocabulary in (profile.vocabulary() for profile in profiles):
            with open_book(file, vocabulary.score) as book:
                layouts = lay_out(book, vocabulary)
            if any(isinstance(layout, Layout) for layout in layouts):
                return kind
            lacking += [layout.why.zh for layout in layouts if not isinstance(layout, Layout)]
    raise TableError(file, lacking[0] if lacking else "没有数据", "no header row of cases or of a catalogue")


def _events(lines: Iterator[bytes], console: Console) -> Iterator[HallEvent]:
    """Yield the file's events. Leave out lines that break the contract; print the first ten and their number."""
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
        console.print(f"{both(ROWS_REJECTED)}: {left_out}")
