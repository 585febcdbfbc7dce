"""The options of a bench run: how much is measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """The options of a bench run.

    patience: most seconds to wait before a round until other programs leave the machine alone; loaded: measure the
    latency also under load; stored: a county's events for section `reads`; sizes: numbers of stored events for section
    `growth`; random_ids: use random ids instead of ids in the order of time; plain, citus: URLs of
    databases for section `citus`.
    """

    events: int = 100_000
    rounds: int = 5
    patience: float = 0.0
    probes: int = 200
    loaded: bool = True
    random_ids: bool = False
    stored: int = 200_000
    asked: int = 100
    sizes: tuple[int, ...] = (1_000_000, 10_000_000)
    plain: str = ""
    citus: str = ""
