"""What is added up: the integers that a case puts on each day, and their columns.

Aggregates are sums of these over cases, so any order, batch and number of workers gives the same.
"""

from __future__ import annotations

from bisect import bisect_left

from .clock import Case

ELAPSED_BUCKETS: tuple[int, ...] = (0, 1, 2, 3, 5, 7, 10, 15, 20, 30, 45, 60, 90)
"""Upper bounds, in working days, of the elapsed histogram; what is longer lies in one more bucket."""
DAYS_APART = 3
"""Up to so many days each bucket of the histogram holds one number of days alone."""


class Measure:
    """Columns of a daily cell, by position; plain numbers, since members of an enumeration are slow to look up."""

    RECEIVED = 0
    ACCEPTED = 1
    UNIFIED_ACCEPTED = 2
    FULL_PROCESS_ACCEPTED = 3
    REJECTED = 4
    DECIDED = 5
    DECIDED_RATED = 6
    TIMED = 7
    INSTANT_TIMED = 8
    ELAPSED_DAYS = 9
    SAVED_DAYS = 10
    SAVED_OF_DAYS = 11
    PROMISED_TIMED = 12
    PROMISE_KEPT = 13
    STATUTORY_TIMED = 14
    STATUTORY_KEPT = 15
    DUE = 16
    DUE_KEPT = 17
    RATED = 18
    SATISFIED = 19
    OPEN = 20
    OPEN_SUSPENDED = 21
    OPEN_SOON = 22
    OPEN_LATE = 23
    OPEN_UNACCEPTED = 24
    ELAPSED_BUCKET_0 = 25


COLUMNS: tuple[str, ...] = (
    tuple(name.lower() for name in vars(Measure) if name.isupper())[: Measure.ELAPSED_BUCKET_0]
    + tuple(f"elapsed_le_{bound}" for bound in ELAPSED_BUCKETS)
    + ("elapsed_over",)
)
WIDTH = len(COLUMNS)

Entry = tuple[int, int, int]
"""(day, column, amount)."""


def elapsed_column(elapsed: int) -> int:
    """The histogram column of an elapsed time; each case lies in one bucket only."""
    return Measure.ELAPSED_BUCKET_0 + bisect_left(ELAPSED_BUCKETS, elapsed)


def entries_of(case: Case) -> list[Entry]:
    """All that a case adds to its department's and hall's days; each indicator by its own day."""
    entries: list[Entry] = [(case.received, Measure.RECEIVED, 1)]
    if case.accepted is not None:
        _add_accepted(entries, case, case.accepted)
    elif case.rejected is not None:
        entries.append((case.rejected, Measure.REJECTED, 1))
    if case.decided is not None:
        _add_decided(entries, case, case.decided)
    if case.rated is not None:
        entries.append((case.rated, Measure.RATED, 1))
        if (case.score or 0) >= 3:
            entries.append((case.rated, Measure.SATISFIED, 1))
    if case.open:
        _add_open(entries, case)
    return entries


def counts_as_due(case: Case) -> bool:
    """Whether the case is in the denominator of due_kept_rate: open ones too, so that late ones do not vanish."""
    if case.accepted is None or case.due is None or case.suspended:
        return False
    return case.timed if case.decided is not None else case.withdrawn is None


def _add_accepted(entries: list[Entry], case: Case, day: int) -> None:
    entries.append((day, Measure.ACCEPTED, 1))
    if case.unified:
        entries.append((day, Measure.UNIFIED_ACCEPTED, 1))
    if case.full_process:
        entries.append((day, Measure.FULL_PROCESS_ACCEPTED, 1))
    if case.due is not None and counts_as_due(case):
        entries.append((case.due, Measure.DUE, 1))
        if case.promise_kept:
            entries.append((case.due, Measure.DUE_KEPT, 1))


def _add_decided(entries: list[Entry], case: Case, day: int) -> None:
    entries.append((day, Measure.DECIDED, 1))
    if case.rated is not None:
        entries.append((day, Measure.DECIDED_RATED, 1))
    if not case.timed or case.elapsed is None:
        return
    entries.append((day, Measure.TIMED, 1))
    entries.append((day, elapsed_column(case.elapsed), 1))
    if case.elapsed == 0:
        entries.append((day, Measure.INSTANT_TIMED, 1))
    else:
        entries.append((day, Measure.ELAPSED_DAYS, case.elapsed))
    if case.statutory_days is not None:
        _add_statutory(entries, case, day, case.statutory_days, case.elapsed)
    if case.promised_days is not None:
        entries.append((day, Measure.PROMISED_TIMED, 1))
        if case.promise_kept:
            entries.append((day, Measure.PROMISE_KEPT, 1))


def _add_statutory(entries: list[Entry], case: Case, day: int, statutory: int, elapsed: int) -> None:
    entries.append((day, Measure.STATUTORY_TIMED, 1))
    if case.statutory_kept:
        entries.append((day, Measure.STATUTORY_KEPT, 1))
    if statutory > 0:
        entries.append((day, Measure.SAVED_DAYS, statutory - elapsed))
        entries.append((day, Measure.SAVED_OF_DAYS, statutory))


def _add_open(entries: list[Entry], case: Case) -> None:
    entries.append((case.received, Measure.OPEN, 1))
    if case.suspended:
        entries.append((case.received, Measure.OPEN_SUSPENDED, 1))
    if case.soon_from is not None:
        entries.append((case.soon_from, Measure.OPEN_SOON, 1))
    if case.late_from is not None:
        entries.append((case.late_from, Measure.OPEN_LATE, 1))
    if case.unaccepted_from is not None:
        entries.append((case.unaccepted_from, Measure.OPEN_UNACCEPTED, 1))
