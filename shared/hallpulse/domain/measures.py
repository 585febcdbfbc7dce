"""Measures, each declared once: the columns of the daily cells and of the catalogue's sums, and the open states.

A measure says on which day a case counts, under which conditions, what it adds, and which count of a tally is added to
it. The entries of cases, the store's SQL for lists and cells, and the table in docs/indicators.md follow from it. All
aggregates are sums over cases, so any order, batching and number of workers give the same result.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from . import expression
from .catalogue import ItemVersion
from .clock import Case
from .expression import ALWAYS, Statement, compiled, conjuncts
from .figures import ELAPSED_BUCKETS

_DAYS = {
    "received": "received day",
    "accepted": "accepted day",
    "rejected": "refused day",
    "decided": "decided day",
    "due": "due day",
    "rated": "rated day",
}


@dataclass(frozen=True, slots=True)
class Measure:
    """A column of the daily cells.

    words: its name in docs/indicators.md; day: the field with the day on which the case counts; where, amount:
    expressions over the fields of a case; tally: the count of a tally that is added in indicators that take tallies.
    """

    name: str
    words: str
    day: str
    where: str = ALWAYS
    amount: str = "1"
    tally: str | None = None

    @property
    def counted_on(self) -> str:
        return _DAYS.get(self.day, self.day)


_TIMED = "timed"
_PROMISED = f"{_TIMED} and promised_days is not None"
_STATUTORY = f"{_TIMED} and statutory_days is not None"
_SAVING = f"{_STATUTORY} and statutory_days > 0"
_OPEN = "open"
_BY_A_PERSON = "not rated_by_default"
_BAD = f"{_BY_A_PERSON} and score is not None and score <= 2 and rating_verified"

_FIRST = (
    Measure("received", "received", "received"),
    Measure("accepted", "accepted", "accepted", tally="accepted"),
    Measure("unified_accepted", "with the flag", "accepted", "unified", tally="unified_accepted"),
    Measure("full_process_accepted", "with the flag", "accepted", "full_process", tally="full_process_accepted"),
    Measure("rejected", "refused", "rejected", tally="rejected"),
    Measure("decided", "decided", "decided"),
    Measure("decided_rated", "decided and rated", "decided", "rated is not None"),
    Measure("timed", "timed", "decided", _TIMED, tally="decided"),
    Measure("instant_timed", "elapsed = 0", "decided", f"{_TIMED} and elapsed == 0", tally="instant_decided"),
    Measure("elapsed_days", "Σ elapsed", "decided", _TIMED, "elapsed"),
    Measure("saved_days", "Σ(statutory − elapsed)", "decided", _SAVING, "statutory_days - elapsed"),
    Measure("saved_of_days", "Σ statutory, timed cases with statutory > 0", "decided", _SAVING, "statutory_days"),
    Measure("promised_timed", "timed with a promised limit", "decided", _PROMISED),
    Measure("promise_kept", "promised limit kept", "decided", f"{_PROMISED} and promise_kept"),
    Measure("statutory_timed", "timed with a statutory limit", "decided", _STATUTORY),
    Measure("statutory_kept", "statutory limit kept", "decided", f"{_STATUTORY} and statutory_kept"),
    Measure("due", "accepted cases with a due day in the window", "due", "counts_as_due"),
    Measure("due_kept", "decided within the promised limit", "due", "counts_as_due and promise_kept"),
    Measure("rated", "rated by a person (decided or not)", "rated", _BY_A_PERSON),
    Measure("satisfied", "score ≥ 3", "rated", f"{_BY_A_PERSON} and score is not None and score >= 3"),
    Measure("open", "open", "received", _OPEN),
    Measure("open_suspended", "suspended", "received", f"{_OPEN} and suspended"),
    Measure("open_soon", "due soon or overdue", "soon_from", _OPEN),
    Measure("open_late", "overdue", "late_from", _OPEN),
    Measure("open_unaccepted", "acceptance is late", "unaccepted_from", _OPEN),
)
_SINCE = (
    Measure("bad_verified", "bad ratings (score ≤ 2) that were verified", "rated", _BAD),
    Measure("bad_rectified", "of them, rectified", "rated", f"{_BAD} and rating_rectified"),
)
"""Measures that were added later. Stored entries name columns by number: append new ones, with a migration."""

BUCKETS: tuple[str, ...] = (*(f"elapsed_le_{bound}" for bound in ELAPSED_BUCKETS), "elapsed_over")
"""The columns of the histogram of elapsed days, over timed cases by day of decision; each case is in one bucket."""
MEASURES: Mapping[str, Measure] = {measure.name: measure for measure in (*_FIRST, *_SINCE)}
TALLY_COUNTS: tuple[str, ...] = tuple(m.tally for m in MEASURES.values() if m.tally is not None)
"""The counts of a tally, in the order of the measures that they are added to."""
COLUMNS: tuple[str, ...] = (*(m.name for m in _FIRST), *BUCKETS, *(m.name for m in _SINCE))
WIDTH = len(COLUMNS)

Entry = tuple[int, int, int]
"""(day, column, amount)."""


def _adding(measure: Measure) -> Statement:
    conditions = tuple(expression.of("case", part) for part in conjuncts(measure.where))
    on_its_day = (f"(day := case.{measure.day}) is not None", *conditions)
    number = COLUMNS.index(measure.name)
    if measure.amount == "1":
        return Statement(on_its_day, f"add((day, {number}, 1))")
    return Statement(
        (*on_its_day, f"(amount := {expression.of('case', measure.amount)})"), f"add((day, {number}, amount))"
    )


def _entries_compiled() -> Callable[[Case], list[Entry]]:
    bucket = f"add((day, {COLUMNS.index(BUCKETS[0])} + bucket_of(bounds, case.elapsed), 1))"
    spread = Statement(("(day := case.decided) is not None", f"case.{_TIMED}"), bucket)
    steps = [Statement((), "add = (entries := []).append"), *map(_adding, MEASURES.values()), spread]
    known = {"bucket_of": bisect_left, "bounds": ELAPSED_BUCKETS}
    return cast(Callable[[Case], list[Entry]], compiled("entries", "case", steps, result="entries", known=known))


entries_of = _entries_compiled()
"""Return what a case adds to its department's and its hall's daily cells, without amounts of 0."""


@dataclass(frozen=True, slots=True)
class ItemMeasure:
    """A column of the catalogue's sums over the items effective on a day. where, amount: expressions over a version."""

    name: str
    words: str
    where: str = ALWAYS
    amount: str = "1"


_LIMITED = "statutory_days is not None and statutory_days > 0"
_PROMISE = "promised_days if promised_days is not None else 0 if instant else statutory_days"
"""The promised limit that is compared with the statutory one: a promised item without a limit shortens nothing."""

ITEM_MEASURES: Mapping[str, ItemMeasure] = {
    measure.name: measure
    for measure in (
        ItemMeasure("items", "effective items"),
        ItemMeasure("instant", "instant items", "instant"),
        ItemMeasure("settled", "items with the flag", "settled"),
        ItemMeasure("full_process", "items with the flag", "full_process"),
        ItemMeasure("unified", "items with the flag", "unified"),
        ItemMeasure("tolerance", "items with the flag", "tolerates_missing"),
        ItemMeasure("commitment", "items with the flag", "commitment"),
        ItemMeasure("shortened_days", "Σ(statutory − promised)", _LIMITED, f"statutory_days - ({_PROMISE})"),
        ItemMeasure("statutory_days", "Σ statutory, items with statutory > 0", _LIMITED, "statutory_days"),
        ItemMeasure("settled_known", "items whose flag is known", "settled is not None"),
        ItemMeasure("full_process_known", "items whose flag is known", "full_process is not None"),
        ItemMeasure("unified_known", "items whose flag is known", "unified is not None"),
        ItemMeasure("tolerance_known", "items whose flag is known", "tolerates_missing is not None"),
        ItemMeasure("commitment_known", "items whose flag is known", "commitment is not None"),
        ItemMeasure("limit_known", "items whose statutory limit is known", "statutory_days is not None"),
    )
}
ITEM_COLUMNS: tuple[str, ...] = tuple(ITEM_MEASURES)


def _amounts_compiled() -> Callable[[ItemVersion], list[int]]:
    listed = ", ".join(
        f"({expression.of('version', measure.amount)}) if {expression.of('version', measure.where)} else 0"
        for measure in ITEM_MEASURES.values()
    )
    return cast(Callable[[ItemVersion], list[int]], compiled("amounts", "version", result=f"[{listed}]"))


item_amounts = _amounts_compiled()
"""Return the amounts that an effective item adds to the catalogue's sums, in the order of ITEM_COLUMNS."""


@dataclass(frozen=True, slots=True)
class OpenState:
    """A state of open cases on a day.

    where: condition over the fields of a case and `today`; added, taken: the number of its cases is the sum of the
    measures `added` less the sum of those `taken`; a measure with a day counts only the cases whose day has come.
    """

    name: str
    where: str
    added: tuple[str, ...]
    taken: tuple[str, ...] = ()


_LATE = "late_from is not None and late_from <= today"
_SOON = "soon_from is not None and soon_from <= today"
_WAITING = "unaccepted_from is not None and unaccepted_from <= today"

OPEN_STATES: Mapping[str, OpenState] = {
    state.name: state
    for state in (
        OpenState(
            "on_time",
            f"{_OPEN} and not suspended and not ({_WAITING}) and not ({_SOON}) and not ({_LATE})",
            ("open",),
            ("open_suspended", "open_soon", "open_unaccepted"),
        ),
        OpenState("due_soon", f"{_OPEN} and {_SOON} and not ({_LATE})", ("open_soon",), ("open_late",)),
        OpenState("overdue", f"{_OPEN} and {_LATE}", ("open_late",)),
        OpenState("suspended", f"{_OPEN} and suspended", ("open_suspended",)),
        OpenState("unaccepted_late", f"{_OPEN} and {_WAITING}", ("open_unaccepted",)),
    )
}
"""An open case is in exactly one state. `overdue` is taken off `due_soon`, whose day comes before it."""
STATES: tuple[str, ...] = tuple(OPEN_STATES)


def _state_compiled() -> Callable[[Case, int], str | None]:
    given = ("today",)
    steps = [
        Statement(
            tuple(expression.of("case", part, given) for part in conjuncts(state.where)), f"return {state.name!r}"
        )
        for state in OPEN_STATES.values()
    ]
    return cast(Callable[[Case, int], str | None], compiled("state", "case, today", steps))


open_state = _state_compiled()
"""Return the state of a case on a day (days since 1970-01-01); None for a case that is closed."""
