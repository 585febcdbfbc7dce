"""GET /v1/reconciliation: whether a region's figures are the sums of those below it, who differs, how fresh each is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
from services.gateway.figures import Named, Value, indicator_names, named, time_or_null, value_answer
from services.gateway.problems import QUERY, problems
from services.gateway.request import (
    AnyRequest,
    AsOf,
    From,
    RegionCode,
    Resources,
    To,
    grant_of,
    past_of,
    resources_of,
    scope_of,
    told_at,
    window_of,
)

_HOUR = 3_600_000_000
Kind = Literal["unaccounted", "daily_sums"]


class AmountsAnswer(msgspec.Struct, frozen=True):
    """By how much a numerator and a denominator differ; negative where the first side is smaller."""

    numerator: int
    denominator: int


class ChildAnswer(msgspec.Struct, frozen=True):
    """A child: the halls of it that there are, those that reported in the window, and how fresh it is.

    region, hall: of a county's child the hall, else null; newest: when the newest event up to the window's end
    happened; silent_hours: whole hours from then to as_of, null where nothing came yet.
    """

    region: str
    hall: str | None
    names: Named
    halls: int
    reporting: int
    newest: str | None
    silent_hours: int | None


class ReconciledAnswer(msgspec.Struct, frozen=True):
    """An indicator: the region's figure, the sum over its children, and the difference, 0 and 0 where they agree."""

    id: str
    names: Named
    parent: Value
    children: Value
    difference: AmountsAnswer
    agrees: bool


class DifferenceAnswer(msgspec.Struct, frozen=True):
    """A difference that has a name.

    kind: `unaccounted`, what is stored below the region and belongs to none of its children, under the code `region`
    (stated: the region's figure, counted: the children's sum); `daily_sums`, a hall's tallies on `days` on which its
    cases are counted as well (stated: by the tallies, counted: from the cases). difference: stated less counted.
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
    """A region beside its children: prefectures of a province, counties of a prefecture, halls of a county."""

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
    """Names of regions and halls, by the plans in force on a day and by what halls were registered as."""

    resources: Resources
    on: date
    halls: Mapping[tuple[int, str], Names]

    def region(self, code: int) -> Named:
        plan = self.resources.plan(code, self.on)
        return named(plan.region_names) if plan and plan.region_names else Named(str(code), str(code))

    def hall(self, region: int, hall: str) -> Named:
        return named(self.halls.get((region, hall), Names(hall, hall)))


@dataclass(frozen=True, slots=True)
class _Read:
    """A region and its children as they were read at one moment. spare: codes outside them under which figures lie."""

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
    """Every indicator of the region beside the sum over its children, each difference by child and indicator.

    Without from and to: the same days as /v1/indicators. A county's children are its halls, which have the indicators
    of cases and tallies alone.
    """
    scope, past = scope_of(grant_of(request), region), past_of(as_of)
    resources = resources_of(request)
    window = window_of(resources, scope.region, from_, to, past)
    now = resources.now() if past.as_of is None else past.as_of
    with resources.read(scope, past) as moment:
        facts = {key: Names(one.name_zh or key[1], one.name_en or one.name_zh or key[1])
                 for key, one in moment.hall_facts().items()}  # fmt: skip
        called = _Named(resources, window.end, facts)
        read = _read(moment, resources, scope, window, _Clock(called, now))
    return _answer(read, scope, window, called, told_at(resources, past))


@dataclass(frozen=True, slots=True)
class _Clock:
    """How children are called, and the moment as of which they are fresh (microseconds since 1970-01-01 UTC)."""

    called: _Named
    now: int

    def child(self, moment: Moment, scope: Scope, window: Window) -> ChildAnswer:
        within = moment.coverage(scope, window)
        newest = moment.coverage(scope, Window(EVER, window.end)).newest
        names = self.called.region(scope.region)
        return ChildAnswer(
            region=str(scope.region),
            hall=scope.hall,
            names=names if scope.hall is None else self.called.hall(scope.region, scope.hall),
            halls=within.halls,
            reporting=within.reporting,
            newest=time_or_null(newest),
            silent_hours=None if newest is None else max(0, self.now - newest) // _HOUR,
        )


def _read(moment: Moment, resources: Resources, scope: Scope, window: Window, clock: _Clock) -> _Read:
    scopes = list(_children(moment, resources, scope))
    parent = moment.figures(scope, window)
    if scope.region % 100:
        parent = {name: figure for name, figure in parent.items() if name in COMPUTED and _of_cases(name)}
    children = [(clock.child(moment, one, window), moment.figures(one, window)) for one in scopes]
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
    """The figures of codes that are none of the children's; those of the region's own code are what is left then."""
    held = [Scope(code).bounds for code in children]
    codes = [code for code in moment.codes(scope) if not any(low <= code <= high for low, high in held)]
    return [(code, moment.figures(Scope(code), window)) for code in codes if code % 100]


def _answer(read: _Read, scope: Scope, window: Window, called: _Named, as_of: str) -> ReconciliationAnswer:
    plan = called.resources.plan(scope.region, window.end)
    both = sum_of_children(read.parent, (figures for _, figures in read.children))
    indicators = [_reconciled(name, plan, one, other) for name, (one, other) in _ordered(both)]
    differences = [*_unaccounted(read, both, scope, plan, called), *_daily_sums(read, plan, called)]
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
    """The computed ones in the catalogue's order, then the declared ones by name."""
    names = [*(name for name in COMPUTED if name in both), *sorted(name for name in both if name not in COMPUTED)]
    return [(name, both[name]) for name in names]


def _reconciled(name: str, plan: Plan | None, parent: Figure, children: Figure) -> ReconciledAnswer:
    apart = difference(parent, children)
    return ReconciledAnswer(
        name,
        named(indicator_names(name, plan)),
        value_answer(parent),
        value_answer(children),
        AmountsAnswer(*apart),
        apart == (0, 0),
    )


def _unaccounted(
    read: _Read, both: Mapping[str, tuple[Figure, Figure]], scope: Scope, plan: Plan | None, called: _Named
) -> Iterator[DifferenceAnswer]:
    """Each code outside the children with what lies under it; what is left then lies under the region's own code."""
    for name, (parent, children) in _ordered(both):
        counted = children
        for code, figures in read.spare:
            more = added_up([counted, figures[name]]) if name in figures else counted
            if more != counted:
                yield _named_difference(_Difference("unaccounted", name, code, None, more, counted), plan, called)
            counted = more
        if parent != counted:
            yield _named_difference(_Difference("unaccounted", name, scope.region, None, parent, counted), plan, called)


def _daily_sums(read: _Read, plan: Plan | None, called: _Named) -> Iterator[DifferenceAnswer]:
    for one in stated_differences(read.stated):
        told = _Difference("daily_sums", one.indicator, one.region, one.hall, one.stated, one.counted, one.days)
        yield _named_difference(told, plan, called)


class _Difference(NamedTuple):
    kind: Kind
    indicator: str
    region: int
    hall: str | None
    stated: Figure
    counted: Figure
    days: tuple[date, ...] = ()


def _named_difference(one: _Difference, plan: Plan | None, called: _Named) -> DifferenceAnswer:
    return DifferenceAnswer(
        kind=one.kind,
        indicator=one.indicator,
        names=named(indicator_names(one.indicator, plan)),
        region=str(one.region),
        region_names=called.region(one.region),
        hall=one.hall,
        hall_names=None if one.hall is None else called.hall(one.region, one.hall),
        stated=value_answer(one.stated),
        counted=value_answer(one.counted),
        difference=AmountsAnswer(*difference(one.stated, one.counted)),
        days=list(one.days),
    )
