"""The domain page read once more, by brute force: what the suite's figures are compared with in tests.

Independent on purpose: no code of the suite, plain dicts from JSON, days one by one. Clarity above speed.
`read` folds a set of events once; every function takes either the events or what `read` made of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from tests.oracle import catalogue, declared, tallies
from tests.oracle.compare import compare
from tests.oracle.eventset import Event, standing
from tests.oracle.folding import Case, counts, elapsed, fold_all, kept
from tests.oracle.workdays import Working, days_after, wd, working

__all__ = ["Reading", "cases", "clock", "compare", "indicators", "open_states", "percentiles", "read", "wd", "working"]

Figures = dict[str, tuple[int, int]]
OPEN_STATES = ("on_time", "due_soon", "overdue", "suspended", "unaccepted_late")


@dataclass(frozen=True)
class Reading:
    """A set of events, folded."""

    cases: list[Case]
    versions: catalogue.Versions
    tallies: list[tallies.Tally]
    declared: declared.Declared
    is_working: Working


def read(events: Iterable[Event] | Reading, holidays: Working = working) -> Reading:
    if isinstance(events, Reading):
        return events
    everything = list(events)
    those_that_count = standing(everything)
    versions = catalogue.versions(those_that_count)
    folded = fold_all(everything, those_that_count, versions, holidays)
    return Reading(
        folded, versions, tallies.tallies(those_that_count, folded), declared.declared(those_that_count), holidays
    )


def cases(events: Iterable[Event] | Reading, holidays: Working = working) -> list[Case]:
    """Every case, those pending without `received` too; see folding.fold for the keys."""
    return read(events, holidays).cases


def indicators(
    events: Iterable[Event] | Reading, region: str, frm: date, to: date,
    *, department: str | None = None, hall: str | None = None, holidays: Working = working,
) -> Figures:  # fmt: skip
    """Numerator and denominator of every indicator of a county, prefecture (XXXX00) or province (XX0000).

    Counts have the denominator 1. Of a hall there are no catalogue and no declared figures; a declared figure with
    nothing reported in the window is left out.
    """
    reading = read(events, holidays)
    found = case_figures(scoped(reading.cases, region, department, hall), frm, to)
    if department is None:
        counted = [t for t in scoped(reading.tallies, region, None, hall) if frm <= t["day"] <= to and not t["clashes"]]
        for name, (numerator, denominator) in tallies.figures(counted).items():
            found[name] = (found[name][0] + numerator, found[name][1] + denominator)
    if hall is None:
        found |= catalogue.figures(effective_items(reading.versions, region, to, department))
        counties = {county for county, _ in reading.declared if below(county, region)}
        found |= declared.figures(reading.declared, counties, frm, to, department)
    return found


def below(county: str, region: str) -> bool:
    if region.endswith("0000"):
        return county[:2] == region[:2]
    return county[:4] == region[:4] if region.endswith("00") else county == region


def scoped(rows: Iterable[dict[str, Any]], region: str, department: str | None, hall: str | None) -> list[Any]:
    return [
        row for row in rows
        if below(row["region"], region)
        and department in (None, row.get("department"))
        and hall in (None, row["hall"])
    ]  # fmt: skip


def effective_items(
    versions: catalogue.Versions, region: str, day: date, department: str | None
) -> list[catalogue.Item]:
    found = [catalogue.effective(records, day) for (county, _), records in versions.items() if below(county, region)]
    return [item for item in found if item and department in (None, item["department"])]


def case_figures(all_cases: Sequence[Case], frm: date, to: date) -> Figures:
    known = [case for case in all_cases if not case["pending"]]

    def during(event: str, among: list[Case] = known) -> list[Case]:
        return [case for case in among if case[event] and frm <= case[event] <= to]

    accepted, rejected, decided, rated = map(during, ("accepted", "rejected", "decided", "rated"))
    by_persons = [case for case in rated if not case["by_default"]]
    bad = [case for case in by_persons if case["score"] <= 2 and case["verified"]]
    timed = [case for case in decided if case["timed"]]
    shares = {
        "unified_acceptance_rate": share(accepted, lambda case: case["unified"]),
        "full_process_acceptance_rate": share(accepted, lambda case: case["full_process"]),
        "acceptance_rate": (len(accepted), len(accepted) + len(rejected)),
        "rating_coverage": share(decided, lambda case: case["score"] is not None),
        "satisfaction": share(by_persons, lambda case: case["score"] >= 3),
        "bad_rating_rectified": share(bad, lambda case: case["rectified"]),
        "due_kept_rate": share(during("due", in_due_rate(known)), lambda case: kept(case, case["promised_days"])),
    }
    return shares | timed_figures(timed)


def share(among: list[Case], holds: Any) -> tuple[int, int]:
    return sum(bool(holds(case)) for case in among), len(among)


def in_due_rate(known: list[Case]) -> list[Case]:
    """Those whose due day may count: not withdrawn undecided, and not decided without being timed."""
    return [case for case in known if (case["timed"] if case["decided"] else not case["withdrawn"])]


def timed_figures(timed: list[Case]) -> Figures:
    """What is computed from elapsed days."""
    promised = [case for case in timed if case["promised_days"] is not None]
    statutory = [case for case in timed if case["statutory_days"] is not None]
    with_days = [case for case in statutory if case["statutory_days"] > 0]
    return {
        "instant_case_share": share(timed, lambda case: case["elapsed"] == 0),
        "mean_elapsed_days": (sum(case["elapsed"] for case in timed), len(timed)),
        "promise_kept_rate": share(promised, lambda case: kept(case, case["promised_days"])),
        "statutory_kept_rate": share(statutory, lambda case: kept(case, case["statutory_days"])),
        "actual_compression": (
            sum(case["statutory_days"] - case["elapsed"] for case in with_days),
            sum(case["statutory_days"] for case in with_days),
        ),
    }


def percentiles(
    events: Iterable[Event] | Reading, region: str, frm: date, to: date,
    *, department: str | None = None, hall: str | None = None, holidays: Working = working,
) -> dict[str, int | None]:  # fmt: skip
    """Nearest-rank p50, p90 and p95 of the elapsed days of timed cases decided in the window."""
    among = scoped(read(events, holidays).cases, region, department, hall)
    days = sorted(case["elapsed"] for case in among if case.get("timed") and frm <= case["decided"] <= to)
    ranks = {percent: -(-percent * len(days) // 100) for percent in (50, 90, 95)}
    return {f"p{percent}": days[rank - 1] if days else None for percent, rank in ranks.items()}


def open_states(
    events: Iterable[Event] | Reading, region: str, today: date,
    *, department: str | None = None, hall: str | None = None, holidays: Working = working,
) -> dict[str, int]:  # fmt: skip
    """cases_open: how many are in each state; `today` is not before the last event."""
    reading = read(events, holidays)
    states = [open_state(case, today, reading.is_working) for case in scoped(reading.cases, region, department, hall)]
    return {state: states.count(state) for state in OPEN_STATES}


def open_state(case: Case, today: date, is_working: Working) -> str | None:
    if case["pending"] or case["decided"] or case["withdrawn"] or case["rejected"]:
        return None
    if not case["accepted"]:
        return unaccepted_state(case, today, is_working)
    if case["still_suspended"]:
        return "suspended"
    limit = case["statutory_days"] if case["promised_days"] is None else case["promised_days"]
    if limit is None:
        return "on_time"
    left = limit + case["extended_days"] - elapsed(case, today, is_working)
    if left < 0:
        return "overdue"
    return "due_soon" if left <= 1 else "on_time"


def unaccepted_state(case: Case, today: date, is_working: Working) -> str:
    """Late when more than five working days went by without acceptance, refusal or request for supplements."""
    asked = case["supplement_requested"]
    answered = asked is not None and wd(case["received"], asked, case["region"], is_working) <= 5
    late = wd(case["received"], today, case["region"], is_working) > 5
    return "unaccepted_late" if late and not answered else "on_time"


def clock(case: Case, upto: date, is_working: Working = working) -> list[tuple[date, bool]]:
    """Each day after the accepted one, and whether it counts."""
    return [(day, counts(case, day, is_working)) for day in days_after(case["accepted"], upto)]
