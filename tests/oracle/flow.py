"""The month balances: carried + received = refused + decided + withdrawn + open, case by case."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date

from tests.oracle.folding import Case, kept

PARTS = (
    "carried", "received", "refused", "decided_early", "decided_on_time", "decided_late", "decided_without_limit",
    "withdrawn", "open",
)  # fmt: skip


def flow(cases: Iterable[Case], first: date, last: date, item: str | None = None) -> dict[str, int]:
    """Every case that was received by the last day, by what became of it from the first day on."""
    counted: Counter[str] = Counter()
    for case in cases:
        if case["pending"] or case["received"] > last or item not in (None, case["item_code"]):
            continue
        left, how = leaving(case)
        if left is not None and left < first:
            continue
        counted["carried" if case["received"] < first else "received"] += 1
        counted["open" if left is None or left > last else how] += 1
    return {part: counted[part] for part in PARTS}


def leaving(case: Case) -> tuple[date | None, str]:
    """When it left, not before it came, and how; None while it is open."""
    for day, how in (
        (case["decided"], decided_how(case)), (case["rejected"], "refused"), (case["withdrawn"], "withdrawn"),
    ):  # fmt: skip
        if day is not None:
            return max(day, case["received"]), how
    return None, ""


def decided_how(case: Case) -> str:
    limit, due = case["promised_days"], case["due"]
    if limit is None:
        limit, due = case["statutory_days"], case["due_statutory"]
    if not case["timed"] or limit is None:
        return "decided_without_limit"
    if not kept(case, limit):
        return "decided_late"
    return "decided_early" if case["decided"] < due else "decided_on_time"
