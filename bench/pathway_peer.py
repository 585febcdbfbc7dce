"""Pathway as a peer: the same durable job with corrections, compared cell by cell, also killed and started again."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
from msgspec.structs import replace

from bench.checking import WrongFigures
from bench.peers.tables import COUNTED, counted_as, day_of, key_of
from bench.streams import CHECKOUT, Stream
from hallpulse.contract.encode import encode_event, event_json
from hallpulse.contract.events import Decided, HallEvent

PYTHON = CHECKOUT / ".venv-pathway" / "bin" / "python"
MODULE = "bench.peers.pathway_job"
THREADS = "2"
PREFETCH = 10_000
"""Events of a queue that wait for their acknowledgement."""
CORRECTED_EVERY, CORRECTED_AFTER = 20, 300
_DAY_MICROSECONDS = 86_400_000_000
Cell = tuple[int, str, str, str, str]


def environment() -> dict[str, str]:
    """Return the environment of a Pathway process: two threads, no licence key, nothing sent anywhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PATHWAY_")}
    return {**kept, "PATHWAY_THREADS": THREADS}


def missing() -> str:
    """Return why Pathway cannot run; an empty text if it can."""
    if not PYTHON.exists():
        return f"{PYTHON.parents[1].name} is not there: scripts/pathway.sh installs it"
    said = subprocess.run([PYTHON, "-c", "import pathway, pika, psycopg"], capture_output=True, text=True, check=False)
    return said.stderr.strip().rpartition("\n")[2]


def in_memory(stream: Stream) -> float:
    """Return events a second that the same graph folds without broker and database."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "events.jsonl"
        file.write_bytes(b"\n".join(encode_event(event) for event in stream.events))
        command = [str(PYTHON), "-W", "ignore", "-m", MODULE, str(file)]
        said = subprocess.run(command, cwd=CHECKOUT, env=environment(), capture_output=True, text=True, check=True)
    return float(said.stdout.splitlines()[-1])


def with_corrections(stream: Stream) -> list[HallEvent]:
    """Return the stream's events; each 20th decision is corrected to the day before, 300 events later."""
    made, due, decided = list[HallEvent](), dict[int, HallEvent](), 0
    for place, event in enumerate(stream.events):
        made.append(event)
        if isinstance(event.data, Decided):
            decided += 1
            if decided % CORRECTED_EVERY == 0:
                due[place + CORRECTED_AFTER] = event
        if (wrong := due.pop(place, None)) is not None:
            data = replace(wrong.data, corrects=wrong.id)
            made.append(replace(wrong, id=f"{wrong.id[:-4]}c0de", time=wrong.time - _DAY_MICROSECONDS, data=data))
    return made


def expected_days(events: Sequence[HallEvent]) -> Counter[Cell]:
    """Return the counts of each hall, department, day and kind, computed event by event without any framework."""
    distinct = {key_of(event): event for event in map(event_json, events)}
    named = {
        (*key[:2], data.get("corrects") or data["event_id"])
        for key, event in distinct.items()
        if (data := event.get("data") or {}).get("corrects") or event["type"] == "hall.case.retracted.v1"
    }
    counting = [(key, event) for key, event in distinct.items() if counted_as(event) and key not in named]
    departments = {
        (*key[:2], event["data"]["case_id"]): event["data"]["department"]
        for key, event in counting
        if counted_as(event) == "received"
    }
    return Counter(
        (
            *key[:2],
            departments.get((*key[:2], event["data"]["case_id"]), ""),
            str(day_of(event)),
            str(counted_as(event)),
        )
        for key, event in counting
    )


def check(connection: psycopg.Connection[Any], stream: Stream) -> None:
    """Raise WrongFigures if a cell or the number of stored events differs from the expected ones."""
    expected = expected_days(stream.events)
    found = Counter[Cell]()
    for region, hall, department, day, *counts in connection.execute(
        f"SELECT region, hall, department, day::text, {', '.join(COUNTED)} FROM peer_days".encode()
    ):
        found.update({(region, hall, department, day, name): n for name, n in zip(COUNTED, counts, strict=True) if n})
    wrong = [
        (cell, found[cell], expected[cell]) for cell in found.keys() | expected.keys() if found[cell] != expected[cell]
    ]
    if wrong:
        raise WrongFigures(
            f"Pathway: {len(wrong)} of {len(expected)} cells differ (cell, found, expected): {wrong[:3]}"
        )
    row = connection.execute("SELECT count(*) FROM peer_events").fetchone()
    if row is None or row[0] != stream.distinct:
        raise WrongFigures(f"Pathway stored {row} events of {stream.distinct}")
