"""The opening of a case: the part of a row that is the same in many rows, and is therefore parsed only once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from hallpulse.contract.events import DATA_OF, Data, Received
from services.importing.sheet_reader import SheetReader, limit_notes, picker

from .case_import import ANY_CASE, CaseImport
from .cells import Cell, folded, text_of
from .fields import STEPS
from .layout import Row
from .limits import BOTH_LIMITS
from .notes import Note, Oddity
from .problems import BadRow, RowProblem
from .words import CHANNELS

_BOOLEANS = ("unified", "full_process", "tolerated_missing", "commitment")
_FIELDS = (
    *("item_code", "sub_code", "item_name", "department", "channel", *_BOOLEANS),
    *(*BOTH_LIMITS, "statutory_unit", "promised_unit", "limit_unit"),
)
_MOST = 50_000
"""Most openings that are kept at once, which bounds the memory."""


class _Opening(NamedTuple):
    """An opening that was understood. notes: the notes on the first row that had it."""

    data: Received
    notes: Sequence[Note]


@dataclass(slots=True)
class Openings:
    """The openings of a sheet, cached by the cells that give them and the cells' types, because True equals 1."""

    reader: SheetReader
    wanted: CaseImport
    _known: dict[object, _Opening] = field(default_factory=dict)
    _cells: Callable[[Sequence[Cell]], tuple[Cell, ...]] = field(init=False)

    def __post_init__(self) -> None:
        self._cells = picker([*self.reader.indices(_FIELDS), *self.reader.joined_indices()])

    def opening_of(self, row: Row, case_id: str) -> tuple[Received, list[Note]]:
        """Return the data of the row's `received` event, with ANY_CASE as case id, and its notes. Raise BadRow."""
        cells = self._cells(row.cells)
        key = (cells, *map(type, cells))
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _MOST:
                self._known.clear()
            reading = _Reading(self.reader, row, self.wanted, case_id)
            found = self._known[key] = _Opening(reading.read(), reading.notes)
        line = row.line
        return found.data, [Note(line, case_id, *note[2:]) for note in found.notes]


@dataclass(slots=True)
class _Reading:
    """Reads the opening of one row."""

    reader: SheetReader
    row: Row
    wanted: CaseImport
    case_id: str
    notes: list[Note] = field(default_factory=list)

    def read(self) -> Received:
        item_code = self._item()
        opening = {
            "item_code": item_code,
            "department": self._department(item_code),
            "channel": self._channel(),
            **{name: self.reader.yes_no(self.row, name) for name in _BOOLEANS if self.reader.has(name)},
            **self._limits(),
        }
        data = made("received", opening)
        assert isinstance(data, Received)
        return data

    def _note(self, name: str, what: Oddity, written: str = "", became: str = "") -> None:
        self.notes.append(Note(self.row.line, self.case_id, name, what, written, became))

    def _item(self) -> str:
        """Return the item's code: as written, with leading zeros restored, or found by its name. Raise BadRow."""
        code, sub = self.reader.code(self.row, "item_code"), self.reader.code(self.row, "sub_code")
        for candidate in (sub, code):
            if candidate and candidate in self.wanted.catalogue:
                self._look_at_name(candidate)
                return candidate
        for candidate in filter(str.isdigit, (sub, code)):
            fitting = self.wanted.by_number(candidate)
            if len(fitting) == 1:
                self._note("item_code", Oddity.ZEROS_RESTORED, candidate, fitting[0])
                return fitting[0]
        if code or sub:
            return code or sub
        name = self.reader.text(self.row, "item_name")
        if not name:
            raise BadRow(RowProblem.MISSING_FIELD, "item_code")
        named = self.wanted.by_name(name)
        if len(named) != 1:
            raise BadRow(RowProblem.UNKNOWN_ITEM, "item_name", name)
        self._note("item_code", Oddity.FOUND_BY_NAME, name, named[0])
        return named[0]

    def _look_at_name(self, item_code: str) -> None:
        """Note a name of the item that the catalogue never had: the code may belong to another item."""
        written = self.reader.text(self.row, "item_name") if self.reader.has("item_name") else ""
        if written:
            spans = self.wanted.catalogue[item_code]
            names = {folded(span.version.name) for span in spans}
            plain = folded(written)
            if not any(plain in name or name in plain for name in names):
                self._note("item_code", Oddity.NAME_OTHER, written, spans[-1].version.name)

    def _department(self, item_code: str) -> str:
        written, of_item = self.reader.department(self.row), self.wanted.department_of(item_code)
        if not written:
            return self.reader.required("department", of_item)
        known = self.reader.departments.find(written, of_item)
        if known is None:
            raise BadRow(RowProblem.BAD_WORD, "department", written)
        if known != written:
            self._note("department", Oddity.DEPARTMENT_RENAMED, written, known)
        return known

    def _channel(self) -> str:
        """Return the channel; note an unknown one and take `window`, because no figure depends on channels."""
        written = text_of(self.reader.cell(self.row, "channel"))
        try:
            known = self.reader.word(self.row, "channel", CHANNELS)
        except BadRow:
            self._note("channel", Oddity.CHANNEL_UNKNOWN, written, "window")
            return "window"
        if known is None and self.reader.has("channel"):
            self._note("channel", Oddity.CHANNEL_ASSUMED, "", "window")
        return known or "window"

    def _limits(self) -> dict[str, int | None]:
        """Return the limits, in working days, that the row gives."""
        limits: dict[str, int | None] = {}
        for name in BOTH_LIMITS:
            found = None if name in self.reader.profile.days_until else self.reader.limit(self.row, name)
            if found is not None:
                limits[name] = found.days
                if found.conversions:
                    written = text_of(self.reader.cell(self.row, name))
                    self.notes.extend(limit_notes(self.row, self.case_id, name, found, written))
        return limits


def made(step: str, fields: Mapping[str, Any]) -> Data:
    """Return the data of a step, with ANY_CASE as case id. Raise BadRow for a value that the contract refuses."""
    try:
        return _makers[step]({name: value for name, value in fields.items() if value is not None})
    except msgspec.ValidationError as error:
        message, _, name = str(error).partition(" - at `$.")
        raise BadRow("bad-field", name.rstrip("`"), message) from None


def _maker(step: str) -> Callable[[Mapping[str, Any]], Data]:
    kind = DATA_OF[STEPS[step]]
    return lambda fields: msgspec.convert({"case_id": ANY_CASE, **fields}, kind)


_makers = {step: _maker(step) for step in STEPS}
