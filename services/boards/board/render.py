"""Rendering of plans into Grafana's boards. Pure and deterministic."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from grafana_foundation_sdk.builders import dashboard as board
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from hallpulse.domain.plan import Plan
from services.boards.board.departments import departments
from services.boards.board.halls import halls
from services.boards.board.health import health
from services.boards.board.overview import overview
from services.boards.board.panels import LANGUAGES, Panels
from services.boards.board.quality import quality
from services.boards.board.target import target
from services.boards.intervals import Links

Maker = Callable[[Panels, Sequence[Plan], Links], board.Dashboard]
MAKERS: Mapping[str, Maker] = {
    "overview": overview,
    "target": target,
    "departments": departments,
    "halls": halls,
    "quality": quality,
    "health": health,
}


def render_boards(plans: Sequence[Plan], links: Links | None = None) -> dict[str, str]:
    """Return every board in both languages as JSON, by path: zh/overview.json, …"""
    return {
        f"{language}/{name}.json": as_json(maker(Panels(language), plans, links or Links()))
        for language in LANGUAGES
        for name, maker in MAKERS.items()
    }


def as_json(made: board.Dashboard) -> str:
    built = made.build()
    # A link to a panel stays valid while the panel keeps its position.
    for number, panel in enumerate(built.panels or (), start=1):
        panel.id_val = number
    return json.dumps(built, cls=JSONEncoder, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
