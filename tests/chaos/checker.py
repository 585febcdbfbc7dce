"""What must be true of a history, whatever struck: nothing lost, nothing double, every figure the brute-force one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from hallpulse.domain.figures import Scope, Window
from hallpulse.store import Store, open_store
from tests.asked import ASKED
from tests.chaos.history import CARELESS, Event, History, marks_of
from tests.moments import ask
from tests.oracle import brute

_MOST_SHOWN = 5


@dataclass
class Verdict:
    """Numbers of events and figures, and of each what is wrong, in words."""

    sent: int = 0
    distinct: int = 0
    stored: int = 0
    figures: int = 0
    refused: int = 0
    refused_again: int = 0
    lost: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    not_refused: list[str] = field(default_factory=list)
    wrongly_refused: list[str] = field(default_factory=list)
    wrong_figures: list[str] = field(default_factory=list)
    recomputed: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)

    @property
    def faults(self) -> dict[str, list[str]]:
        """What must be empty."""
        return {
            "events lost": self.lost,
            "events stored that nobody sent, or more than once": self.strangers,
            "events that should be refused and are not": self.not_refused,
            "events refused that should not be, or for another reason": self.wrongly_refused,
            "figures that differ from the brute force": self.wrong_figures,
            "differences found by recompute --check": self.recomputed,
            "services that ended by themselves": self.ended,
        }

    @property
    def holds(self) -> bool:
        return not any(self.faults.values())


def check(history: History, database_url: str, refused: Sequence[tuple[str, bytes]], ended: Sequence[str]) -> Verdict:
    """Once all is settled. refused: reason and body of each message on the refused queue."""
    verdict = Verdict(
        sent=sum(map(len, history.good.values())) + sum(max(1, len(m.refused)) for m in history.rough),
        distinct=len({(event["source"], event["id"]) for event in history.valid}),
        ended=list(ended),
    )
    store = open_store(database_url, pool_size=1, plans=[ASKED])
    try:
        _check_stored(history, store, verdict)
        _check_refused(history, refused, verdict)
        _check_figures(history, store, verdict)
        verdict.recomputed = [str(difference) for difference in store.recompute(check=True)]
    finally:
        store.close()
    return verdict


def _check_stored(history: History, store: Store, verdict: Verdict) -> None:
    """An event is its source and id: the store's own count of a hall must be that of the ids that it knows."""
    ids: dict[tuple[int, str], set[str]] = {}
    for event in history.valid:
        _, region, hall = event["source"].split("/")
        ids.setdefault((int(region), hall), set()).add(event["id"])
    counts = {
        (region, hall): n for region in {r for r, _ in ids} for hall, n in ask(store).event_counts(region).items()
    }
    verdict.stored = sum(counts.values())
    for (region, hall), wanted in sorted(ids.items()):
        found = ask(store).stored_ids(region, hall, sorted(wanted))
        verdict.lost += [f"/{region}/{hall} {one}" for one in sorted(wanted - found)]
        more = counts.pop((region, hall), 0) - len(found)
        if more:
            verdict.strangers.append(f"/{region}/{hall}: {more} more than its {len(found)} different events")
    verdict.strangers += [f"/{region}/{hall}: {count}" for (region, hall), count in counts.items()]


def _check_refused(history: History, refused: Sequence[tuple[str, bytes]], verdict: Verdict) -> None:
    """A refused event may lie on the queue more than once: it is delivered at least once, and so is its copy."""
    wanted = history.refused
    reasons: dict[str, Counter[str]] = {}
    for reason, body in refused:
        reasons.setdefault(marks_of(body) or repr(body[:80]), Counter())[reason] += 1
    verdict.refused = len(reasons)
    verdict.refused_again = sum(sum(found.values()) - 1 for found in reasons.values())
    verdict.not_refused = [f"{mark}: {wanted[mark]}" for mark in sorted(wanted.keys() - reasons.keys())]
    verdict.wrongly_refused = [
        f"{mark}: {', '.join(found)} instead of {wanted.get(mark, 'none')}"
        for mark, found in sorted(reasons.items())
        if set(found) != {wanted.get(mark)}
    ]
    region, hall = CARELESS
    good = {event["id"] for event in history.valid if event["source"] == f"/{region}/{hall}"}
    verdict.wrongly_refused += [f"{mark}: refused and valid" for mark in sorted(good & _refused_at_once(wanted))]


def _refused_at_once(wanted: dict[str, str]) -> set[str]:
    """All but those whose id a valid event has used before."""
    return {mark for mark, reason in wanted.items() if reason != "id-reused"}


def _check_figures(history: History, store: Store, verdict: Verdict) -> None:
    reading = brute.read(history.valid)
    for region, department, hall in scopes(history.valid):
        scope = Scope(int(region), department, hall)
        for window in windows(history.year):
            expected = brute.indicators(reading, region, window.start, window.end, department=department, hall=hall)
            verdict.figures += len(expected)
            differences = brute.compare(expected, ask(store).figures(scope, window))
            verdict.wrong_figures += [f"{scope} {window.start} to {window.end}: {one}" for one in differences]


def scopes(events: Sequence[Event]) -> Iterator[tuple[str, str | None, str | None]]:
    """The prefecture, each county, and of each its departments and halls."""
    regions = sorted({event["source"].split("/")[1] for event in events})
    departments = sorted({name for event in events if (name := _data(event).get("department"))})
    halls = sorted({event["source"].split("/")[2] for event in events})
    for region in [f"{regions[0][:4]}00", *regions]:
        yield region, None, None
        yield from ((region, department, None) for department in departments)
        yield from ((region, None, hall) for hall in halls)


def windows(year: int) -> list[Window]:
    return [
        Window(date(year, 1, 1), date(year, 12, 31)),
        Window(date(year, 3, 1), date(year, 8, 31)),
        Window(date(year, 2, 11), date(year, 9, 20)),
        Window(date(year, 6, 15), date(year, 6, 15)),
        Window(date(year - 1, 1, 1), date(year + 1, 12, 31)),
    ]


def _data(event: Event) -> dict[str, Any]:
    return event.get("data") or {}


def shown(lines: Sequence[str]) -> str:
    rest = f", … {len(lines) - _MOST_SHOWN} more" if len(lines) > _MOST_SHOWN else ""
    return "; ".join(lines[:_MOST_SHOWN]) + rest
