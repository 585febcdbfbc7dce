"""GET /v1/boundaries: the boundaries of what lies below a region, for maps, as its user gave them."""

from __future__ import annotations

from hashlib import blake2b
from typing import Literal

import msgspec
from litestar import Response, get

from hallpulse.boundaries import AreaGeometry, Boundaries, FoundBoundaries
from services.gateway.access import ACTION, Action
from services.gateway.figures import Named
from services.gateway.problems import QUERY, problems
from services.gateway.request import AnyRequest, RegionCode, query_of


class ShownProperties(msgspec.Struct, frozen=True):
    """An area. code: GB/T 2260, or of a township; name: in its file; child: the region or hall whose figures it shows,
    as /v1/reconciliation lists them below the region.
    """

    code: str
    name: str
    child: str


class ShownFeature(msgspec.Struct, frozen=True):
    properties: ShownProperties
    geometry: AreaGeometry
    type: Literal["Feature"] = "Feature"


class ShownAreas(msgspec.Struct, frozen=True):
    """A GeoJSON FeatureCollection (RFC 7946)."""

    features: list[ShownFeature]
    type: Literal["FeatureCollection"] = "FeatureCollection"


class BoundariesAnswer(msgspec.Struct, frozen=True):
    """The boundaries below a region. areas: null where none are given, or where they have problems."""

    region: str
    areas: ShownAreas | None
    problems: list[Named]


@get(
    "/v1/boundaries",
    sync_to_thread=True,
    responses=problems(*QUERY),
    operation_id="getBoundaries",
    summary="The boundaries of the regions or townships below a region",
    opt={ACTION: Action.READ},
    tags=["figures"],
)
def get_boundaries(request: AnyRequest, region: RegionCode) -> Response[BoundariesAnswer]:
    """Returns the GeoJSON that `hallpulse boundaries` put in place, for maps. With an ETag: it seldom changes."""
    resources, scope, _ = query_of(request, region)
    answer = _answer(region, resources.boundaries.find(scope.region))
    tag = f'W/"{blake2b(msgspec.json.encode(answer), digest_size=12).hexdigest()}"'
    headers = {"etag": tag, "cache-control": "private, no-cache", "vary": "authorization, cookie"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(None, status_code=304, headers=headers)  # type: ignore[arg-type]  # has no content
    return Response(answer, headers=headers)


def _answer(region: str, found: FoundBoundaries) -> BoundariesAnswer:
    areas = None if found.areas is None else _shown(found.areas)
    return BoundariesAnswer(region, areas, [Named(one.zh, one.en) for one in found.problems])


def _shown(areas: Boundaries) -> ShownAreas:
    return ShownAreas(
        [
            ShownFeature(
                ShownProperties(one.properties.code, one.properties.name, one.properties.hall or one.properties.code),
                one.geometry,
            )
            for one in areas.features
        ]
    )
