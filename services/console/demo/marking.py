"""Which demonstration a suite's data holds: two different ones in one database would add up to nonsense."""

from __future__ import annotations

import json
from pathlib import Path

from hallpulse.domain.errors import HallpulseError
from services.console.simulate import County
from services.console.suite.layout import Layout


def check_mark(layout: Layout, county: County) -> None:
    """Raises HallpulseError where the data is of a demonstration with another number of cases or another plan."""
    wanted = {"plan": county.plan.id, "cases": county.cases, "seed": county.seed}
    path = _place(layout)
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        path.write_text(json.dumps(wanted))
        return
    if found.get("plan") == wanted["plan"] and found != wanted:
        raise HallpulseError(
            f"{layout.root} holds a demonstration of {found.get('cases')} cases a year:"
            " delete it with `hallpulse down --purge`, or choose another directory with --dir"
        )


def _place(layout: Layout) -> Path:
    """Inside the private database's directory, so that it goes when the data goes."""
    return (layout.database if layout.database.is_dir() else layout.root) / "demonstration.json"
