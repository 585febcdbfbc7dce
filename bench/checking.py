"""Check the figures of a stream, sent through broker and ingest, against a brute-force computation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from bench.filling import fill
from bench.grounds import Grounds
from bench.ingesting import ingest
from bench.streams import Stream, messages
from hallpulse.contract.encode import event_json
from hallpulse.domain.figures import Scope, Window
from hallpulse.store import Store, open_store
from tests.oracle import brute

WINDOWS = (Window(date(2023, 1, 1), date(2023, 12, 31)), Window(date(2023, 1, 5), date(2023, 1, 16)))
TODAY = date(2023, 12, 31)


class WrongFigures(Exception):
    """The measured code gives wrong figures, so that no number is printed."""


@dataclass(frozen=True)
class Checked:
    events: int
    figures: int


def check(grounds: Grounds, stream: Stream, workers: int = 2) -> Checked:
    """Send the stream through ingest and compare its figures. Raises WrongFigures with the first differences."""
    with grounds.catalogued(stream) as template, grounds.postgres.fresh_database(template) as url:
        with grounds.lane() as lane:
            fill(lane.publisher_url, messages(stream.events))
            ingest(grounds, lane, url, stream.distinct, workers)
        return _compare(url, stream)


def recompute(database_url: str) -> None:
    """Raise WrongFigures if the aggregates of a round differ from those recomputed from its stored events."""
    store = open_store(database_url)
    differences = store.recompute(check=True)
    store.close()
    if differences:
        raise WrongFigures(f"{len(differences)} differences from what is recomputed, such as {differences[0]}")


def _compare(url: str, stream: Stream) -> Checked:
    raw = [event_json(event) for event in (*stream.catalogue, *stream.events)]
    store = open_store(url, pool_size=1)
    try:
        wrong, figures = _wrong(store, raw, brute.read(raw))
    finally:
        store.close()
    if wrong:
        raise WrongFigures(f"{len(wrong)} of {figures} figures differ from the brute force: {'; '.join(wrong[:3])}")
    recompute(url)
    return Checked(len(stream.events), figures)


def _wrong(store: Store, raw: list[dict[str, Any]], reading: brute.Reading) -> tuple[list[str], int]:
    wrong, compared = list[str](), 0
    with store.read() as moment:
        for region, department, hall in _scopes(raw):
            scope = Scope(int(region), department, hall)
            for window in WINDOWS:
                expected = brute.indicators(reading, region, window.start, window.end, department=department, hall=hall)
                found = brute.compare(expected, moment.figures(scope, window))
                compared += len(expected)
                wrong += [f"{scope} {window.start} to {window.end}: {one}" for one in found]
            states = brute.open_states(reading, region, TODAY, department=department, hall=hall)
            wrong += [f"{scope}: {one}" for one in brute.compare(states, moment.open_cases(scope, TODAY))]
            compared += len(states)
    return wrong, compared


def _scopes(raw: list[dict[str, Any]]) -> Iterator[tuple[str, str | None, str | None]]:
    regions = sorted({event["source"].split("/")[1] for event in raw})
    departments = sorted({name for event in raw if (name := event.get("data", {}).get("department"))})
    halls = sorted({event["source"].split("/")[2] for event in raw})
    yield f"{regions[0][:2]}0000", None, None
    for region in regions:
        yield region, None, None
        yield from ((region, department, None) for department in departments)
        yield from ((region, None, hall) for hall in halls)
