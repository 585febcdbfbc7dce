"""Items: which version of an item holds in a region on a day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from tests.oracle.eventset import Event, action, family, order, region_of

Item = dict[str, Any]
Versions = dict[tuple[str, str], list[Event]]


def versions(standing: Iterable[Event]) -> Versions:
    """(region, item_code) -> what was published and retired of it, by any hall of the region."""
    found: Versions = {}
    for event in standing:
        if family(event) == "item":
            found.setdefault((region_of(event), event["data"]["item_code"]), []).append(event)
    return found


def effective(records: Iterable[Event], day: date) -> Item | None:
    """The greatest effective_from not after the day; of two the later (time, id, source). None: retired, or not yet."""
    begun = [record for record in records if date.fromisoformat(record["data"]["effective_from"]) <= day]
    if not begun:
        return None
    record = max(begun, key=lambda event: (event["data"]["effective_from"], order(event)))
    return record["data"] if action(record) == "published" else None


def promised_limit(item: Item) -> int | None:
    """An instant item is promised for the same day, whether or not its version says 0."""
    promised: int | None = item.get("promised_days")
    return 0 if promised is None and item["handling"] == "instant" else promised


def figures(items: list[Item]) -> dict[str, tuple[int, int]]:
    """The catalogue indicators over the effective items of a scope."""

    def count(field: str) -> int:
        return sum(bool(item.get(field)) for item in items)

    def known(field: str) -> int:
        return sum(item.get(field) is not None for item in items)

    def counted(field: str) -> tuple[int, int]:
        """A count has no value where none of the items says it."""
        return count(field), 1 if known(field) or not items else 0

    statutory = [item for item in items if (item.get("statutory_days") or 0) > 0]
    return {
        "instant_item_share": (sum(item["handling"] == "instant" for item in items), len(items)),
        "settled_item_share": (count("settled"), known("settled")),
        "full_process_item_share": (count("full_process"), known("full_process")),
        "unified_item_share": (count("unified"), known("unified")),
        "promised_limit_compression": (
            sum(_days_promised_away(item) for item in statutory),
            sum(item["statutory_days"] for item in statutory),
        ),
        "tolerance_items": counted("tolerates_missing"),
        "commitment_items": counted("commitment"),
    }


def _days_promised_away(item: Item) -> int:
    promised = promised_limit(item)
    return 0 if promised is None else int(item["statutory_days"]) - promised
