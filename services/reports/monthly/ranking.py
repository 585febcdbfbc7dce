"""Departments compared, by figures that are large enough to compare; the others are named, with the reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hallpulse.domain.compression import COMPRESSION, CauseShare, Mark, Origin
from hallpulse.domain.figures import Figure, FigureTable
from hallpulse.domain.marks import AnyDoubt, marks_on
from hallpulse.domain.plan import Plan

BY_CASES = ("due_kept_rate", "satisfaction", "mean_elapsed_days")
BY_ITEMS = (COMPRESSION, "instant_item_share", "settled_item_share")
"""The first indicator ranks, the others stand beside it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A department's figures; rank: 1 is best, equal values share one; none where it is not ranked.

    marks: the findings that the ranked figure gains from; causes: what changed the compression since the plan began.
    """

    department: str
    figures: Mapping[str, Figure]
    rank: int | None
    marks: tuple[Mark, ...] = ()
    causes: tuple[CauseShare, ...] = ()


@dataclass(frozen=True, slots=True)
class Ranking:
    """A ranking of departments by one indicator.

    least: a smaller denominator is not ranked; unranked: for that reason, or because there is nothing to count.
    """

    indicator: str
    beside: tuple[str, ...]
    least: Mapping[str, int]
    ranked: tuple[Standing, ...]
    unranked: tuple[Standing, ...]

    @property
    def indicators(self) -> tuple[str, ...]:
        return (self.indicator, *self.beside)


def rankings(
    plan: Plan,
    table: FigureTable,
    departments: Sequence[str],
    doubts: Sequence[AnyDoubt] = (),
    origin: Origin | None = None,
) -> tuple[Ranking, ...]:
    found = [_ranking(plan, table, departments, doubts, *indicators) for indicators in (BY_CASES, BY_ITEMS)]
    return tuple(_explained(one, origin) if one.indicator == COMPRESSION else one for one in found)


def _explained(ranking: Ranking, origin: Origin | None) -> Ranking:
    """The ranking by compression with what each department's change came from."""
    if origin is None:
        return ranking
    told = ((one, origin.causes(one.figures[COMPRESSION], one.department)) for one in ranking.ranked)
    return replace(ranking, ranked=tuple(replace(one, causes=causes) for one, causes in told))


def _ranking(
    plan: Plan, table: FigureTable, departments: Sequence[str], doubts: Sequence[AnyDoubt], indicator: str, *beside: str
) -> Ranking:
    least = {name: plan.least_denominator(name) for name in (indicator, *beside)}
    figures = {id_: {name: table.figure(name, id_) for name in least} for id_ in departments}
    values = {id_: own[indicator].value for id_, own in figures.items()}
    enough = {
        id_: v for id_, v in values.items() if v is not None and figures[id_][indicator].denominator >= least[indicator]
    }
    ranks = {id_: 1 + sum(other > value for other in enough.values()) for id_, value in enough.items()}
    standings = [
        Standing(id_, own, ranks.get(id_), marks_on(indicator, own[indicator], doubts, id_))
        for id_, own in figures.items()
    ]
    return Ranking(
        indicator,
        beside,
        least,
        tuple(sorted((s for s in standings if s.rank is not None), key=lambda s: s.rank or 0)),
        tuple(s for s in standings if s.rank is None),
    )
