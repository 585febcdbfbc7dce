"""Narrowing and ordering of a list: by a text, by cards, and by a column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, NamedTuple

CardName = Literal["yellow", "red"]


@dataclass(frozen=True, slots=True)
class LateRule:
    """The rule by which cases of some counties have a card on a day.

    Cases have it that are late by at least `days` and fewer than `below` working days (None: any number). due_from,
    due_to: the due days of open cases that are late by so much; due_to is None if there is no such day.
    """

    regions: tuple[int, ...]
    days: int
    below: int | None
    due_from: date
    due_to: date | None


@dataclass(frozen=True, slots=True)
class CaseSearch:
    """The conditions that narrow a list.

    text: part of a case's number, or of an item's code or name; departments, halls: those whose names hold the text, so
    that their cases are found too; cards: rules of which one must apply.
    """

    text: str | None = None
    departments: tuple[str, ...] = ()
    halls: tuple[tuple[int, str], ...] = ()
    cards: tuple[LateRule, ...] | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """A column of the list to sort by; rows without a value come last."""

    column: str
    descending: bool = False


class SortKey(NamedTuple):
    """A column in SQL and the type of its values.

    last, first: values that stand for none, one after and one before all others.
    """

    sql: str
    kind: type[str] | type[int] | type[date]
    last: str
    first: str

    def expression(self, *, descending: bool) -> str:
        return f"coalesce({self.sql}, {self.first if descending else self.last})"


def _text(sql: str) -> SortKey:
    return SortKey(f'{sql} COLLATE "C"', str, "chr(1114111)", "''")


def _number(sql: str) -> SortKey:
    return SortKey(f"({sql})::bigint", int, str(2**62), str(-(2**62)))


def _date(sql: str) -> SortKey:
    return SortKey(sql, date, "DATE '9999-12-31'", "DATE '0001-01-01'")


CASE_ORDERS: Mapping[str, SortKey] = {
    **{name: _text(f"c.{name}") for name in ("case_id", "item_code", "department", "hall", "channel")},
    **{name: _date(f"c.{name}") for name in ("received", "accepted", "due", "decided", "rated")},
    **{name: _number(f"c.{name}") for name in ("promised_days", "statutory_days", "elapsed", "score")},
}
ITEM_ORDERS: Mapping[str, SortKey] = {
    **{name: _text(f"s.{name}") for name in ("item_code", "name", "department")},
    **{name: _number(f"s.{name}") for name in ("promised_days", "statutory_days")},
}


def sought_cases(sought: CaseSearch) -> tuple[str, dict[str, Any]]:
    """Return the condition over `cases c`, SQL that begins with AND, and its parameters."""
    where, values = "", dict[str, Any]()
    if sought.text is not None:
        named = "EXISTS (SELECT FROM item_spans n WHERE n.region = c.region AND n.item_code = c.item_code AND n.name"
        halls = ", ".join(f"(:hr{place}, :hn{place})" for place in range(len(sought.halls)))
        parts = [
            *("c.case_id ILIKE :sought", "c.item_code ILIKE :sought", f"{named} ILIKE :sought)"),
            "c.department = ANY(:sought_departments)",
            *([f"(c.region, c.hall) IN ({halls})"] if sought.halls else []),
        ]
        where += f" AND ({' OR '.join(parts)})"
        values |= {"sought": _like(sought.text), "sought_departments": list(sought.departments)}
        for place, (region, hall) in enumerate(sought.halls):
            values |= {f"hr{place}": region, f"hn{place}": hall}
    if sought.cards is not None:
        where += f" AND ({' OR '.join(_late(rule, values) for rule in sought.cards) or 'false'})"
    return where, values


def sought_items(sought: CaseSearch) -> tuple[str, dict[str, Any]]:
    """Return the condition over `item_spans s`, and its parameters; no item has a card."""
    if sought.cards is not None:
        return " AND false", {}
    if sought.text is None:
        return "", {}
    where = " AND (s.item_code ILIKE :sought OR s.name ILIKE :sought OR s.department = ANY(:sought_departments))"
    return where, {"sought": _like(sought.text), "sought_departments": list(sought.departments)}


def _like(text: str) -> str:
    r"""Return the pattern of a text that may stand anywhere; \, % and _ in it stand for themselves."""
    plain = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{plain}%"


def _late(rule: LateRule, values: dict[str, Any]) -> str:
    """Return the condition of cases late by a rule: decided ones by their elapsed days, open ones by their due day."""
    number = sum(name.startswith("late_regions") for name in values)
    values |= {f"late_regions{number}": list(rule.regions)}
    late = "c.elapsed - c.promised_days - c.extended"
    decided = f"{late} >= {rule.days}" + (f" AND {late} < {rule.below}" if rule.below is not None else "")
    due = "false"
    if rule.due_to is not None:
        values |= {f"late_from{number}": rule.due_from, f"late_to{number}": rule.due_to}
        due = f"c.open AND NOT c.suspended AND c.due BETWEEN :late_from{number} AND :late_to{number}"
    is_decided = "c.decided IS NOT NULL AND c.elapsed IS NOT NULL"
    return f"(c.region = ANY(:late_regions{number}) AND CASE WHEN {is_decided} THEN {decided} ELSE {due} END)"
