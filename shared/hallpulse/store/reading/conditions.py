"""Which cases are behind a number: for each part of each case indicator, a condition and, for sums, what is added up.

The conditions restate `domain.measures` in SQL; a test holds the two against each other on random streams.
"""

from __future__ import annotations

from typing import NamedTuple


class Part(NamedTuple):
    """The cases of one part of an indicator.

    where: SQL over `cases`, with :start and :end of the window; amount: SQL of what is summed (1: cases are counted);
    tally: the tally count that is added, if any.
    """

    where: str
    amount: str = "1"
    tally: str | None = None


_ACCEPTED = "c.accepted BETWEEN :start AND :end"
_REJECTED = "c.rejected BETWEEN :start AND :end"
_DECIDED = "c.decided BETWEEN :start AND :end"
_TIMED = f"{_DECIDED} AND c.timed"
_SAVING = f"{_TIMED} AND c.statutory_days > 0"
_PROMISED = f"{_TIMED} AND c.promised_days IS NOT NULL"
_STATUTORY = f"{_TIMED} AND c.statutory_days IS NOT NULL"
_DUE = "c.due BETWEEN :start AND :end AND c.counts_as_due"
_RATED = "c.rated BETWEEN :start AND :end"

PARTS: dict[tuple[str, str], Part] = {
    ("unified_acceptance_rate", "numerator"): Part(f"{_ACCEPTED} AND c.unified", tally="unified_accepted"),
    ("unified_acceptance_rate", "denominator"): Part(_ACCEPTED, tally="accepted"),
    ("full_process_acceptance_rate", "numerator"): Part(
        f"{_ACCEPTED} AND c.full_process", tally="full_process_accepted"
    ),
    ("full_process_acceptance_rate", "denominator"): Part(_ACCEPTED, tally="accepted"),
    ("acceptance_rate", "numerator"): Part(_ACCEPTED, tally="accepted"),
    ("acceptance_rate", "denominator"): Part(f"({_ACCEPTED} OR {_REJECTED})", tally="accepted + t.rejected"),
    ("instant_case_share", "numerator"): Part(f"{_TIMED} AND c.elapsed = 0", tally="instant_decided"),
    ("instant_case_share", "denominator"): Part(_TIMED, tally="decided"),
    ("actual_compression", "numerator"): Part(_SAVING, amount="c.statutory_days - c.elapsed"),
    ("actual_compression", "denominator"): Part(_SAVING, amount="c.statutory_days"),
    ("promise_kept_rate", "numerator"): Part(f"{_PROMISED} AND c.promise_kept"),
    ("promise_kept_rate", "denominator"): Part(_PROMISED),
    ("due_kept_rate", "numerator"): Part(f"{_DUE} AND c.promise_kept"),
    ("due_kept_rate", "denominator"): Part(_DUE),
    ("statutory_kept_rate", "numerator"): Part(f"{_STATUTORY} AND c.statutory_kept"),
    ("statutory_kept_rate", "denominator"): Part(_STATUTORY),
    ("mean_elapsed_days", "numerator"): Part(_TIMED, amount="c.elapsed"),
    ("mean_elapsed_days", "denominator"): Part(_TIMED),
    ("rating_coverage", "numerator"): Part(f"{_DECIDED} AND c.rated IS NOT NULL"),
    ("rating_coverage", "denominator"): Part(_DECIDED),
    ("satisfaction", "numerator"): Part(f"{_RATED} AND c.score >= 3"),
    ("satisfaction", "denominator"): Part(_RATED),
}

_LATE = "c.late_from <= :today"
_SOON = f"c.soon_from <= :today AND NOT coalesce({_LATE}, false)"
_WAITING = "coalesce(c.unaccepted_from <= :today, false)"

STATE_CONDITIONS: dict[str, str] = {
    "overdue": f"c.open AND {_LATE}",
    "due_soon": f"c.open AND {_SOON}",
    "suspended": "c.open AND c.suspended",
    "unaccepted_late": f"c.open AND {_WAITING}",
    "on_time": f"c.open AND NOT c.suspended AND NOT {_WAITING} AND NOT coalesce(c.soon_from <= :today, false)"
    f" AND NOT coalesce({_LATE}, false)",
    "open": "c.open",
    "pending": "c.received IS NULL",
    "flagged": "c.flags <> 0",
}
"""State → the cases in it on :today: the five states of cases_open, and open, pending (not yet received), flagged."""

ITEM_PARTS: dict[tuple[str, str], tuple[str, str]] = {
    ("instant_item_share", "numerator"): ("s.instant", "1"),
    ("instant_item_share", "denominator"): ("true", "1"),
    ("settled_item_share", "numerator"): ("s.settled", "1"),
    ("settled_item_share", "denominator"): ("true", "1"),
    ("full_process_item_share", "numerator"): ("s.full_process", "1"),
    ("full_process_item_share", "denominator"): ("true", "1"),
    ("unified_item_share", "numerator"): ("s.unified", "1"),
    ("unified_item_share", "denominator"): ("true", "1"),
    ("tolerance_items", "numerator"): ("s.tolerates_missing", "1"),
    ("commitment_items", "numerator"): ("s.commitment", "1"),
    ("promised_limit_compression", "numerator"): (
        "s.statutory_days > 0",
        "s.statutory_days - coalesce(s.promised_days, CASE WHEN s.instant THEN 0 ELSE s.statutory_days END)",
    ),
    ("promised_limit_compression", "denominator"): ("s.statutory_days > 0", "s.statutory_days"),
}
"""The same for catalogue indicators: a condition over the effective item spans `s`, and what is added up."""
