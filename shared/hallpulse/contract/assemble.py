"""From a valid envelope to a `HallEvent`: the last checks, and the attributes that are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from .envelope import KIND_OF, Envelope
from .events import HallEvent, Heartbeat
from .personal import personal_field
from .reasons import Reason
from .refusal import Refused
from .rules import CHECKS, instant, place

_HEARTBEAT = Heartbeat()
_canonical = msgspec.json.Encoder(order="deterministic").encode


def hall_event(envelope: Envelope, now: int, extensions: Mapping[str, Any] | None = None) -> HallEvent:
    """The event; raises Refused where it breaks a rule that its types cannot state."""
    region, hall = place(envelope.source)
    data = envelope.data or _HEARTBEAT
    if (check := CHECKS.get(type(data))) is not None:
        check(data)
    kept = _kept(envelope, extensions)
    event = HallEvent(
        region,
        hall,
        envelope.id,
        KIND_OF[type(envelope)],
        instant(envelope.time, now),
        data,
        _canonical(kept) if kept else None,
    )
    if (field := personal_field(event, kept)) is not None:
        raise Refused(Reason.PERSONAL_DATA, field, "expected no identity number and no mobile phone number")
    return event


def _kept(envelope: Envelope, extensions: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if envelope.subject is None and envelope.dataschema is None and not extensions:
        return None
    named = {"subject": envelope.subject, "dataschema": envelope.dataschema}
    return {**{name: value for name, value in named.items() if value is not None}, **(extensions or {})}
