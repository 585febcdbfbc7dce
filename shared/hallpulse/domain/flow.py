"""The month balances (流量): carried + received = refused + decided + withdrawn + open, for any scope and days.

Source: docs/indicators.md, "The month balances". Each case comes in once, on the day of receipt, and leaves at most
once: by its decision, else by its rejection, else by its withdrawal. It leaves on that day, or on the day of receipt if
a source dates it earlier. Conditions are written once over the fields of a case; the store translates them to SQL.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_LEFT = (
    "decided if decided is not None else rejected if rejected is not None"
    " else withdrawn if withdrawn is not None else None"
)
LEFT = f"received if ({_LEFT}) < received else ({_LEFT})"
"""Expression of the day on which a case left; None while it is open."""
_LIMITED = "timed and (promised_days is not None or statutory_days is not None)"
_KEPT = "(promise_kept if promised_days is not None else statutory_kept)"
_DUE = "(due if promised_days is not None else statutory_due)"


@dataclass(frozen=True, slots=True)
class FlowPart:
    """One part of the balance. where: the condition of its cases, besides the day on which they came or left."""

    name: str
    zh: str
    en: str
    where: str


WAYS_OUT: Mapping[str, FlowPart] = {
    part.name: part
    for part in (
        FlowPart("refused", "不予受理", "refused", "decided is None and rejected is not None"),
        FlowPart(
            "decided_early", "提前办结", "decided before the due day",
            f"decided is not None and {_LIMITED} and {_KEPT} and decided < {_DUE}",
        ),
        FlowPart(
            "decided_on_time", "按期办结", "decided on the due day",
            f"decided is not None and {_LIMITED} and {_KEPT} and not decided < {_DUE}",
        ),
        FlowPart(
            "decided_late", "超期办结", "decided late",
            f"decided is not None and {_LIMITED} and not {_KEPT}",
        ),
        FlowPart(
            "decided_without_limit", "无时限办结", "decided without a limit",
            f"decided is not None and not ({_LIMITED})",
        ),
        FlowPart(
            "withdrawn", "撤件", "withdrawn undecided",
            "decided is None and rejected is None and withdrawn is not None",
        ),
    )
}  # fmt: skip
"""The ways in which a case leaves: it leaves by exactly one of them, or is open.

A case is decided late if it does not keep its promised limit, or its statutory limit if nothing is promised. A decision
on a day off right after the due day still keeps the limit.
"""
PARTS = ("carried", "received", *WAYS_OUT, "open")


@dataclass(frozen=True, slots=True)
class Flow:
    """The flow of some days: cases carried over from before, received, gone by each way out, and open at the end."""

    carried: int = 0
    received: int = 0
    refused: int = 0
    decided_early: int = 0
    decided_on_time: int = 0
    decided_late: int = 0
    decided_without_limit: int = 0
    withdrawn: int = 0
    open: int = 0

    def __add__(self, other: Flow) -> Flow:
        return Flow(*(getattr(self, name) + getattr(other, name) for name in PARTS))

    @property
    def decided(self) -> int:
        return self.decided_early + self.decided_on_time + self.decided_late + self.decided_without_limit

    @property
    def balances(self) -> bool:
        return self.carried + self.received == self.refused + self.decided + self.withdrawn + self.open
