"""The folder of boundaries: a file REGION.geojson for each region that has some."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import msgspec

from hallpulse.contract.reasons import Sentence

from .geojson import MOST_BYTES, Boundaries, BoundaryError, read_boundaries, refuse

_MOST_KEPT = 4
"""Regions whose boundaries are kept in memory."""


class _Stamp(NamedTuple):
    """By which a changed file is recognised."""

    inode: int
    size: int
    modified: int


@dataclass(frozen=True, slots=True)
class FoundBoundaries:
    """A region's boundaries in the folder: none, or the problems that make them unusable."""

    areas: Boundaries | None = None
    problems: tuple[Sentence, ...] = ()


class BoundaryFolder:
    """A folder whose files are read again when they change. folder: None where no boundaries are given."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._kept: dict[int, tuple[_Stamp, FoundBoundaries]] = {}

    def find(self, region: int) -> FoundBoundaries:
        """Return the boundaries below a region."""
        if self._folder is None:
            return FoundBoundaries()
        path = _place(self._folder, region)
        try:
            seen = path.stat()
        except FileNotFoundError:
            return FoundBoundaries()
        except OSError:
            return _found(path, region)
        stamp = _Stamp(seen.st_ino, seen.st_size, seen.st_mtime_ns)
        known = self._kept.get(region)
        if known is None or known[0] != stamp:
            known = stamp, _found(path, region)
            self._kept[region] = known
            for least in list(self._kept)[:-_MOST_KEPT]:
                self._kept.pop(least, None)
        return known[1]


def _found(path: Path, region: int) -> FoundBoundaries:
    try:
        return FoundBoundaries(read_boundary_file(path, region))
    except BoundaryError as error:
        return FoundBoundaries(problems=error.problems)


def read_boundary_file(path: Path, region: int | None = None, halls: Mapping[str, str] | None = None) -> Boundaries:
    """Return the boundaries in a file, as `read_boundaries` does. Raises BoundaryError also if it cannot be read."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            refuse(f"{path.name} 不是文件", f"{path.name} is no file")
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        why = os.strerror(error.errno or 0)
        refuse(f"{path.name} 无法读取：{why}", f"{path.name} cannot be read: {why}")
    return read_boundaries(content, region, halls)


def put_boundaries(boundaries: Boundaries, folder: Path) -> Path:
    """Write boundaries into their place, whole or not at all, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    place = _place(folder, boundaries.region)
    handle, name = tempfile.mkstemp(dir=folder, prefix=".boundaries-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.encode(boundaries))
        Path(name).chmod(0o644)
        Path(name).replace(place)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return place


def _place(folder: Path, region: int | str) -> Path:
    return folder / f"{region}.geojson"
