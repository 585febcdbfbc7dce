"""The fault suite in its short form; and that its checker sees what it is there to see."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from hallpulse.store import Store
from tests.chaos.checker import Verdict, check
from tests.chaos.history import CARELESS, Event, History, history
from tests.merging import decoded, merge_all
from tests.oracle import brute

ROOT = Path(__file__).parents[2]
TODAY = date(2026, 11, 24)


def test_faults_of_every_sort_lose_and_double_nothing() -> None:
    command = [sys.executable, "-m", "tests.chaos", "--short", "--seed", "7"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]


ACCEPTED = "hall.case.accepted.v1"


@pytest.fixture(scope="module")
def made() -> History:
    return history(11, 400, ("222424",), TODAY)


def verdict(
    made: History, store: Store, store_url: str, *, valid: list[Event] | None = None, **changed: str | None
) -> Verdict:
    """After these valid events were stored (all of them) and what is refused was refused, but for what is changed."""
    merge_all(store, decoded(made.valid if valid is None else valid), 100)
    reasons = {**made.refused, **changed}
    return check(made, store_url, [(why, f'{{"id":"{mark}"}}'.encode()) for mark, why in reasons.items() if why], [])


def test_a_history_that_is_stored_and_refused_as_it_should_be_holds(
    made: History, store: Store, store_url: str
) -> None:
    found = verdict(made, store, store_url)
    assert found.holds, found.faults
    assert found.stored == found.distinct > 350
    assert found.refused == len(made.refused)


def test_an_event_that_is_lost_is_found_and_its_figures_with_it(made: History, store: Store, store_url: str) -> None:
    def figures_without(id_: str) -> dict[str, Any]:
        events = [event for event in made.valid if event["id"] != id_]
        return brute.indicators(events, "222424", date(TODAY.year, 1, 1), TODAY)

    every, accepted = figures_without(""), (event for event in made.valid if event["type"] == ACCEPTED)
    lost = next(event for event in accepted if figures_without(event["id"]) != every)  # some say what others say too
    found = verdict(made, store, store_url, valid=[event for event in made.valid if event["id"] != lost["id"]])
    assert f"{lost['source']} {lost['id']}" in found.lost
    assert found.wrong_figures
    assert not found.holds


def test_an_event_that_nobody_sent_is_found(made: History, store: Store, store_url: str) -> None:
    stranger: dict[str, Any] = made.valid[0] | {"id": "nobody"}
    assert verdict(made, store, store_url, valid=[*made.valid, stranger]).strangers


def test_what_is_not_refused_or_wrongly_refused_is_found(made: History, store: Store, store_url: str) -> None:
    missing, other = list(made.refused)[:2]
    good = next(event["id"] for event in made.valid if event["source"] == f"/{'/'.join(CARELESS)}"
                and event["id"] not in made.refused)  # fmt: skip
    found = verdict(made, store, store_url, **{missing: None, other: "too-large", good: "bad-field"})
    assert found.not_refused == [f"{missing}: {made.refused[missing]}"]
    assert len(found.wrongly_refused) == 2
