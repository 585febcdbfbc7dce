"""Import of a catalogue: a row becomes an item version; fields that the table lacks keep their stored values."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec

from hallpulse.contract.decode import EVENT_TYPE, decode_events
from hallpulse.contract.encode import encode_event
from hallpulse.contract.events import EventType, HallEvent, ItemPublished
from hallpulse.contract.values import Handling
from hallpulse.domain.catalogue import ItemVersion, Timeline, span_on
from hallpulse.domain.workdays import day_of
from services.importing.sheet_reader import SheetReader, limit_notes

from .cells import folded, text_of, word_of, word_set
from .layout import Row
from .limits import Limit
from .notes import Note, Oddity
from .problems import BadRow, RowProblem
from .words import HANDLINGS, KINDS

NAMESPACE = uuid.UUID("6d1c5b6e-59a4-5a57-9a4e-0b9f5d3f0c11")
FLAGS = ("settled", "unified", "full_process", "tolerates_missing", "commitment")
_IN_FORCE = word_set("在用 启用 已发布 发布 有效 正常 生效 in_force 是")
_canonical = msgspec.json.Encoder(order="deterministic").encode


@dataclass(frozen=True, slots=True)
class CatalogueImport:
    """The context of an import of a catalogue.

    region, hall: whose catalogue it is; saved, now: when the file was saved and the current time, in microseconds since
    1970-01-01 UTC; known: the stored catalogue, empty if the database does not answer.
    """

    region: int
    hall: str
    saved: int
    now: int
    known: Mapping[str, Timeline]


def item_code_of(reader: SheetReader, row: Row) -> str:
    """Return the code that identifies the row's item; empty without one. Raise BadRow for a spoilt code.

    If a 实施编码 has several 业务办理项, each of them is an item, identified by its 业务办理项编码.
    """
    if reader.decisions.identify == "name":
        return reader.text(row, "name")
    code = reader.code(row, "item_code")
    sub = reader.code(row, "sub_code")
    return (sub or code) if reader.decisions.identify == "sub_code" else (code or sub)


def item_of(reader: SheetReader, row: Row, known: Mapping[str, Timeline]) -> tuple[ItemPublished, list[Note]]:
    """Return a row's item version, with notes on conversions and oddities. Raise BadRow.

    known: the stored catalogue.
    """
    reader.refuse_unreadable(row)
    code, zeros = _with_zeros(row, reader.required("item_code", item_code_of(reader, row)), known)
    _refuse_retired(reader, row)
    effective = reader.day(row, "effective_from") or reader.decisions.effective_from
    if effective is None:
        raise BadRow(RowProblem.MISSING_FIELD, "effective_from")
    span = span_on(known.get(code, ()), day_of(effective))
    stored = None if span is None else span.version
    data, notes = _Item(reader, row, code, effective, stored).read()
    return data, [*zeros, *notes]


def _with_zeros(row: Row, code: str, known: Mapping[str, Timeline]) -> tuple[str, list[Note]]:
    """Return a numeric code with its leading zeros, which spreadsheets lose, if exactly one stored item fits."""
    if code in known or not code.isdigit() or not code.isascii():
        return code, []
    bare = code.lstrip("0")
    fitting = [other for other in known if other.isdigit() and other.lstrip("0") == bare]
    if len(fitting) != 1:
        return code, []
    return fitting[0], [Note(row.line, fitting[0], "item_code", Oddity.ZEROS_RESTORED, code, fitting[0])]


def _refuse_retired(reader: SheetReader, row: Row) -> None:
    word = word_of(reader.cell(row, "state"))
    own = reader.words.get("state", {})
    if word and word not in _IN_FORCE and own.get(word) != "in_force":
        raise BadRow(RowProblem.NOT_IN_FORCE, "state", text_of(reader.cell(row, "state")))
    if reader.yes_no(row, "void"):
        raise BadRow(RowProblem.NOT_IN_FORCE, "void", text_of(reader.cell(row, "void")))


@dataclass(slots=True)
class _Item:
    """Reads one row as an item version, field by field."""

    reader: SheetReader
    row: Row
    code: str
    effective: date
    stored: ItemVersion | None

    def read(self) -> tuple[ItemPublished, list[Note]]:
        statutory = self.reader.limit(self.row, "statutory_days")
        promised = self.reader.limit(self.row, "promised_days")
        fields: dict[str, Any] = {
            "item_code": self.code,
            "basic_code": self.reader.text(self.row, "basic_code") or self._kept("basic_code"),
            "name": self._name(),
            "effective_from": self.effective.isoformat(),
            "statutory_days": self._kept("statutory_days") if statutory is None else statutory.days,
            "promised_days": self._kept("promised_days") if promised is None else promised.days,
            **{flag: self._flag(flag) for flag in FLAGS},
        }
        notes = [*self._limit_notes("statutory_days", statutory), *self._limit_notes("promised_days", promised)]
        notes += [self._note("item_code", Oddity.CODE_SPACED, self.code)] if " " in self.code and self._has_code else []
        notes += self._other_name(fields["name"])
        fields["department"], of_department = self._department()
        fields["kind"], of_kind = self._kind()
        fields["handling"], of_handling = self._handling(fields["promised_days"])
        if fields["handling"] == "instant":
            fields["promised_days"] = 0
        notes += [*of_department, *of_kind, *of_handling, *self._odd(fields)]
        return _converted({name: value for name, value in fields.items() if value is not None}), notes

    @property
    def _has_code(self) -> bool:
        return self.reader.decisions.identify != "name"

    def _note(self, name: str, what: Oddity, written: str = "", became: str = "") -> Note:
        return Note(self.row.line, self.code, name, what, written, became)

    def _limit_notes(self, name: str, found: Limit | None) -> list[Note]:
        return limit_notes(self.row, self.code, name, found, text_of(self.reader.cell(self.row, name)))

    def _kept(self, name: str) -> Any:
        return None if self.stored is None else getattr(self.stored, name)

    def _name(self) -> str:
        name, sub = (self.reader.name(self.row, field) for field in ("name", "sub_name"))
        if self.reader.decisions.identify == "sub_code" and sub:
            return sub
        return self.reader.required("name", name or sub or self._kept("name") or "")

    def _other_name(self, name: str) -> list[Note]:
        """Return a note if the stored item with this code has quite another name."""
        stored = folded(self.stored.name) if self.stored is not None else ""
        alike = not stored or folded(name) in stored or stored in folded(name)
        return [] if alike else [self._note("name", Oddity.NAME_OTHER, name, self._kept("name"))]

    def _department(self) -> tuple[str, list[Note]]:
        written = self.reader.department(self.row)
        if not written and self.reader.decisions.department_from_sheet:
            written = self.reader.layout.sheet.name
        if not written:
            return self.reader.required("department", self._kept("department") or ""), []
        known = self.reader.departments.find(written)
        if known is None:
            raise BadRow(RowProblem.BAD_WORD, "department", written)
        renamed = [self._note("department", Oddity.DEPARTMENT_RENAMED, written, known)]
        return known, renamed if known != written else []

    def _kind(self) -> tuple[str, list[Note]]:
        written = text_of(self.reader.cell(self.row, "kind"))
        try:
            known = self.reader.word(self.row, "kind", KINDS)
        except BadRow:
            known = None
        if known is None and not written:
            known = self._kept("kind")
        unknown = known is None and self.reader.has("kind")
        return known or "other", [self._note("kind", Oddity.KIND_UNKNOWN, written, "other")] if unknown else []

    def _handling(self, promised: int | None) -> tuple[Handling, list[Note]]:
        """Return the handling as written, or as stored; without either, an item with a promise of 0 days is instant."""
        written: Handling | None = self.reader.word(self.row, "handling", HANDLINGS)
        if written is None and self.stored is not None:
            written = "instant" if self.stored.instant else "promised"
        if written is None:
            derived: Handling = "instant" if promised == 0 else "promised"
            return derived, [self._note("handling", Oddity.HANDLING_FROM_LIMIT, "", derived)]
        if written == "instant" and promised:
            raise BadRow(RowProblem.INSTANT_WITH_LIMIT, "promised_days", self.reader.text(self.row, "promised_days"))
        return written, []

    def _flag(self, name: str) -> bool | None:
        """Return a flag from the row, or as stored; None, which is not the same as no, if neither has it."""
        said = self.reader.yes_no(self.row, name)
        kept: bool | None = self._kept(name)
        return kept if said is None else said

    def _odd(self, fields: Mapping[str, Any]) -> list[Note]:
        statutory, promised = fields["statutory_days"], fields["promised_days"]
        notes = []
        if statutory is not None and promised is not None and promised > statutory:
            notes.append(self._note("promised_days", Oddity.PROMISED_OVER_STATUTORY, f"{promised} > {statutory}"))
        if promised is None and fields["handling"] == "promised":
            notes.append(self._note("promised_days", Oddity.NO_PROMISE, self.reader.text(self.row, "promised_days")))
        return notes


def _converted(fields: dict[str, Any]) -> ItemPublished:
    try:
        return msgspec.convert(fields, ItemPublished)
    except msgspec.ValidationError as error:
        message, _, field = str(error).partition(" - at `$.")
        raise BadRow("bad-field", field.rstrip("`"), message) from None


def item_event(wanted: CatalogueImport, data: ItemPublished, time: int) -> HallEvent:
    """Return the event of an item version. Its id follows from its content: the same file gives the same events again.

    time: microseconds since 1970-01-01 UTC.
    """
    said = f"/{wanted.region}/{wanted.hall}|{time}|{_canonical(data).decode()}"
    id_ = str(uuid.uuid5(NAMESPACE, said))
    return HallEvent(wanted.region, wanted.hall, id_, EventType.ITEM_PUBLISHED, time, data)


def time_of(data: ItemPublished, wanted: CatalogueImport) -> tuple[int, bool] | None:
    """Return the time of a version's event and whether the item is new; None if the version is already in force.

    The time, in microseconds since 1970-01-01 UTC, is that of the file, so that the later of two files about one day
    counts. For a correction of a version from the same day, it is the current time.
    """
    day = day_of(date.fromisoformat(data.effective_from))
    spans = wanted.known.get(data.item_code, ())
    span = span_on(spans, day)
    if span is not None and span.version == data.version:
        return None
    return wanted.now if span is not None and span.start == day else min(wanted.saved, wanted.now), not spans


def correcting(data: ItemPublished, wanted: CatalogueImport) -> ItemPublished:
    """Return the version, as a correction if this hall has already published a version from the same day."""
    day = day_of(date.fromisoformat(data.effective_from))
    span = span_on(wanted.known.get(data.item_code, ()), day)
    if span is None or span.start != day or span.hall != wanted.hall:
        return data
    return msgspec.structs.replace(data, corrects=span.id)


def checked(event: HallEvent, now: int) -> HallEvent:
    """Return the event if the contract accepts it; otherwise raise BadRow with the contract's reason."""
    outcome = decode_events(encode_event(event), content_type=EVENT_TYPE, now=now)[0]
    if isinstance(outcome, HallEvent):
        return outcome
    raise BadRow(outcome.reason, outcome.field.removeprefix("data."), outcome.detail)
