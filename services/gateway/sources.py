"""GET /v1/sources: a scorecard of each hall's data, with a grade for each aspect and what to improve."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import msgspec
from litestar import get

from hallpulse.domain.figures import Scope, Window
from hallpulse.domain.sources import Aspect, Grade, Scorecard, scorecard
from hallpulse.domain.workdays import time_text
from hallpulse.store import HallFacts
from services.gateway.access import ACTION, Action
from services.gateway.figures import Named, number
from services.gateway.problems import QUERY, problems
from services.gateway.request import (
    AnyRequest,
    From,
    Hall,
    RegionCode,
    Resources,
    To,
    query_of,
    window_of,
)


class AspectAnswer(msgspec.Struct, frozen=True):
    """An aspect: the good ones (numerator) of all (denominator), their share and their grade.

    grade: A to D, - if there is nothing to judge; mend: what to improve, null if the grade is A or -.
    """

    id: str
    names: Named
    numerator: int
    denominator: int
    share: float | None
    grade: str
    mend: Named | None


class SourceAnswer(msgspec.Struct, frozen=True):
    """A hall's scorecard. grade: the grade of its worst aspect.

    refused_open: refused events that are still on the queue; oldest_refusal_days: age of the oldest one in days.
    """

    region: str
    hall: str
    names: Named
    grade: str
    aspects: list[AspectAnswer]
    refused_open: int
    oldest_refusal_days: int | None


class SourcesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The scorecards of a region's halls, the worst first."""

    region: str
    start: date = msgspec.field(name="from")
    end: date = msgspec.field(name="to")
    as_of: str
    sources: list[SourceAnswer]


@get(
    "/v1/sources",
    sync_to_thread=True,
    responses=problems(*QUERY),
    operation_id="getSources",
    summary="The quality of each hall's data",
    opt={ACTION: Action.READ},
    tags=["figures"],
)
def get_sources(
    request: AnyRequest, region: RegionCode, *, from_: From = None, to: To = None, hall: Hall = None
) -> SourcesAnswer:
    """Returns each hall's timeliness, completeness, codes, sequence, duplicates, order and refusals, graded A to D."""
    resources, scope, _ = query_of(request, region, None, hall)
    return sources_answer(resources, scope, window_of(resources, scope.region, from_, to))


def sources_answer(resources: Resources, scope: Scope, window: Window) -> SourcesAnswer:
    with resources.store.read() as moment:
        counted, facts = moment.sources(scope, window, resources.today()), moment.hall_facts()
    cards = sorted(map(scorecard, counted), key=lambda one: (_PLACES[one.grade], one.counts.region, one.counts.hall))
    return SourcesAnswer(
        region=str(scope.region),
        start=window.start,
        end=window.end,
        as_of=time_text(resources.now()),
        sources=[_source(one, facts) for one in cards],
    )


_PLACES = {grade: place for place, grade in enumerate((Grade.D, Grade.C, Grade.B, Grade.A, Grade.NONE))}


def _source(card: Scorecard, facts: Mapping[tuple[int, str], HallFacts]) -> SourceAnswer:
    counts = card.counts
    known = facts.get((counts.region, counts.hall), HallFacts())
    return SourceAnswer(
        region=str(counts.region),
        hall=counts.hall,
        names=Named(known.name_zh or counts.hall, known.name_en or known.name_zh or counts.hall),
        grade=card.grade.value,
        aspects=[_aspect(one) for one in card.aspects],
        refused_open=counts.refused_open,
        oldest_refusal_days=counts.oldest_refusal,
    )


def _aspect(one: Aspect) -> AspectAnswer:
    kind, figure = one.kind, one.figure
    mend = None if one.grade in (Grade.A, Grade.NONE) else Named(kind.mend_zh, kind.mend_en)
    return AspectAnswer(
        kind.id,
        Named(kind.zh, kind.en),
        figure.numerator,
        figure.denominator,
        number(figure.value),
        one.grade.value,
        mend,
    )
