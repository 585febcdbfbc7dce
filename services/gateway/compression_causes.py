"""GET /v1/compression: why the compression of promised limits changed between two days, by cause and item."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from fractions import Fraction

import msgspec
from litestar import get

from hallpulse.domain.compression import CAUSE_NAMES, COMPRESSION, Cause, ItemLimits, ItemPart, split
from hallpulse.domain.figures import Figure, Window
from hallpulse.domain.indicators import marks_of
from services.gateway.access import ACTION, Action
from services.gateway.figures import MarkAnswer, Named, Value, mark_answers, number, value_answer
from services.gateway.problems import QUERY, problems
from services.gateway.request import (
    AnyRequest,
    AsOf,
    Department,
    From,
    RegionCode,
    To,
    query_of,
    told_at,
    window_of,
)

_NAMES = {cause: Named(*names) for cause, names in CAUSE_NAMES.items()}


class LimitsThen(msgspec.Struct, frozen=True):
    """An item's limits on one of the days, in working days, and its parts of the ratio: shortened / statutory."""

    department: str
    handling: str
    statutory_days: int | None
    promised_days: int | None
    shortened: int
    statutory: int


class ItemShare(msgspec.Struct, frozen=True):
    """An item's share of the change. exact: the share as a fraction; before, after: null if the item was not there."""

    region: str
    item_code: str
    name: str
    department: str
    share: float
    exact: str
    before: LimitsThen | None
    after: LimitsThen | None


class DepartmentShare(msgspec.Struct, frozen=True):
    department: str
    share: float
    exact: str


class CauseAnswer(msgspec.Struct, frozen=True):
    """A cause of the change. items: the largest share first; share: the sum of the items' shares."""

    id: str
    names: Named
    share: float
    exact: str
    departments: list[DepartmentShare]
    items: list[ItemShare]


class CompressionAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The change between two days: before + the shares of the parts = after; the fractions in `exact` add up exactly.

    If one of the days has no value, there are no parts, and difference and exact are null. marks: findings, from
    changes since the first day, that the last day's value gains from.
    """

    region: str
    department: str | None
    start: date = msgspec.field(name="from")
    end: date = msgspec.field(name="to")
    as_of: str
    before: Value
    after: Value
    difference: float | None
    exact: str | None
    parts: list[CauseAnswer]
    marks: list[MarkAnswer]


@get(
    "/v1/compression",
    sync_to_thread=True,
    responses=problems(*QUERY),
    operation_id="getCompression",
    summary="Why the compression of promised limits changed",
    opt={ACTION: Action.READ},
    tags=["figures"],
)
def get_compression(
    request: AnyRequest,
    region: RegionCode,
    *,
    from_: From = None,
    to: To = None,
    department: Department = None,
    as_of: AsOf = None,
) -> CompressionAnswer:
    """Compares the catalogues of two days. Causes are applied in order, each to the result of the one before.

    Without from and to: the days of /v1/indicators.
    """
    resources, scope, past = query_of(request, region, department, as_of=as_of)
    days = window_of(resources, scope.region, from_, to, past)
    with resources.read(scope, past) as moment:
        before, after = (
            moment.figures(scope, Window(day, day)).get(COMPRESSION, Figure(0, 0)) for day in (days.start, days.end)
        )
        changes = moment.item_changes(scope, days.start, days.end)
        doubts = moment.doubts(scope, days.start, days.end)
    parts = split(before, after, changes, scope.department)
    known = before.value is not None and after.value is not None
    change = sum((part.share for part in parts), Fraction(0)) if known else None
    return CompressionAnswer(
        region=str(scope.region),
        department=scope.department,
        start=days.start,
        end=days.end,
        as_of=told_at(resources, past),
        before=value_answer(before),
        after=value_answer(after),
        difference=number(change),
        exact=None if change is None else str(change),
        parts=[_cause(cause, [part for part in parts if part.cause is cause]) for cause in Cause] if known else [],
        marks=mark_answers(marks_of(after, doubts)),
    )


def _cause(cause: Cause, parts: Sequence[ItemPart]) -> CauseAnswer:
    listed = sorted(parts, key=lambda part: (-abs(part.share), part.change.region, part.change.item_code))
    sums: dict[str, Fraction] = {}
    for part in parts:
        name = part.change.department
        sums[name] = sums.get(name, Fraction(0)) + part.share
    share = sum(sums.values(), Fraction(0))
    return CauseAnswer(
        id=cause.value,
        names=_NAMES[cause],
        share=float(share),
        exact=str(share),
        departments=[DepartmentShare(name, float(own), str(own)) for name, own in sorted(sums.items())],
        items=[_item(part) for part in listed],
    )


def _item(part: ItemPart) -> ItemShare:
    change = part.change
    return ItemShare(
        region=str(change.region),
        item_code=change.item_code,
        name=change.name,
        department=change.department,
        share=float(part.share),
        exact=str(part.share),
        before=_limits(change.was),
        after=_limits(change.now),
    )


def _limits(limits: ItemLimits | None) -> LimitsThen | None:
    if limits is None:
        return None
    handling = "instant" if limits.instant else "promised"
    return LimitsThen(limits.department, handling, limits.statutory_days, limits.promised_days, *limits.parts)
