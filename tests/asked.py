"""A plan that asks for what the oracle's streams declare, in periods of any length and any year."""

from __future__ import annotations

from datetime import date

from hallpulse.domain.figures import Window
from hallpulse.domain.plan import DeclaredIndicator, Department, Names, Plan
from tests.oracle import declared

ALWAYS = Window(date(1992, 1, 1), date(2199, 12, 31))


def named(id_: str) -> Names:
    return Names(id_, id_)


ASKED = Plan(
    id="asked",
    region=220000,
    names=named("asked"),
    document="-",
    period=ALWAYS,
    targets=(),
    departments=tuple(Department(id_, named(id_)) for id_ in declared.DEPARTMENTS),
    indicators=(
        *(DeclaredIndicator(id_, named(id_), "share") for id_ in declared.SHARES),
        *(DeclaredIndicator(id_, named(id_), "count") for id_ in declared.COUNTS),
    ),
)
"""Of the province above the oracle's counties."""
