"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """patience: seconds to wait before a round for others to leave the machine alone."""

    events: int = 60_000
    rounds: int = 5
    patience: float = 0.0
    probes: int = 200
