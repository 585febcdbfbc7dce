"""Boundaries of the areas below a region, from GeoJSON files of the user: checked as a whole, and put in order.

A file REGION.geojson holds the prefectures of a province, the counties of a prefecture or the townships of a county.
Coordinates are degrees in WGS 84 or GCJ-02: some hundred metres do not matter to a map of areas.
"""

from .boundary_folder import BoundaryFolder, FoundBoundaries, put_boundaries, read_boundary_file
from .boundary_geometry import MOST_POSITIONS
from .geojson import MOST_AREAS, MOST_BYTES, AreaGeometry, Boundaries, BoundaryError, read_boundaries

__all__ = [
    "MOST_AREAS",
    "MOST_BYTES",
    "MOST_POSITIONS",
    "AreaGeometry",
    "Boundaries",
    "BoundaryError",
    "BoundaryFolder",
    "FoundBoundaries",
    "put_boundaries",
    "read_boundaries",
    "read_boundary_file",
]
