"""GET /v1/reconciliation: whether a region's figures are the sums of its children's, and how fresh each child is."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple

import msgspec
from litestar import get

from hallpulse.domain.figures import EVER, Figure, Scope, Window
from hallpulse.domain.indicators import COMPUTED
from hallpulse.domain.plan import Names, Plan
from hallpulse.domain.reconciliation import (
    StatedDay,
    added_up,
    children_of,
    difference,
    stated_differences,
    sum_of_children,
)
from hallpulse.store import Moment
from services.gateway.access import ACTION, Action
from services.gateway.figures import Named, Value, named, number, time_or_null, value_answer
from services.gateway.naming import IndicatorNames
from services.gateway.problems import QUERY, problems
from services.gateway.request import (
    AnyRequest,
    AsOf,
    From,
    RegionCode,
    Resources,
    To,
    query_of,
    told_at,
    window_of,
)

_HOUR = 3_600_000_000
Kind = Literal["unaccounted", "daily_sums"]


class AmountsAnswer(msgspec.Struct, frozen=True):
    """The differences of numerators and denominators; negative if the first side is smaller."""

    numerator: int
    denominator: int


class ChildValue(msgspec.Struct, frozen=True):
    """A child's figure of an indicator. enough: whether its denominator is large enough to rank."""

    numerator: int
    denominator: int
    value: float | None
    enough: bool


class ChildAnswer(msgspec.Struct, frozen=True):
    """A child's figures. halls: how many it has; reporting: how many of them reported in the window.

    region, hall: of a county's child the hall, else null; newest: when the newest event up to the window's end
    happened; silent_hours: whole hours from then to as_of, null if nothing came yet; values: its figures by indicator
    id; the sums over the children are made of them.
    """

    region: str
    hall: str | None
    names: Named
    halls: int
    reporting: int
    newest: str | None
    silent_hours: int | None
    values: dict[str, ChildValue]


class ReconciledAnswer(msgspec.Struct, frozen=True):
    """An indicator: the region's figure, the sum over its children, and the difference, 0 and 0 if they agree."""

    id: str
    names: Named
    parent: Value
    children: Value
    difference: AmountsAnswer
    agrees: bool


class DifferenceAnswer(msgspec.Struct, frozen=True):
    """A difference with its cause. difference: stated minus counted.

    kind: `unaccounted`: the region's figure (stated) and its children's sum (counted) differ, because events lie under
    the code `region`, which is none of the children; `daily_sums`: on `days` a hall sent tallies (stated) and also
    cases (counted), and they differ.
    """

    kind: Kind
    indicator: str
    names: Named
    region: str
    region_names: Named
    hall: str | None
    hall_names: Named | None
    stated: Value
    counted: Value
    difference: AmountsAnswer
    days: list[date]


class ReconciliationAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A region compared with its children: prefectures of a province, counties of a prefecture, halls of a county."""

    region: str
    names: Named
    start: date = msgspec.field(name="from")
    end: date = msgspec.field(name="to")
    as_of: str
    agrees: bool
    children: list[ChildAnswer]
    indicators: list[ReconciledAnswer]
    differences: list[DifferenceAnswer]


@dataclass(frozen=True, slots=True)
class _Named:
    """The names of regions, and of halls from their registration."""

    resources: Resources
    halls: Mapping[tuple[int, str], Names]

    def region(self, code: int) -> Named:
        return named(self.resources.book.names("region", "", str(code)))

    def hall(self, region: int, hall: str) -> Named:
        return named(self.halls.get((region, hall), Names(hall, hall)))


@dataclass(frozen=True, slots=True)
class _Read:
    """A region and its children, read at one moment. spare: codes outside the children that have figures."""

    parent: Mapping[str, Figure]
    children: Sequence[tuple[ChildAnswer, Mapping[str, Figure]]]
    spare: Sequence[tuple[int, Mapping[str, Figure]]]
    stated: Sequence[StatedDay]


@get(
    "/v1/reconciliation",
    sync_to_thread=True,
    responses=problems(*QUERY),
    operation_id="getReconciliation",
    summary="Whether a region's figures are the sums of those below it",
    opt={ACTION: Action.READ},
    tags=["figures"],
)
def get_reconciliation(
    request: AnyRequest, region: RegionCode, *, from_: From = None, to: To = None, as_of: AsOf = None
) -> ReconciliationAnswer:
    """Compares every indicator of the region with the sum over its children, and names each difference.

    Without from and to: the window of /v1/indicators. A county's children are its halls, which have only the indicators
    of cases and tallies.
    """
    resources, scope, past = query_of(request, region, as_of=as_of)
    window = window_of(resources, scope.region, from_, to, past)
    now = resources.now() if past.as_of is None else past.as_of
    with resources.read(scope, past) as moment:
        facts = {key: Names(one.name_zh or key[1], one.name_en or one.name_zh or key[1])
                 for key, one in moment.hall_facts().items()}  # fmt: skip
        called = _Named(resources, facts)
        read = _read(moment, resources, scope, window, _Clock(called, now))
    return _answer(read, scope, window, called, told_at(resources, past))


@dataclass(frozen=True, slots=True)
class _Clock:
    """The names of children, and the moment for their freshness. now: microseconds since 1970-01-01 UTC."""

    called: _Named
    now: int

    def child(
        self, moment: Moment, scope: Scope, window: Window, plan: Plan | None
    ) -> tuple[ChildAnswer, Mapping[str, Figure]]:
        """Return a child and its figures. plan: whose least denominators hold for it."""
        figures = moment.figures(scope, window)
        within = moment.coverage(scope, window)
        newest = moment.coverage(scope, Window(EVER, window.end)).newest
        names = self.called.region(scope.region)
        child = ChildAnswer(
            region=str(scope.region),
            hall=scope.hall,
            names=names if scope.hall is None else self.called.hall(scope.region, scope.hall),
            halls=within.halls,
            reporting=within.reporting,
            newest=time_or_null(newest),
            silent_hours=None if newest is None else max(0, self.now - newest) // _HOUR,
            values={name: _child_value(name, figures[name], plan) for name in _order(figures)},
        )
        return child, figures


def _child_value(name: str, figure: Figure, plan: Plan | None) -> ChildValue:
    enough = figure.denominator >= (plan.least_denominator(name) if plan else 1)
    return ChildValue(figure.numerator, figure.denominator, number(figure.value), enough)


def _read(moment: Moment, resources: Resources, scope: Scope, window: Window, clock: _Clock) -> _Read:
    scopes = list(_children(moment, resources, scope))
    parent = moment.figures(scope, window)
    if scope.region % 100:
        parent = {name: figure for name, figure in parent.items() if name in COMPUTED and _of_cases(name)}
    own = resources.plan(scope.region, window.end)
    children = [clock.child(moment, one, window, resources.plan(one.region, window.end) or own) for one in scopes]
    agrees = all(one == other for one, other in sum_of_children(parent, (found for _, found in children)).values())
    spare = [] if agrees or scope.region % 100 else _spare(moment, scope, window, [one.region for one in scopes])
    return _Read(parent, children, spare, moment.stated_days(scope, window))


def _of_cases(indicator: str) -> bool:
    return COMPUTED[indicator].kind == "case"


def _children(moment: Moment, resources: Resources, scope: Scope) -> Iterator[Scope]:
    if scope.region % 100 == 0:
        counties = {*moment.regions(), *(plan.region for plan in resources.plans)}
        yield from (Scope(code) for code in children_of(scope.region, counties))
        return
    registered = (one.hall for one in moment.halls() if one.region == scope.region)
    for hall in sorted({*registered, *moment.event_counts(scope.region)}):
        yield Scope(scope.region, hall=hall)


def _spare(
    moment: Moment, scope: Scope, window: Window, children: Sequence[int]
) -> list[tuple[int, Mapping[str, Figure]]]:
    """Return code → figures for counties' codes that belong to none of the children."""
    held = [Scope(code).bounds for code in children]
    codes = [code for code in moment.codes(scope) if not any(low <= code <= high for low, high in held)]
    return [(code, moment.figures(Scope(code), window)) for code in codes if code % 100]


def _answer(read: _Read, scope: Scope, window: Window, called: _Named, as_of: str) -> ReconciliationAnswer:
    known = called.resources.book.indicators(scope.region, called.resources.plan(scope.region, window.end))
    both = sum_of_children(read.parent, (figures for _, figures in read.children))
    indicators = [_reconciled(name, known, one, other) for name, (one, other) in _ordered(both)]
    differences = [*_unaccounted(read, both, scope, known, called), *_daily_sums(read, known, called)]
    return ReconciliationAnswer(
        region=str(scope.region),
        names=called.region(scope.region),
        start=window.start,
        end=window.end,
        as_of=as_of,
        agrees=not differences,
        children=[child for child, _ in read.children],
        indicators=indicators,
        differences=differences,
    )


def _ordered(both: Mapping[str, tuple[Figure, Figure]]) -> list[tuple[str, tuple[Figure, Figure]]]:
    return [(name, both[name]) for name in _order(both)]


def _order(names: Collection[str]) -> list[str]:
    """The computed ones in the catalogue's order, then the declared ones by name."""
    return [*(name for name in COMPUTED if name in names), *sorted(name for name in names if name not in COMPUTED)]


def _reconciled(name: str, known: IndicatorNames, parent: Figure, children: Figure) -> ReconciledAnswer:
    apart = difference(parent, children)
    return ReconciledAnswer(
        name,
        named(known.of(name)),
        value_answer(parent),
        value_answer(children),
        AmountsAnswer(*apart),
        apart == (0, 0),
    )


def _unaccounted(
    read: _Read, both: Mapping[str, tuple[Figure, Figure]], scope: Scope, known: IndicatorNames, called: _Named
) -> Iterator[DifferenceAnswer]:
    """Yield the difference for each code outside the children. The rest is under the region's own code."""
    for name, (parent, children) in _ordered(both):
        counted = children
        for code, figures in read.spare:
            more = added_up([counted, figures[name]]) if name in figures else counted
            if more != counted:
                yield _named_difference(_Difference("unaccounted", name, code, None, more, counted), known, called)
            counted = more
        if parent != counted:
            yield _named_difference(
                _Difference("unaccounted", name, scope.region, None, parent, counted), known, called
            )


def _daily_sums(read: _Read, known: IndicatorNames, called: _Named) -> Iterator[DifferenceAnswer]:
    for one in stated_differences(read.stated):
        told = _Difference("daily_sums", one.indicator, one.region, one.hall, one.stated, one.counted, one.days)
        yield _named_difference(told, known, called)


class _Difference(NamedTuple):
    kind: Kind
    indicator: str
    region: int
    hall: str | None
    stated: Figure
    counted: Figure
    days: tuple[date, ...] = ()


def _named_difference(one: _Difference, known: IndicatorNames, called: _Named) -> DifferenceAnswer:
    return DifferenceAnswer(
        kind=one.kind,
        indicator=one.indicator,
        names=named(known.of(one.indicator)),
        region=str(one.region),
        region_names=called.region(one.region),
        hall=one.hall,
        hall_names=None if one.hall is None else called.hall(one.region, one.hall),
        stated=value_answer(one.stated),
        counted=value_answer(one.counted),
        difference=AmountsAnswer(*difference(one.stated, one.counted)),
        days=list(one.days),
    )
