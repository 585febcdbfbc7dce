"""GET /v1/ratings: ratings (好差评) by hall and by department, and the bad ones with what became of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any
from urllib.parse import quote

import msgspec
from litestar import get

from hallpulse.domain.ratings import SATISFIED, BadRating, Ratings, waiting_days
from hallpulse.domain.workdays import Workdays
from services.gateway.access import ACTION, Action
from services.gateway.access_audit import READS
from services.gateway.problems import QUERY, problems
from services.gateway.request import (
    AnyRequest,
    AsOf,
    Department,
    From,
    Hall,
    RegionCode,
    To,
    query_of,
    told_at,
    window_of,
)


class RatingCounts(msgspec.Struct, frozen=True):
    """Ratings given by persons: how many of each score, 1 to 5, all, and those of score 3 and more."""

    scores: list[int]
    rated: int
    satisfied: int
    value: float | None


class HallRatings(msgspec.Struct, frozen=True):
    region: str
    hall: str
    ratings: RatingCounts


class DepartmentRatings(msgspec.Struct, frozen=True):
    """The ratings of a department; null stands for cases that name none."""

    department: str | None
    ratings: RatingCounts


class BadRatingAnswer(msgspec.Struct, frozen=True):
    """A rating of 1 or 2, by the day on which it was given.

    verified: whether the hall confirmed it; rectified: whether the hall corrected its cause; answered: the day of the
    hall's answer, null without one; days: working days from the rating to the answer, or to today without one.
    """

    region: str
    hall: str
    case_id: str
    item_code: str
    department: str | None
    rated: date
    score: int
    verified: bool
    rectified: bool
    answered: date | None
    days: int
    url: str


class RatingsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Ratings of a window. bad_in_all: how many bad ones there are; the latest 500 of them are listed."""

    region: str
    department: str | None
    hall: str | None
    start: date = msgspec.field(name="from")
    end: date = msgspec.field(name="to")
    as_of: str
    ratings: RatingCounts
    halls: list[HallRatings]
    departments: list[DepartmentRatings]
    bad_in_all: int
    bad: list[BadRatingAnswer]


@get(
    "/v1/ratings",
    sync_to_thread=True,
    responses=problems(*QUERY),
    operation_id="getRatings",
    summary="Ratings by hall and department, bad ones with their rectification",
    opt={ACTION: Action.READ, READS: "list"},
    tags=["figures"],
)
def get_ratings(
    request: AnyRequest,
    region: RegionCode,
    *,
    from_: From = None,
    to: To = None,
    department: Department = None,
    hall: Hall = None,
    as_of: AsOf = None,
) -> RatingsAnswer:
    """Returns the ratings of a window, by the day of the rating.

    Without from and to: the window of /v1/indicators, whose satisfaction has the same numbers.
    """
    resources, scope, past = query_of(request, region, department, hall, as_of=as_of)
    window = window_of(resources, scope.region, from_, to, past)
    with resources.read(scope, past) as moment:
        found = moment.ratings(scope, window)
        calendars = {one: moment.workdays(one) for one in {bad.region for bad in found.bad}}
    today = resources.today(past)
    return RatingsAnswer(
        region=region,
        department=scope.department,
        hall=scope.hall,
        start=window.start,
        end=window.end,
        as_of=told_at(resources, past),
        ratings=_counted(found, lambda _: None).get(None, _NONE),
        halls=[HallRatings(str(code), name, one) for (code, name), one in _counted(found, lambda key: key[:2]).items()],
        departments=[DepartmentRatings(id_ or None, one) for id_, one in _counted(found, lambda key: key[2]).items()],
        bad_in_all=found.bad_in_all,
        bad=[_bad(one, today, calendars) for one in found.bad],
    )


_NONE = RatingCounts([0] * 5, 0, 0, None)
_Key = tuple[int, str, str, int]


def _counted(found: Ratings, part: Callable[[_Key], Any]) -> dict[Any, RatingCounts]:
    """The counts by a part of their keys, in its order."""
    scores: dict[Any, Counter[int]] = {}
    for key, number in found.counts.items():
        scores.setdefault(part(key), Counter())[key[3]] += number
    return {of: _counts(scores[of]) for of in sorted(scores, key=str)}


def _counts(scores: Counter[int]) -> RatingCounts:
    rated = scores.total()
    satisfied = sum(number for score, number in scores.items() if score >= SATISFIED)
    return RatingCounts([scores[score] for score in range(1, 6)], rated, satisfied, satisfied / rated)


def _bad(one: BadRating, today: date, calendars: Mapping[int, Workdays]) -> BadRatingAnswer:
    return BadRatingAnswer(
        region=str(one.region),
        hall=one.hall,
        case_id=one.case_id,
        item_code=one.item_code,
        department=one.department or None,
        rated=one.rated,
        score=one.score,
        verified=one.verified,
        rectified=one.rectified,
        answered=one.answered,
        days=waiting_days(one, today, calendars[one.region]),
        url=f"/v1/cases/{one.region}/{one.hall}/{quote(one.case_id, safe='')}",
    )
