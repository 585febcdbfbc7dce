"""Events of a county's code that has ended: what begins on or after the day is refused, and the successor named."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from hallpulse.contract.encode import encode_event
from hallpulse.contract.events import (
    EventType,
    FigureReported,
    HallEvent,
    ItemPublished,
    ItemRetired,
    TallyReported,
)
from hallpulse.contract.reasons import Reason, Refusal
from hallpulse.domain.figures import period_window
from hallpulse.domain.succession import Ended
from hallpulse.domain.workdays import date_of, local_day


def beginning(event: HallEvent) -> date | None:
    """Return the day (Asia/Shanghai) on which what an event reports begins; None if it only continues something.

    A case begins with its receipt: its other events follow it under the code of its receipt. A retraction takes back
    what began before, and a heartbeat only says that a program runs.
    """
    data = event.data
    if event.type is EventType.CASE_RECEIVED:
        return date_of(local_day(event.time))
    if isinstance(data, ItemPublished | ItemRetired):
        return date.fromisoformat(data.effective_from)
    if isinstance(data, TallyReported):
        return date.fromisoformat(data.date)
    if isinstance(data, FigureReported):
        return period_window(data.period).start
    return None


def refusal_of(event: HallEvent, ended: Mapping[int, Ended]) -> Refusal | None:
    """Return the refusal of an event that begins something under a code that had ended by then; None for others."""
    end = ended.get(event.region)
    day = beginning(event) if end is not None else None
    if end is None or day is None or day < end.day:
        return None
    codes = " or ".join(map(str, end.successors))
    detail = f"expected the code {codes}, which succeeds {event.region} from {end.day} on ({end.document})"
    return Refusal(Reason.REGION_ENDED, "source", detail, f"/{event.region}/{event.hall}", encode_event(event))
