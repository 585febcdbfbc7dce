"""Boundaries that are made up: neighbours with bent borders, an island, a hole, and rings either way round."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hallpulse.boundaries import put_boundaries, read_boundaries

Point = tuple[float, float]
EVIL = "<img src=x onerror=\"document.title='broken'\"><script>document.title='broken'</script>"
_WEST, _SOUTH, _SIZE = 128.0, 42.5, 0.6


def _corner(column: int, row: int) -> Point:
    bend = 0.16 * math.sin(3.1 * column + 5.7 * row), 0.14 * math.sin(4.3 * column + 2.9 * row)
    return _WEST + _SIZE * (column + bend[0]), _SOUTH + _SIZE * 0.75 * (row + bend[1])


def _side(start: Point, end: Point) -> list[Point]:
    """A border from one corner to another, the same for both neighbours."""
    first, last = sorted((start, end))
    steps = [n / 8 for n in range(8)]
    bent = [
        (
            first[0] + (last[0] - first[0]) * t + 0.02 * math.sin(9 * t * first[0]),
            first[1] + (last[1] - first[1]) * t + 0.015 * math.sin(7 * t * first[1]),
        )
        for t in [*steps[1:]]
    ]
    line = [first, *bent, last]
    return line[:-1] if first == start else line[:0:-1]


def _cell(column: int, row: int) -> list[Point]:
    corners = [_corner(column + x, row + y) for x, y in ((0, 0), (1, 0), (1, 1), (0, 1))]
    sides = zip(corners, [*corners[1:], corners[0]], strict=True)
    ring = [point for start, end in sides for point in _side(start, end)]
    return [*ring, ring[0]]


def _small(at: Point) -> list[Point]:
    x, y = at
    return [(x, y), (x + 0.06, y), (x + 0.06, y + 0.05), (x, y + 0.05), (x, y)]


def made_up(names: Mapping[str, str], columns: int = 3, halls: Mapping[str, str] | None = None) -> bytes:
    """GeoJSON of areas, code → name. The second's ring runs the wrong way, the last has an island, the first a hole."""
    features: list[dict[str, Any]] = []
    for number, (code, name) in enumerate(names.items()):
        ring = _cell(number % columns, number // columns)
        polygon = [ring[::-1] if number == 1 else ring]
        if number == 0 and len(names) > 1:
            polygon.append(_small((_WEST + 0.3, _SOUTH + 0.2)))
        parts = [polygon, [_small((_WEST + _SIZE * columns + 0.2, _SOUTH))]] if number == len(names) - 1 else [polygon]
        more = {"hall": halls[code]} if halls and code in halls else {}
        geometry = {"type": "MultiPolygon", "coordinates": parts}
        features.append({"type": "Feature", "properties": {"adcode": code, "name": name, **more}, "geometry": geometry})
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False).encode()


def put(folder: Path, content: bytes) -> None:
    put_boundaries(read_boundaries(content), folder)
