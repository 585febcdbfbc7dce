"""Every event of the contract, as the types that decode, validate and document it.

Source: docs/publishing.md. A field that is not listed is refused; `None` in an optional
field means the same as leaving the field out. Limits are whole working days, Asia/Shanghai.
"""

from __future__ import annotations

import enum
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from hallpulse.domain.catalogue import ItemVersion

# Patterns given by `shape` are checked by `texts`, not by msgspec: that one look costs less than a regex per field.
# `$` in Python also matches before a final line feed, hence `(?!\n)`; both mean the same in JSON Schema.


def shape(pattern: str, description: str, max_length: int, min_length: int = 1) -> Meta:
    return Meta(
        min_length=min_length,
        max_length=max_length,
        description=description,
        extra_json_schema={"pattern": pattern},
    )


Code = Annotated[
    str,
    shape(
        r"^[^\s\x00-\x1f\x7f](?:[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?$(?!\n)",
        "1 to 64 characters, no control characters, no white space at either end",
        64,
    ),
]
EventId = Annotated[str, shape(r"^[^\x00-\x1f\x7f]+$(?!\n)", "1 to 64 characters, no control characters", 64)]
Text = Annotated[str, shape(r"^[^\x00]*$", "at most 500 characters, none of them U+0000", 500, 0)]
ItemName = Annotated[str, shape(r"^[^\x00]*$", "1 to 300 characters, none of them U+0000", 300)]
Day = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$(?!\n)",
        description="a date, YYYY-MM-DD, Asia/Shanghai",
        extra_json_schema={"format": "date"},
    ),
]
Period = Annotated[
    str,
    Meta(pattern=r"^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$(?!\n)", description="a period, YYYY, YYYY-MM or YYYY-MM-DD"),
]
IndicatorId = Annotated[
    str,
    Meta(
        pattern=r"^[a-z][a-z0-9_]{0,63}$(?!\n)",
        description="1 to 64 lower-case letters, digits or underscores, a letter first",
    ),
]
Limit = Annotated[int, Meta(ge=0, le=36500, description="working days")]
Count = Annotated[int, Meta(ge=0, le=1_000_000_000)]
Amount = Annotated[int, Meta(ge=-1_000_000_000_000, le=1_000_000_000_000)]
Revision = Annotated[int, Meta(ge=0, le=1_000_000_000)]

Channel = Literal["window", "online", "kiosk", "post", "mobile"]
Outcome = Literal["granted", "refused", "other"]
Procedure = Literal[
    "hearing", "bidding", "auction", "inspection", "testing", "quarantine",
    "appraisal", "expert_review", "public_notice", "other",
]  # fmt: skip
ItemKind = Literal[
    "licensing", "confirmation", "payment", "reward", "adjudication", "levy",
    "inspection", "public_service", "other",
]  # fmt: skip
Handling = Literal["instant", "promised"]


class Family(enum.StrEnum):
    """The last word of a routing key."""

    CASE = "case"
    ITEM = "item"
    TALLY = "tally"
    FIGURE = "figure"
    HEARTBEAT = "heartbeat"


class EventType(enum.IntEnum):
    """Event types by the number that is stored; a number never changes its meaning."""

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


class CaseOnly(CaseData, frozen=True):
    types = (
        EventType.CASE_SUPPLEMENT_REQUESTED,
        EventType.CASE_SUPPLEMENTED,
        EventType.CASE_RESUMED,
        EventType.CASE_DELIVERED,
        EventType.CASE_WITHDRAWN,
    )


class Accepted(CaseData, frozen=True):
    types = (EventType.CASE_ACCEPTED,)
    unified: bool | None = None
    full_process: bool | None = None
    tolerated_missing: bool | None = None
    commitment: bool | None = None
    statutory_days: Limit | None = None
    promised_days: Limit | None = None


class Rejected(CaseData, frozen=True):
    types = (EventType.CASE_REJECTED,)
    reason: Text | None = None


class Suspended(CaseData, frozen=True):
    types = (EventType.CASE_SUSPENDED,)
    procedure: Procedure


class Extended(CaseData, frozen=True):
    types = (EventType.CASE_EXTENDED,)
    days: Annotated[int, Meta(ge=1, le=3650, description="working days")]


class Decided(CaseData, frozen=True):
    types = (EventType.CASE_DECIDED,)
    outcome: Outcome


class Rated(CaseData, frozen=True):
    types = (EventType.CASE_RATED,)
    score: Annotated[int, Meta(ge=1, le=5)]


class CaseRetracted(CaseData, frozen=True):
    types = (EventType.CASE_RETRACTED,)
    event_id: EventId
    reason: Text | None = None


class ItemPublished(Data, frozen=True):
    """One version of a catalogue item; `statutory_days` is none where the law sets none.

    A flag that is left out is not known.
    """

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
            settled=bool(self.settled),
            unified=bool(self.unified),
            full_process=bool(self.full_process),
            tolerates_missing=bool(self.tolerates_missing),
            commitment=bool(self.commitment),
            basic_code=self.basic_code,
        )


class ItemRetired(Data, frozen=True):
    types = (EventType.ITEM_RETIRED,)
    item_code: Code
    effective_from: Day

    @property
    def entity(self) -> str:
        return self.item_code


class ItemRetracted(Data, frozen=True):
    types = (EventType.ITEM_RETRACTED,)
    item_code: Code
    event_id: EventId
    reason: Text | None = None

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

    @property
    def entity(self) -> str:
        return self.date


class TallyRetracted(Data, frozen=True):
    types = (EventType.TALLY_RETRACTED,)
    date: Day
    event_id: EventId
    reason: Text | None = None

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

    @property
    def entity(self) -> str:
        return figure_entity(self.indicator, self.period, self.department)


class Heartbeat(Data, frozen=True):
    types = (EventType.HEARTBEAT,)


def figure_entity(indicator: str, period: str, department: str | None) -> str:
    """Key of a declared figure: `indicator|period|department`, department empty for the region's own."""
    return f"{indicator}|{period}|{department or ''}"


DATA_CLASSES: tuple[type[Data], ...] = (
    Received, CaseOnly, Accepted, Rejected, Suspended, Extended, Decided, Rated, CaseRetracted,
    ItemPublished, ItemRetired, ItemRetracted, TallyReported, TallyRetracted,
    FigureReported, FigureRetracted, Heartbeat,
)  # fmt: skip
DATA_OF: dict[EventType, type[Data]] = {kind: cls for cls in DATA_CLASSES for kind in cls.types}


class HallEvent(msgspec.Struct, frozen=True, gc=False):
    """An event that passed the contract.

    region: county code (6 digits) as an integer; hall: the hall's id; time: microseconds since 1970-01-01 UTC;
    extra: the other CloudEvents attributes (subject, dataschema, extensions) as canonical JSON, or None.
    Not kept: `traceparent` and `tracestate`, which belong to the delivery, not to what happened, and
    `datacontenttype`, which says application/json or is left out and means the same.
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
        """Whether two events with one (source, id) say the same thing."""
        return (self.type, self.time, self.data, self.extra) == (other.type, other.time, other.data, other.extra)
