"""One row of a table of cases as the events of that case: its status first, then its dates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from hallpulse.contract.events import DATA_OF
from hallpulse.domain.catalogue import span_on
from hallpulse.domain.workdays import local_day
from services.importing.sheet_reader import SheetReader, limit_notes

from .case_import import CaseImport, UnderstoodCase
from .cells import text_of, word_of
from .fields import STEPS
from .layout import Row
from .limits import MAX_DAYS, BadLimit, parse_limit
from .problems import BadRow, Note, Oddity, RowProblem
from .words import CHANNELS, DEFAULT_GOOD, EXTENSIONS, PROCEDURES, Ending, ending_of, joined_ending, score_of

_SECOND = 1_000_000
_BEST = 5
_BOOLEANS = ("unified", "full_process", "tolerated_missing", "commitment")
_ENDINGS = ("status", "ending", "outcome")
_OUTCOMES = {
    Ending.GRANTED: "granted",
    Ending.REFUSED: "refused",
    Ending.FORWARDED: "forwarded",
    Ending.OTHER: "other",
    Ending.CLOSED: "other",
}


def case_of(reader: SheetReader, row: Row, wanted: CaseImport) -> UnderstoodCase:
    """The steps that a row tells. Raises BadRow."""
    reader.refuse_unreadable(row)
    return _Case(reader, row, wanted).read()


@dataclass(slots=True)
class _Case:
    """The reading of one row."""

    reader: SheetReader
    row: Row
    wanted: CaseImport
    case_id: str = ""
    notes: list[Note] = field(default_factory=list)

    def read(self) -> UnderstoodCase:
        self.case_id = self.reader.required("case_id", self.reader.code(self.row, "case_id"))
        opening = self._opening()
        times = self._times()
        if "received" not in times:
            raise BadRow(RowProblem.MISSING_FIELD, "received")
        outcome = self._settle(times)
        details = {"received": opening, **self._details(times, outcome)}
        self._limits(opening, times)
        self._look_at_item(opening["item_code"], times)
        steps = [
            (STEPS[step], times[step], self._data(step, details.get(step)))
            for step in sorted(times, key=_ORDER.__getitem__)
        ]
        self._reversed(times)
        return UnderstoodCase(self.row.line, self.case_id, steps, self.notes)

    def _note(self, name: str, what: Oddity, written: str = "", became: str = "") -> None:
        self.notes.append(Note(self.row.line, self.case_id, name, what, written, became))

    def _data(self, step: str, fields: Mapping[str, Any] | None) -> Any:
        if fields is None:
            return DATA_OF[STEPS[step]](self.case_id)
        try:
            return _makers[step](self.case_id, {name: value for name, value in fields.items() if value is not None})
        except msgspec.ValidationError as error:
            message, _, name = str(error).partition(" - at `$.")
            raise BadRow("bad-field", name.rstrip("`"), message) from None

    def _opening(self) -> dict[str, Any]:
        item_code = self._item()
        return {
            "item_code": item_code,
            "department": self._department(item_code),
            "channel": self._channel(),
            **{name: self.reader.yes_no(self.row, name) for name in _BOOLEANS if self.reader.has(name)},
        }

    def _item(self) -> str:
        """The item's code: as written, with its leading zeros, or by its name. Raises BadRow."""
        code, sub = self.reader.code(self.row, "item_code"), self.reader.code(self.row, "sub_code")
        for candidate in (sub, code):
            if candidate and candidate in self.wanted.catalogue:
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

    def _department(self, item_code: str) -> str:
        written, of_item = self.reader.text(self.row, "department"), self.wanted.department_of(item_code)
        if not written:
            return self.reader.required("department", of_item)
        known = self.reader.departments.find(written, of_item)
        if known is None:
            raise BadRow(RowProblem.BAD_WORD, "department", written)
        if known != written:
            self._note("department", Oddity.DEPARTMENT_RENAMED, written, known)
        return known

    def _channel(self) -> str:
        """No figure counts channels: one that is not known is said, and costs no case."""
        written = text_of(self.reader.cell(self.row, "channel"))
        try:
            known = self.reader.word(self.row, "channel", CHANNELS)
        except BadRow:
            self._note("channel", Oddity.CHANNEL_UNKNOWN, written, "window")
            return "window"
        if known is None and self.reader.has("channel"):
            self._note("channel", Oddity.CHANNEL_ASSUMED, "", "window")
        return known or "window"

    def _times(self) -> dict[str, int]:
        """step → microseconds since 1970-01-01 UTC.

        A step that is dated to the day only comes a second after what came before it on that day: in the order of a
        case's life, so that 受理 and 办结 on one day are not taken for 先办后收.
        """
        times: dict[str, int] = {}
        for step, index in self.reader.steps:
            moment = self.reader.moment_at(self.row, step, index)
            if moment is not None:
                times[step] = moment.time if moment.has_time else _after(times, moment.time)
        for step, other in self.reader.profile.same_time.items():
            if other in times:
                times[step] = times[other]
        return times

    def _settle(self, times: dict[str, int]) -> str:
        """Let the status say what the dates mean; the outcome of a decision. Raises BadRow for a contradiction."""
        ending = self._ending()
        ended = times.get("decided", times.get("withdrawn", times.get("rejected")))
        if ending is None:
            return self._unsaid(times)
        if ending is Ending.OPEN:
            if ended is not None:
                raise BadRow(RowProblem.DATED_BUT_OPEN, self._said_in(), self._said())
        elif ending is Ending.REJECTED:
            self._ended_as("rejected", times, ended if ended is not None else times.get("accepted"))
            if times.pop("accepted", None) is not None or "decided" in times:
                self._note("status", Oddity.REJECTED_BY_STATUS, self._said())
            times.pop("decided", None)
        elif ending in (Ending.WITHDRAWN, Ending.TERMINATED):
            self._ended_as("withdrawn", times, ended)
            flag = Oddity.WITHDRAWN_BY_STATUS if ending is Ending.WITHDRAWN else Oddity.ENDED_AS_TERMINATED
            if times.pop("decided", None) is not None or ending is Ending.TERMINATED:
                self._note("status", flag, self._said())
        elif "decided" not in times:
            raise BadRow(RowProblem.ENDED_WITHOUT_DATE, self._said_in(), self._said())
        elif ending is Ending.CLOSED:
            return self._unsaid(times)
        return _OUTCOMES.get(ending, "other")

    def _unsaid(self, times: Mapping[str, int]) -> str:
        constant = self.reader.profile.constant.get("outcome")
        if constant is None and "decided" in times and self.reader.has("outcome"):
            self._note("outcome", Oddity.OUTCOME_UNSAID, "", "other")
        return constant or "other"

    def _ended_as(self, step: str, times: dict[str, int], when: int | None) -> None:
        if step in times:
            return
        if when is None:
            raise BadRow(RowProblem.ENDED_WITHOUT_DATE, self._said_in(), self._said())
        times[step] = when

    def _ending(self) -> Ending | None:
        """Return the joint meaning of 办件状态, 办结类型 and 办理结果. Raise BadRow for an unknown word."""
        said: list[Ending] = []
        for name in _ENDINGS:
            word = word_of(self.reader.cell(self.row, name))
            if not word or word in "-/—–" or word in ("无", "null", "暂无", "空"):
                continue
            found = ending_of(word, self.reader.words.get(name, {}))
            if found is None:
                raise BadRow(RowProblem.BAD_WORD, name, text_of(self.reader.cell(self.row, name)))
            said.append(found)
        try:
            return joined_ending(said)
        except ValueError:
            raise BadRow(RowProblem.ENDING_DISAGREES, self._said_in(), self._said()) from None

    def _said(self) -> str:
        return "、".join(filter(None, (text_of(self.reader.cell(self.row, name)) for name in _ENDINGS)))

    def _said_in(self) -> str:
        return next((name for name in _ENDINGS if text_of(self.reader.cell(self.row, name))), "status")

    def _details(self, times: dict[str, int], outcome: str) -> dict[str, dict[str, Any]]:
        details: dict[str, dict[str, Any]] = {"decided": {"outcome": outcome}}
        if "rejected" in times:
            details["rejected"] = {"reason": self.reader.text(self.row, "reject_reason") or None}
        self._pause(times, details)
        self._extend(times, details)
        self._rate(times, details)
        return details

    def _pause(self, times: dict[str, int], details: dict[str, dict[str, Any]]) -> None:
        """A special procedure stops the clock; 延长审批 is none: it lengthens the limit."""
        if "suspended" not in times:
            return
        word = word_of(self.reader.cell(self.row, "procedure"))
        own = self.reader.words.get("procedure", {}).get(word, word)
        if own in EXTENSIONS:
            when = times.pop("suspended")
            times.pop("resumed", None)
            times.setdefault("extended", when)
            details["extended"] = {"days": self._days("procedure_days", "extended_days")}
            self._note("procedure", Oddity.EXTENSION_NOT_SUSPENSION, word)
            return
        found = PROCEDURES.get(own) if own else "other"
        if found is None:
            raise BadRow(RowProblem.BAD_WORD, "procedure", text_of(self.reader.cell(self.row, "procedure")))
        details["suspended"] = {"procedure": found}

    def _extend(self, times: dict[str, int], details: dict[str, dict[str, Any]]) -> None:
        if "extended" in details:
            return
        written = text_of(self.reader.cell(self.row, "extended_days"))
        given = bool(written) and written not in ("0", "-", "/", "—", "无", "否")
        if "extended" not in times and given:
            if "accepted" not in times:
                raise BadRow(RowProblem.EXTENDED_WITHOUT_DATE, "extended_days", written)
            times["extended"] = times["accepted"] + _SECOND
        if "extended" in times:
            details["extended"] = {"days": self._days("extended_days")}

    def _days(self, *names: str) -> int:
        """How many working days a case was extended by. Raises BadRow."""
        for name in names:
            cell = self.reader.cell(self.row, name)
            if not text_of(cell):
                continue
            unit, bare = self.reader.unit_of_header(name), self.reader.bare_unit(name)
            try:
                days = parse_limit(cell, unit, bare=bare).days
            except BadLimit as error:
                raise BadRow(error.problem, name, text_of(cell)) from None
            if not days:
                raise BadRow(RowProblem.BAD_NUMBER, name, text_of(cell))
            return days
        raise BadRow(RowProblem.EXTENDED_WITHOUT_DAYS, names[0])

    def _rate(self, times: dict[str, int], details: dict[str, dict[str, Any]]) -> None:
        """A rating without a time belongs to the step before it; one that the system gave is marked as such."""
        written = text_of(self.reader.cell(self.row, "score"))
        text = self.reader.text(self.row, "score")
        word = word_of(written)
        by_default = word in DEFAULT_GOOD
        if by_default:
            self._note("score", Oddity.DEFAULT_GOOD, written)
        if not text or (by_default and "rated" not in times and "decided" not in times):
            if times.pop("rated", None) is not None and not written and "score" in self.reader.layout.fields:
                raise BadRow(RowProblem.MISSING_FIELD, "score")
            return
        score = (
            _BEST
            if by_default
            else self.reader.words.get("score", {}).get(word) or score_of(word, self.reader.score_codes)
        )
        if score is None:
            raise BadRow(RowProblem.BAD_NUMBER, "score", written)
        if "rated" not in times:
            if "decided" not in times:
                raise BadRow(RowProblem.RATED_WITHOUT_DATE, "score", written)
            times["rated"] = times.get("delivered", times["decided"]) + _SECOND
        details["rated"] = {"score": score, **({"automatic": True} if by_default else {})}

    def _limits(self, opening: dict[str, Any], times: Mapping[str, int]) -> None:
        """The limits that the row carries, or the working days to the day that it names."""
        for name in ("statutory_days", "promised_days"):
            until = self.reader.profile.days_until.get(name)
            if until is not None:
                opening[name] = self._span(name, until, times["received"])
                continue
            found = self.reader.limit(self.row, name)
            if found is not None:
                opening[name] = found.days
                if found.conversions:
                    written = text_of(self.reader.cell(self.row, name))
                    self.notes.extend(limit_notes(self.row, self.case_id, name, found, written))

    def _span(self, name: str, header: str, received: int) -> int | None:
        """Working days from receipt to the day named: none where the row names none, or one that cannot be."""
        moment = self.reader.moment(self.row, header)
        if moment is None:
            return None
        days = self.wanted.workdays.count(local_day(received), local_day(moment.time))
        written = text_of(self.reader.cell(self.row, header))
        if moment.time < received:
            self._note(name, Oddity.SPAN_REVERSED, written, str(days))
        elif days > MAX_DAYS:
            self._note(name, Oddity.SPAN_LONG, written)
            return None
        return days

    def _look_at_item(self, item_code: str, times: Mapping[str, int]) -> None:
        """Say where the catalogue cannot give a limit: an unknown item, or a case before its first version."""
        if "item_code" in self.reader.profile.constant:
            return
        spans = self.wanted.catalogue.get(item_code)
        if spans is None:
            self._note("item_code", Oddity.UNKNOWN_ITEM, item_code)
        elif span_on(spans, local_day(times.get("accepted", times["received"]))) is None:
            self._note("item_code", Oddity.BEFORE_ITEM, item_code)

    def _reversed(self, times: Mapping[str, int]) -> None:
        """Steps in an impossible order are published all the same: the figures leave such cases out and list them."""
        first = times.get("accepted", times["received"])
        if times.get("decided", first) < first:
            written = text_of(self.reader.cell(self.row, "decided"))
            became = text_of(self.reader.cell(self.row, "accepted" if "accepted" in times else "received"))
            self._note("decided", Oddity.STEPS_REVERSED, written, f"< {became}")


def _after(times: Mapping[str, int], midnight: int) -> int:
    same_day = [time for time in times.values() if local_day(time) == local_day(midnight)]
    return max(same_day) + _SECOND if same_day else midnight


_ORDER = {step: position for position, step in enumerate(STEPS)}


def _maker(step: str) -> Callable[[str, Mapping[str, Any]], Any]:
    kind = DATA_OF[STEPS[step]]
    return lambda case_id, fields: msgspec.convert({"case_id": case_id, **fields}, kind)


_makers = {step: _maker(step) for step in STEPS}
