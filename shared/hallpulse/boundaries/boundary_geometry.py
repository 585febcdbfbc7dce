"""The shapes of areas: rings that are closed, run the right way round, have an area and lie in China."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import msgspec

from hallpulse.contract.reasons import Sentence
from hallpulse.display import printable

MOST_POSITIONS = 200_000
_PLACES = 5
"""Decimal places of degrees that are kept: about a metre."""
_WEST, _SOUTH, _EAST, _NORTH = 70.0, 0.0, 140.0, 60.0

Position = tuple[float, float]
Ring = list[Position]
Polygons = list[list[Ring]]


class UnusableArea(Exception):
    """An area of a file cannot be used; the sentence says why."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.sentence = Sentence(zh, en)


class GivenGeometry(msgspec.Struct):
    """A geometry as it came."""

    type: str = ""
    coordinates: msgspec.Raw = msgspec.Raw(b"null")


def polygons_of(geometry: GivenGeometry | None, code: str) -> Polygons:
    """Return the polygons of an area, without those that have no area. Raises UnusableArea if none is left.

    Exterior rings run counterclockwise, holes clockwise, and each ends where it begins (RFC 7946).
    """
    if geometry is None or geometry.type not in ("Polygon", "MultiPolygon"):
        kind = printable(geometry.type[:40]) if geometry is not None else "null"
        raise UnusableArea(
            f"{code} 的图形应为 Polygon 或 MultiPolygon，实为 {kind}",
            f"{code}: expected a Polygon or MultiPolygon, got {kind}",
        )
    polygons = [polygon for rings in _given(geometry, code) if (polygon := _polygon(rings, code))]
    if not polygons:
        raise UnusableArea(f"{code} 的图形没有面积", f"{code}: its shape has no area")
    return polygons


def _given(geometry: GivenGeometry, code: str) -> list[list[list[list[float]]]]:
    try:
        if geometry.type == "Polygon":
            return [msgspec.json.decode(geometry.coordinates, type=list[list[list[float]]])]
        return msgspec.json.decode(geometry.coordinates, type=list[list[list[list[float]]]])
    except (msgspec.DecodeError, RecursionError) as error:
        why = printable(str(error))[:120]
        raise UnusableArea(f"{code} 的坐标有误：{why}", f"{code}: wrong coordinates: {why}") from None


def _polygon(rings: Sequence[Sequence[Sequence[float]]], code: str) -> list[Ring]:
    """Return a polygon's rings, the exterior one first; none if that has no area."""
    outer, *holes = [_ring(ring, code) for ring in rings] or [[]]
    if not outer:
        return []
    return [_wound(outer, counterclockwise=True), *(_wound(hole, counterclockwise=False) for hole in holes if hole)]


def _ring(given: Sequence[Sequence[float]], code: str) -> Ring:
    """Return a closed ring without repeated positions; empty if it has no area."""
    ring: Ring = []
    for position in given:
        here = _position(position, code)
        if not ring or ring[-1] != here:
            ring.append(here)
    if ring and ring[0] != ring[-1]:
        ring.append(ring[0])
    return ring if len(ring) >= 4 and _doubled_area(ring) else []


def _position(given: Sequence[float], code: str) -> Position:
    if len(given) < 2:
        raise UnusableArea(
            f"{code} 的坐标点应有经度和纬度", f"{code}: expected a longitude and a latitude in every position"
        )
    longitude, latitude = given[0], given[1]
    if not (_WEST <= longitude <= _EAST and _SOUTH <= latitude <= _NORTH):
        where = f"[{longitude:g}, {latitude:g}]"
        raise UnusableArea(
            f"{code} 的坐标 {where} 不在中国范围内：应为经纬度（度），经度在前",
            f"{code}: {where} does not lie in China: expected degrees, the longitude first",
        )
    return round(longitude, _PLACES), round(latitude, _PLACES)


def _doubled_area(ring: Ring) -> float:
    """Return twice the area in square degrees, positive if the ring runs counterclockwise."""
    x, y = ring[0]
    return sum((a[0] - x) * (b[1] - y) - (b[0] - x) * (a[1] - y) for a, b in pairwise(ring))


def _wound(ring: Ring, *, counterclockwise: bool) -> Ring:
    return ring if (_doubled_area(ring) > 0) == counterclockwise else ring[::-1]
