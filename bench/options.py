"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """patience: seconds to wait before a round until others leave the machine alone; loaded: latency under load too."""

    events: int = 60_000
    rounds: int = 5
    patience: float = 0.0
    probes: int = 200
    loaded: bool = True
