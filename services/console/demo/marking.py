"""How large a demonstration a suite's data holds: two different ones in one database would add up to nonsense."""

from __future__ import annotations

import json
from pathlib import Path

from hallpulse.domain.errors import HallpulseError
from services.local.layout import Layout


def refuse_another(layout: Layout, cases: int) -> None:
    """Raises HallpulseError where the data is of a demonstration with another number of cases."""
    try:
        found = json.loads(_place(layout).read_text())["cases"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    if found != cases:
        raise HallpulseError(
            f"{layout.root} holds a demonstration of {found} cases a year:"
            " delete it with `hallpulse down --purge`, or choose another directory with --dir"
        )


def mark(layout: Layout, cases: int) -> None:
    _place(layout).write_text(json.dumps({"cases": cases}))


def _place(layout: Layout) -> Path:
    """Inside the private database's directory, so that it goes when the data goes."""
    return (layout.database if layout.database.is_dir() else layout.root) / "demonstration.json"
