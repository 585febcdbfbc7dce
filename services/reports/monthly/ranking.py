"""Rankings of departments by figures with large enough denominators; the other departments stay unranked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hallpulse.domain.compression import COMPRESSION, CauseShare, ChangeOrigin
from hallpulse.domain.figures import Figure, FigureTable
from hallpulse.domain.indicators import AnyDoubt, Mark, marks_on
from hallpulse.domain.plan import EVERY_DEPARTMENT, Plan
from hallpulse.domain.scoring import Group

BY_CASES = ("due_kept_rate", "satisfaction", "mean_elapsed_days", "acceptance_rate")
BY_ITEMS = (COMPRESSION, "instant_item_share", "settled_item_share")
"""Indicators of a ranking: the first one ranks, the others stand beside it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A department's place in a ranking, with its figures.

    rank: 1 is the best, equal values share a rank, None if it is not ranked; marks: the findings that the ranked figure
    gains from; causes: the causes of the compression's change since the plan began.
    """

    department: str
    figures: Mapping[str, Figure]
    rank: int | None
    marks: tuple[Mark, ...] = ()
    causes: tuple[CauseShare, ...] = ()


@dataclass(frozen=True, slots=True)
class Ranking:
    """A ranking of a group of departments by one indicator.

    beside: the other indicators that are shown; least: indicator → least denominator of a ranked department; unranked:
    departments with a smaller denominator or without a value.
    """

    group: Group
    indicator: str
    beside: tuple[str, ...]
    least: Mapping[str, int]
    ranked: tuple[Standing, ...]
    unranked: tuple[Standing, ...]

    @property
    def indicators(self) -> tuple[str, ...]:
        return (self.indicator, *self.beside)

    @property
    def standings(self) -> tuple[Standing, ...]:
        return (*self.ranked, *self.unranked)


def rankings(
    plan: Plan,
    table: FigureTable,
    departments: Sequence[str],
    doubts: Sequence[AnyDoubt] = (),
    origin: ChangeOrigin | None = None,
) -> tuple[Ranking, ...]:
    """Return the rankings of each of the plan's groups; departments that the plan does not name join the last group."""
    compared = plan.compared or (Group("all", EVERY_DEPARTMENT, ()),)
    known = {id_ for group in compared for id_ in group.departments}
    strangers = tuple(id_ for id_ in departments if id_ not in known)
    groups = [*compared[:-1], replace(compared[-1], departments=(*compared[-1].departments, *strangers))]
    found = (_ranking(plan, table, group, doubts, names) for names in (BY_CASES, BY_ITEMS) for group in groups)
    return tuple(_explained(one, origin) if one.indicator == COMPRESSION else one for one in found)


def _explained(ranking: Ranking, origin: ChangeOrigin | None) -> Ranking:
    """Return the ranking by compression with the causes of each department's change added."""
    if origin is None:
        return ranking
    told = ((one, origin.causes(one.figures[COMPRESSION], one.department)) for one in ranking.ranked)
    return replace(ranking, ranked=tuple(replace(one, causes=causes) for one, causes in told))


def _ranking(
    plan: Plan, table: FigureTable, group: Group, doubts: Sequence[AnyDoubt], indicators: Sequence[str]
) -> Ranking:
    indicator, *beside = indicators
    least = {name: plan.least_denominator(name) for name in indicators}
    figures = {id_: {name: table.figure(name, id_) for name in least} for id_ in group.departments}
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
        group,
        indicator,
        tuple(beside),
        least,
        tuple(sorted((s for s in standings if s.rank is not None), key=lambda s: s.rank or 0)),
        tuple(s for s in standings if s.rank is None),
    )
