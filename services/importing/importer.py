"""From an open table to the events that are published, and everything that is counted on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from itertools import chain
from pathlib import Path

from hallpulse.contract.events import HallEvent
from hallpulse.settings import Settings

from .case_rows import Place
from .departments import DepartmentCodes
from .import_file import CatalogueImport, read_catalogue
from .notes import NoteCounts
from .published import case_events, catalogue_events
from .reader import CaseImport, read_cases
from .rows import Note
from .surroundings import Stored, clock, department_codes, department_of, workdays
from .tables import RejectedRows, Source, open_source
from .tallying import Tally

EventsOf = Callable[[Source, Tally], Iterator[HallEvent]]


@dataclass(frozen=True, slots=True)
class Reading:
    """An open file: its events come while they are read."""

    source: Source
    tally: Tally
    events: Iterator[HallEvent]


@contextmanager
def reading(file: Path, events_of: EventsOf) -> Iterator[Reading]:
    """Open a file and read up to its first event: a file of the wrong kind is refused before anything is published.

    Rejected rows lie beside the file afterwards. Raises TableError.
    """
    with open_source(file) as source, RejectedRows(file, Path.cwd()) as rejects:
        tally = Tally(rejects)
        events = events_of(source, tally)
        first = next(events, None)
        yield Reading(source, tally, chain([] if first is None else [first], events))


def catalogue_of(
    settings: Settings, there: Stored, file: Path, effective_from: date, *, plan_codes: bool, notes: list[Note]
) -> EventsOf:
    """How the rows of a catalogue become events."""
    place = there.place
    wanted = CatalogueImport(
        region=place.region,
        hall=place.hall,
        effective_from=effective_from,
        saved=file.stat().st_mtime_ns // 1000,
        now=clock(),
        codes=_codes(settings, place, plan_codes),
        known=there.catalogue(),
    )
    return lambda source, tally: catalogue_events(source, read_catalogue(source, wanted), tally, notes)


def cases_of(settings: Settings, there: Stored, *, plan_codes: bool, notes: NoteCounts) -> EventsOf:
    """How the rows of a file of cases become events."""
    place = there.place
    finder = department_of(_codes(settings, place, plan_codes), there.catalogue())
    wanted = CaseImport(place, finder, workdays(settings, place.region), clock())
    apply = there.corrections().apply
    return lambda source, tally: case_events(source, read_cases(source, wanted), tally, notes, apply)


def _codes(settings: Settings, place: Place, plan_codes: bool) -> DepartmentCodes:
    return department_codes(settings, place.region) if plan_codes else DepartmentCodes()
