"""The CloudEvents envelope on the wire: one type per event type, told apart by `type`."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Union, cast

import msgspec
from msgspec import Meta

from .events import DATA_OF, Data, EventType, Heartbeat
from .values import NO_CONTROL, EventId, anchored, shape

Source = Annotated[
    str,
    Meta(
        max_length=48,
        description="/REGION/HALL: a county code of GB/T 2260, and 1 to 40 of a-z, 0-9 and hyphen",
        extra_json_schema=anchored("^/(?:1[1-9]|[2-8][0-9]|9[01])[0-9]{2}(?:0[1-9]|[1-9][0-9])/[a-z0-9-]{1,40}$"),
    ),
]
Time = Annotated[
    str,
    Meta(
        max_length=64,
        description="a time, RFC 3339 with seconds and offset, such as 2026-03-02T09:30:00+08:00",
        extra_json_schema={
            "format": "date-time",
            **anchored(
                "^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
                r"[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
                "(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$"
            ),
        },
    ),
]
Attribute = Annotated[str, shape(NO_CONTROL, "1 to 1000 characters, no control characters", 1000)]
ContentType = Annotated[str, shape(r"^application/json[ \t]*(?:;[^\n]*)?$", "application/json", 100)]


class Envelope(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    """The attributes of every event; each event type adds its `type` and narrows `data`."""

    specversion: Literal["1.0"]
    id: EventId
    source: Source
    time: Time
    data: Data
    subject: Attribute | None = None
    datacontenttype: ContentType | None = None
    dataschema: Attribute | None = None
    traceparent: str | None = None
    tracestate: str | None = None


def _envelope_of(kind: EventType) -> type[Envelope]:
    data: Any = DATA_OF[kind]
    name = "".join(word.capitalize() for word in kind.name.split("_")) + "Event"
    made = msgspec.defstruct(
        name,
        [("data", Heartbeat | None, None) if data is Heartbeat else ("data", data)],
        bases=(Envelope,),
        module=__name__,
        tag_field="type",
        tag=kind.wire_name,
        kw_only=True,
        forbid_unknown_fields=True,
        gc=False,
    )
    return cast(type[Envelope], made)


ENVELOPES: dict[EventType, type[Envelope]] = {kind: _envelope_of(kind) for kind in EventType}
KIND_OF: dict[type[Envelope], EventType] = {envelope: kind for kind, envelope in ENVELOPES.items()}
AnyEnvelope: Any = Union[tuple(ENVELOPES.values())]  # noqa: UP007 - made from a table
