"""A board's fingerprint, which one of its tags keeps, and the differences between two boards. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

PREFIX = "hallpulse-sha-"
GRAFANAS_OWN = ("id", "version", "iteration")
"""Fields that Grafana sets when it saves a board."""
Board = dict[str, Any]


def fingerprint(board: Board) -> str:
    """Return a hash of all that a person can change in a board: boards with equal content have equal hashes."""
    return hashlib.sha256(json.dumps(_plain(board), sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:16]


def stamped(board: Board) -> Board:
    """Return the board with its fingerprint among its tags."""
    plain = _plain(board)
    return {**plain, "tags": [*plain.get("tags", []), PREFIX + fingerprint(board)]}


def stamp_of(board: Board) -> str | None:
    """Return the fingerprint that the board had when it was pushed; None if it was never pushed."""
    found = [tag for tag in board.get("tags") or [] if isinstance(tag, str) and tag.startswith(PREFIX)]
    return found[0].removeprefix(PREFIX) if found else None


def _plain(board: Board) -> Board:
    tags = [tag for tag in board.get("tags") or [] if not str(tag).startswith(PREFIX)]
    return {**{key: value for key, value in board.items() if key not in GRAFANAS_OWN}, "tags": tags}


def differences(theirs: Board, ours: Board, most: int = 10) -> list[str]:
    """Return a line for each difference between the board in Grafana and the rendered one.

    most: the number of lines, after which one line says how many more differences there are.
    """
    found = list(_differences("", _plain(theirs), _plain(ours)))
    return found[:most] + ([f"… and {len(found) - most} more"] if len(found) > most else [])


def _differences(path: str, theirs: Any, ours: Any) -> Iterator[str]:
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in sorted({*theirs, *ours}):
            yield from _differences(f"{path}.{key}".lstrip("."), theirs.get(key), ours.get(key))
    elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        for place, (their, our) in enumerate(zip(theirs, ours, strict=True)):
            yield from _differences(f"{path}[{place}]", their, our)
    elif theirs != ours:
        yield f"{path}: {_short(theirs)} in Grafana, {_short(ours)} rendered"


def _short(value: Any) -> str:
    if isinstance(value, list):
        return f"{len(value)} entries"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}…"
