"""The types that decode, validate and document every event of the contract.

Source: docs/publishing.md. A field that is not listed is refused; `None` in an optional
field means the same as leaving the field out. Limits are whole working days, Asia/Shanghai.
"""

from __future__ import annotations

import enum
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from hallpulse.domain.catalogue import ItemVersion

from .values import (
    Amount,
    Channel,
    Code,
    Corrected,
    Count,
    Day,
    EventId,
    Handling,
    IndicatorId,
    ItemKind,
    ItemName,
    Limit,
    Outcome,
    Period,
    Procedure,
    RatingChannel,
    Revision,
    Text,
)


class Family(enum.StrEnum):
    """The family of an event type, which is the last word of its routing key."""

    CASE = "case"
    ITEM = "item"
    TALLY = "tally"
    FIGURE = "figure"
    HEARTBEAT = "heartbeat"


class EventType(enum.IntEnum):
    """Event types, each with the number that the store keeps; a number never changes its meaning."""

    CASE_RECEIVED = 1
    CASE_SUPPLEMENT_REQUESTED = 2
    CASE_SUPPLEMENTED = 3
    CASE_ACCEPTED = 4
    CASE_REJECTED = 5
    CASE_SUSPENDED = 6
    CASE_RESUMED = 7
    CASE_EXTENDED = 8
    CASE_DECIDED = 9
    CASE_DELIVERED = 10
    CASE_RATED = 11
    CASE_WITHDRAWN = 12
    CASE_RETRACTED = 13
    CASE_RATING_ANSWERED = 14
    ITEM_PUBLISHED = 21
    ITEM_RETIRED = 22
    ITEM_RETRACTED = 23
    TALLY_REPORTED = 31
    TALLY_RETRACTED = 32
    FIGURE_REPORTED = 41
    FIGURE_RETRACTED = 42
    HEARTBEAT = 51

    @property
    def family(self) -> Family:
        return _FAMILY_OF_TENS[0 if self < 20 else self // 10]

    @property
    def wire_name(self) -> str:
        """The CloudEvents `type`, such as `hall.case.received.v1`."""
        return WIRE_NAMES[self]


_FAMILY_OF_TENS = {0: Family.CASE, 2: Family.ITEM, 3: Family.TALLY, 4: Family.FIGURE, 5: Family.HEARTBEAT}
WIRE_NAMES: dict[EventType, str] = {
    kind: "hall.heartbeat.v1"
    if kind is EventType.HEARTBEAT
    else "hall." + kind.name.lower().replace("_", ".", 1) + ".v1"
    for kind in EventType
}
TYPES_BY_NAME: dict[str, EventType] = {name: kind for kind, name in WIRE_NAMES.items()}


class Data(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """The `data` of an event. `entity` is what the event is about: the key that its corrections share."""

    types: ClassVar[tuple[EventType, ...]] = ()

    @property
    def entity(self) -> str:
        return ""


class CaseData(Data, frozen=True):
    case_id: Code

    @property
    def entity(self) -> str:
        return self.case_id


class Received(CaseData, frozen=True):
    types = (EventType.CASE_RECEIVED,)
    item_code: Code
    department: Code
    channel: Channel
    unified: bool | None = None
    full_process: bool | None = None
    tolerated_missing: bool | None = None
    commitment: bool | None = None
    statutory_days: Limit | None = None
    promised_days: Limit | None = None
    corrects: Corrected | None = None


class CaseOnly(CaseData, frozen=True):
    types = (
        EventType.CASE_SUPPLEMENT_REQUESTED,
        EventType.CASE_SUPPLEMENTED,
        EventType.CASE_RESUMED,
        EventType.CASE_DELIVERED,
        EventType.CASE_WITHDRAWN,
    )
    corrects: Corrected | None = None


class Accepted(CaseData, frozen=True):
    types = (EventType.CASE_ACCEPTED,)
    unified: bool | None = None
    full_process: bool | None = None
    tolerated_missing: bool | None = None
    commitment: bool | None = None
    statutory_days: Limit | None = None
    promised_days: Limit | None = None
    corrects: Corrected | None = None


class Rejected(CaseData, frozen=True):
    types = (EventType.CASE_REJECTED,)
    reason: Text | None = None
    corrects: Corrected | None = None


class Suspended(CaseData, frozen=True):
    types = (EventType.CASE_SUSPENDED,)
    procedure: Procedure
    corrects: Corrected | None = None


class Extended(CaseData, frozen=True):
    types = (EventType.CASE_EXTENDED,)
    days: Annotated[int, Meta(ge=1, le=3650, description="working days")]
    corrects: Corrected | None = None


class Decided(CaseData, frozen=True):
    types = (EventType.CASE_DECIDED,)
    outcome: Outcome
    corrects: Corrected | None = None


class Rated(CaseData, frozen=True):
    types = (EventType.CASE_RATED,)
    score: Annotated[int, Meta(ge=1, le=5)]
    channel: RatingChannel | None = None
    automatic: Annotated[bool, Meta(description="默认好评: given by default, by no person")] | None = None
    corrects: Corrected | None = None


class RatingAnswered(CaseData, frozen=True):
    """The answer to a bad rating: whether it was found to be true, and whether its cause was put right."""

    types = (EventType.CASE_RATING_ANSWERED,)
    verified: bool
    rectified: bool
    corrects: Corrected | None = None


class CaseRetracted(CaseData, frozen=True):
    types = (EventType.CASE_RETRACTED,)
    event_id: EventId
    reason: Text | None = None
    corrects: Corrected | None = None


class ItemPublished(Data, frozen=True):
    """One version of a catalogue item: without `statutory_days` the law sets none, a flag left out is not known."""

    types = (EventType.ITEM_PUBLISHED,)
    item_code: Code
    name: ItemName
    department: Code
    kind: ItemKind
    handling: Handling
    effective_from: Day
    basic_code: Code | None = None
    statutory_days: Limit | None = None
    promised_days: Limit | None = None
    settled: bool | None = None
    unified: bool | None = None
    full_process: bool | None = None
    tolerates_missing: bool | None = None
    commitment: bool | None = None
    corrects: Corrected | None = None

    @property
    def entity(self) -> str:
        return self.item_code

    @property
    def version(self) -> ItemVersion:
        """Return the version as the domain knows it."""
        return ItemVersion(
            name=self.name,
            department=self.department,
            kind=self.kind,
            instant=self.handling == "instant",
            statutory_days=self.statutory_days,
            promised_days=self.promised_days,
            settled=self.settled,
            unified=self.unified,
            full_process=self.full_process,
            tolerates_missing=self.tolerates_missing,
            commitment=self.commitment,
            basic_code=self.basic_code,
        )


class ItemRetired(Data, frozen=True):
    types = (EventType.ITEM_RETIRED,)
    item_code: Code
    effective_from: Day
    corrects: Corrected | None = None

    @property
    def entity(self) -> str:
        return self.item_code


class ItemRetracted(Data, frozen=True):
    types = (EventType.ITEM_RETRACTED,)
    item_code: Code
    event_id: EventId
    reason: Text | None = None
    corrects: Corrected | None = None

    @property
    def entity(self) -> str:
        return self.item_code


class TallyReported(Data, frozen=True):
    """One day's counts of a hall that cannot send cases."""

    types = (EventType.TALLY_REPORTED,)
    date: Day
    revision: Revision
    accepted: Count
    rejected: Count
    unified_accepted: Count
    full_process_accepted: Count
    decided: Count
    instant_decided: Count
    corrects: Corrected | None = None

    @property
    def entity(self) -> str:
        return self.date


class TallyRetracted(Data, frozen=True):
    types = (EventType.TALLY_RETRACTED,)
    date: Day
    event_id: EventId
    reason: Text | None = None
    corrects: Corrected | None = None

    @property
    def entity(self) -> str:
        return self.date


class FigureReported(Data, frozen=True):
    """A declared figure; without `department` it is the region's own."""

    types = (EventType.FIGURE_REPORTED,)
    indicator: IndicatorId
    period: Period
    revision: Revision
    numerator: Amount
    denominator: Amount | None = None
    department: Code | None = None
    corrects: Corrected | None = None

    @property
    def entity(self) -> str:
        return figure_entity(self.indicator, self.period, self.department)


class FigureRetracted(Data, frozen=True):
    types = (EventType.FIGURE_RETRACTED,)
    indicator: IndicatorId
    period: Period
    event_id: EventId
    department: Code | None = None
    reason: Text | None = None
    corrects: Corrected | None = None

    @property
    def entity(self) -> str:
        return figure_entity(self.indicator, self.period, self.department)


class Heartbeat(Data, frozen=True):
    types = (EventType.HEARTBEAT,)


def figure_entity(indicator: str, period: str, department: str | None) -> str:
    """Return the key of a declared figure: `indicator|period|department`, department empty for the region's own."""
    return f"{indicator}|{period}|{department or ''}"


DATA_CLASSES: tuple[type[Data], ...] = (
    Received, CaseOnly, Accepted, Rejected, Suspended, Extended, Decided, Rated, RatingAnswered, CaseRetracted,
    ItemPublished, ItemRetired, ItemRetracted, TallyReported, TallyRetracted,
    FigureReported, FigureRetracted, Heartbeat,
)  # fmt: skip
DATA_OF: dict[EventType, type[Data]] = {kind: cls for cls in DATA_CLASSES for kind in cls.types}


def corrects_of(data: Data) -> str | None:
    """Return the id of the event that this one replaces; None if it replaces none."""
    named: str | None = getattr(data, "corrects", None)
    return named


class HallEvent(msgspec.Struct, frozen=True, gc=False):
    """An event that passed the contract.

    region: county code (6 digits) as an integer; hall: the hall's id; time: microseconds since 1970-01-01 UTC;
    extra: the other CloudEvents attributes (subject, dataschema, extensions) as canonical JSON, or None.
    Three attributes are not kept: `traceparent` and `tracestate` belong to the delivery, not to what happened, and
    `datacontenttype` can only be application/json.
    """

    region: int
    hall: str
    id: str
    type: EventType
    time: int
    data: Data
    extra: bytes | None = None

    @property
    def entity(self) -> str:
        return self.data.entity

    def same_content(self, other: HallEvent) -> bool:
        """Return whether two events with one (source, id) say the same thing."""
        return (self.type, self.time, self.data, self.extra) == (other.type, other.time, other.data, other.extra)
