"""Plans → boards as Grafana reads them. Pure and deterministic."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from grafana_foundation_sdk.builders import dashboard as board
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from hallpulse.domain.plan import Plan
from services.boards.board.departments import departments
from services.boards.board.halls import halls
from services.boards.board.health import health
from services.boards.board.look import LANGUAGES, Look
from services.boards.board.overview import overview
from services.boards.board.quality import quality
from services.boards.board.target import target
from services.boards.intervals import Links

Maker = Callable[[Look, Sequence[Plan], Links], board.Dashboard]
MAKERS: Mapping[str, Maker] = {
    "overview": overview,
    "target": target,
    "departments": departments,
    "halls": halls,
    "quality": quality,
    "health": health,
}


def render_boards(plans: Sequence[Plan], links: Links | None = None) -> dict[str, str]:
    """Path → JSON of every board in both languages: zh/overview.json …"""
    return {
        f"{language}/{name}.json": as_json(maker(Look(language), plans, links or Links()))
        for language in LANGUAGES
        for name, maker in MAKERS.items()
    }


def as_json(made: board.Dashboard) -> str:
    built = made.build()
    # A link to a panel, and a person's eye on it, last as long as its place does.
    for number, panel in enumerate(built.panels or (), start=1):
        panel.id_val = number
    return json.dumps(built, cls=JSONEncoder, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
