"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """patience: seconds to wait before a round until others leave the machine alone; loaded: latency under load too.

    stored: a county's events while questions are asked, so many times each; sizes: stored events beside which the
    ingest is measured; random_ids: with ids in no order, instead of ordered by time.
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
