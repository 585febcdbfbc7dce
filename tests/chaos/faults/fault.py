"""What a fault is: it strikes, lasts, and is healed, as whoever runs the suite would heal it."""

from __future__ import annotations

from typing import Protocol

from tests.chaos.ground import Ground


class Fault(Protocol):
    """`name`: its kind, for the table; `lasts`: seconds from strike to heal."""

    name: str
    lasts: float

    def strike(self, ground: Ground) -> str:
        """What it met, in a few words. Raises Missed where there was nothing to strike; nothing is changed then."""

    def heal(self, ground: Ground) -> None:
        """Whatever the supervisor and the operator do; returns once that is done, not once all is well."""
