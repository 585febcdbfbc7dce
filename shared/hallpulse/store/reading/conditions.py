"""What is behind a number: a condition over cases or items, and what is added up, from the measures of the domain."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from hallpulse.domain.indicators import Indicator, PartName
from hallpulse.domain.measures import ITEM_MEASURES, MEASURES, OPEN_STATES

from .sql import sql


class Part(NamedTuple):
    """The cases or items of a number.

    where: SQL over `cases c` with :start and :end of the window (or with :today), or over the effective `item_spans s`;
    amount: SQL of what is summed (1: they are counted); tally: SQL over `tallies t` of what is added, if anything.
    """

    where: str
    amount: str = "1"
    tally: str | None = None


STATES = {
    **{state.name: Part(sql(state.where, "c")) for state in OPEN_STATES.values()},
    "open": Part("c.open"),
    "pending": Part("c.received IS NULL"),
    "flagged": Part("c.flags <> 0"),
}
"""State → the cases in it on :today: the states of open cases, and open, pending (not yet received), flagged."""


def part_of(indicator: Indicator, part: PartName) -> Part | None:
    """A part of an indicator; None for the 1 under a count, which nothing is behind."""
    names = indicator.part(part)
    if not names:
        return None
    if indicator.kind == "catalogue":
        return _joined((sql(m.where, "s"), sql(m.amount, "s")) for m in map(ITEM_MEASURES.__getitem__, names))
    measures = [MEASURES[name] for name in names]
    counted = _joined(
        (f"c.{m.day} BETWEEN :start AND :end AND {sql(m.where, 'c')}", sql(m.amount, "c")) for m in measures
    )
    tally = " + ".join(f"t.{m.tally}" for m in measures) if indicator.tallies else None
    return counted._replace(tally=tally)


def _joined(terms: Iterable[tuple[str, str]]) -> Part:
    """One term as it is; of several those that any condition holds for, each amount where its own does."""
    listed = list(terms)
    if len(listed) == 1:
        return Part(*listed[0])
    amounts = (f"CASE WHEN {where} THEN {amount} ELSE 0 END" for where, amount in listed)
    return Part(f"({' OR '.join(f'({where})' for where, _ in listed)})", f"({' + '.join(amounts)})")
