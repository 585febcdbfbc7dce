"""Reading of one row of a table of cases as the events of that case, by its status and its dates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from hallpulse.contract.events import Data, Received
from hallpulse.domain.catalogue import span_on
from hallpulse.domain.workdays import local_day
from services.importing.sheet_reader import SheetReader, picker

from .case_import import CaseImport, UnderstoodCase
from .case_openings import Openings, made
from .cells import Cell, says_nothing, text_of, word_of
from .fields import STEPS
from .layout import Row
from .limits import BOTH_LIMITS, MAX_DAYS, BadLimit, parse_limit
from .notes import Note, Oddity
from .problems import BadRow, RowProblem
from .words import EXTENSIONS, PROCEDURES, Ending, ending_of, is_by_default, joined_ending, score_of

_SECOND = 1_000_000
_BEST = 5
_ENDINGS = ("status", "ending", "outcome")
_OUTCOMES = {
    Ending.GRANTED: "granted",
    Ending.REFUSED: "refused",
    Ending.FORWARDED: "forwarded",
    Ending.OTHER: "other",
    Ending.CLOSED: "other",
}


class _Rated(NamedTuple):
    """A rating as a row gives it.

    written: the text of its cell; text: the field's text, empty if it says nothing; by_default: whether the system gave
    the rating; score: 1 to 5, None if it is not understood.
    """

    written: str
    text: str
    by_default: bool
    score: int | None


@dataclass(slots=True)
class CaseReader:
    """Reads the rows of a sheet as cases. A table has few different texts, so each is understood once and cached.

    The keys of the caches are cells and their types, because True equals 1.
    """

    reader: SheetReader
    wanted: CaseImport
    endings: dict[object, Ending | None] = field(default_factory=dict)
    ratings: dict[object, _Rated] = field(default_factory=dict)
    steps: dict[object, Data] = field(default_factory=dict)
    openings: Openings = field(init=False)
    ending_cells: Callable[[Sequence[Cell]], tuple[Cell, ...]] = field(init=False)
    rating_cells: Callable[[Sequence[Cell]], tuple[Cell, ...]] = field(init=False)

    def __post_init__(self) -> None:
        reader = self.reader
        self.openings = Openings(reader, self.wanted)
        self.ending_cells = picker(reader.indices(_ENDINGS))
        self.rating_cells = picker([*reader.indices(["score"]), *reader.joined_indices()])

    def case_of(self, row: Row) -> UnderstoodCase:
        """Return the case that a row describes. Raise BadRow if the row is not understood."""
        self.reader.refuse_unreadable(row)
        return _Case(self, self.reader, row, self.wanted).read()


@dataclass(slots=True)
class _Case:
    """Reads one row as a case."""

    sheet: CaseReader
    reader: SheetReader
    row: Row
    wanted: CaseImport
    case_id: str = ""
    notes: list[Note] = field(default_factory=list)
    ending: Ending | None = None

    def read(self) -> UnderstoodCase:
        self.case_id = self.reader.required("case_id", self.reader.code(self.row, "case_id"))
        opening, self.notes = self.sheet.openings.opening_of(self.row, self.case_id)
        if " " in self.case_id:
            self._note("case_id", Oddity.CODE_SPACED, self.case_id)
        times = self._times()
        if "received" not in times:
            raise BadRow(RowProblem.MISSING_FIELD, "received")
        outcome = self._settle(times)
        details = self._details(times, outcome)
        received = self._with_spans(opening, times) if self.reader.profile.days_until else opening
        self._look_at_item(received.item_code, times)
        steps = [
            (STEPS[step], times[step], received if step == "received" else self._data(step, details.get(step)))
            for step in (times if len(times) < 2 else sorted(times, key=_ORDER.__getitem__))
        ]
        self._odd(times)
        return UnderstoodCase(self.row.line, self.case_id, steps, self.notes, self.ending is Ending.OPEN)

    def _note(self, name: str, what: Oddity, written: str = "", became: str = "") -> None:
        self.notes.append(Note(self.row.line, self.case_id, name, what, written, became))

    def _data(self, step: str, fields: Mapping[str, Any] | None) -> Data:
        """Return the data of a step; cases with the same data share one object."""
        key = (step, *fields.items()) if fields else step
        known = self.sheet.steps.get(key)
        if known is None:
            known = self.sheet.steps[key] = made(step, fields or {})
        return known

    def _times(self) -> dict[str, int]:
        """Return the time of each step, in microseconds since 1970-01-01 UTC.

        A step with a date only comes one second after the steps of that day that precede it in a case's life, so that
        受理 and 办结 on one day do not look like a decision before the acceptance (先办后收).
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
        """Adapt the steps to the row's status and return the decision's outcome. Raise BadRow if they contradict it."""
        ending = self.ending = self._ending()
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
        elif "decided" not in times or times.get("withdrawn", times["decided"] + 1) <= times["decided"]:
            raise self._undecided(times)
        elif ending is Ending.CLOSED:
            return self._unsaid(times)
        return _OUTCOMES.get(ending, "other")

    def _undecided(self, times: Mapping[str, int]) -> BadRow:
        """Return the error of a row that says it was decided, but has no such time or was withdrawn before it."""
        if "decided" in times:
            return BadRow(RowProblem.ENDING_DISAGREES, "withdrawn", f"{self._said()} / {self._written('withdrawn')}")
        return BadRow(RowProblem.ENDED_WITHOUT_DATE, self._said_in(), self._said())

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
        cells = self.sheet.ending_cells(self.row.cells)
        if not cells:
            return None
        key = (cells, *map(type, cells))
        if key not in self.sheet.endings:
            self.sheet.endings[key] = self._read_ending()
        return self.sheet.endings[key]

    def _read_ending(self) -> Ending | None:
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
        """Read the special procedure, which stops the clock; 延长审批 is read as an extension of the limit instead."""
        word = word_of(self.reader.cell(self.row, "procedure"))
        own = self.reader.words.get("procedure", {}).get(word, word)
        if "suspended" not in times and own not in EXTENSIONS:
            if own and not says_nothing(own):
                self._note("procedure", Oddity.STEP_ALONE, self._written("procedure"))
            return
        if own in EXTENSIONS:
            when = times.pop("suspended", times.get("extended", times.get("accepted")))
            if when is None:
                raise BadRow(RowProblem.EXTENDED_WITHOUT_DATE, "procedure", self._written("procedure"))
            times.pop("resumed", None)
            times.setdefault("extended", when)
            details["extended"] = {"days": self._days("procedure_days", "extended_days")}
            self._note("procedure", Oddity.EXTENSION_NOT_SUSPENSION, word)
            return
        found = PROCEDURES.get(own) if own else "other"
        if found is None:
            raise BadRow(RowProblem.BAD_WORD, "procedure", self._written("procedure"))
        details["suspended"] = {"procedure": found}

    def _extend(self, times: dict[str, int], details: dict[str, dict[str, Any]]) -> None:
        if "extended" in details or not ("extended" in times or self.reader.has("extended_days")):
            return
        written = text_of(self.reader.cell(self.row, "extended_days"))
        given = bool(written) and written not in ("0", "-", "/", "—", "无", "否")
        if "extended" not in times and given:
            if "accepted" not in times:
                raise BadRow(RowProblem.EXTENDED_WITHOUT_DATE, "extended_days", written)
            times["extended"] = _just_after(times["accepted"])
        if "extended" in times:
            details["extended"] = {"days": self._days("extended_days")}

    def _days(self, *names: str) -> int:
        """Return the number of working days by which a case was extended. Raise BadRow."""
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
        """Read the rating. Without a time it follows the delivery or the decision; one by default is marked."""
        rated = self._rating()
        if rated.by_default:
            self._note("score", Oddity.DEFAULT_GOOD, rated.written)
        if not rated.text or (rated.by_default and "rated" not in times and "decided" not in times):
            if times.pop("rated", None) is not None and not rated.written and "score" in self.reader.layout.fields:
                raise BadRow(RowProblem.MISSING_FIELD, "score")
            return
        if rated.score is None:
            raise BadRow(RowProblem.BAD_NUMBER, "score", rated.written)
        if "rated" not in times:
            if "decided" not in times:
                raise BadRow(RowProblem.RATED_WITHOUT_DATE, "score", rated.written)
            times["rated"] = _just_after(times.get("delivered", times["decided"]))
        details["rated"] = {"score": rated.score, **({"automatic": True} if rated.by_default else {})}

    def _rating(self) -> _Rated:
        cells = self.sheet.rating_cells(self.row.cells)
        key = (cells, *map(type, cells))
        known = self.sheet.ratings.get(key)
        if known is None:
            written = text_of(self.reader.cell(self.row, "score"))
            word = word_of(written)
            by_default = is_by_default(word)
            own = self.reader.words.get("score", {}).get(word)
            score = _BEST if by_default else own or score_of(word, self.reader.score_codes)
            known = _Rated(written, self.reader.text(self.row, "score"), by_default, score)
            self.sheet.ratings[key] = known
        return known

    def _with_spans(self, received: Received, times: Mapping[str, int]) -> Received:
        """Return the opening with limits counted in working days up to the dates that the row gives as limits."""
        until = self.reader.profile.days_until
        spans = {name: self._span(name, until[name], times["received"]) for name in BOTH_LIMITS if name in until}
        return msgspec.structs.replace(received, **spans)

    def _span(self, name: str, header: str, received: int) -> int | None:
        """Return the working days from receipt to a date that the row gives; None without a date or above MAX_DAYS."""
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
        """Note a case for which the catalogue has no limit: its item is unknown, or had no version on that day."""
        if "item_code" in self.reader.profile.constant:
            return
        spans = self.wanted.catalogue.get(item_code)
        if spans is None:
            self._note("item_code", Oddity.UNKNOWN_ITEM, item_code)
        elif span_on(spans, local_day(times.get("accepted", times["received"]))) is None:
            self._note("item_code", Oddity.BEFORE_ITEM, item_code)

    def _written(self, name: str) -> str:
        return text_of(self.reader.cell(self.row, name))

    def _odd(self, times: Mapping[str, int]) -> None:
        """Note steps that are odd or in an impossible order. They are published; the figures leave such cases out."""
        first = "accepted" if "accepted" in times else "received"
        for later, earlier in (("decided", first), *_ORDERED):
            if later in times and earlier in times and times[later] < times[earlier]:
                self._note(later, Oddity.STEPS_REVERSED, self._written(later), f"< {self._written(earlier)}")
        if "resumed" in times and "suspended" not in times:
            self._note("resumed", Oddity.STEP_ALONE, self._written("resumed"))
        if "decided" in times:
            if first == "received" and self.reader.has("accepted") and "rejected" not in times:
                self._note("accepted", Oddity.ACCEPTANCE_ASSUMED, "", self._written("received"))
            if "withdrawn" in times or "rejected" in times:
                other = "withdrawn" if "withdrawn" in times else "rejected"
                self._note(other, Oddity.TWO_ENDINGS, self._written("decided"), self._written(other))
        elif "delivered" in times and not ("withdrawn" in times or "rejected" in times):
            self._note("delivered", Oddity.UNDECIDED, self._written("delivered"))


def _after(times: Mapping[str, int], midnight: int) -> int:
    same_day = [time for time in times.values() if local_day(time) == local_day(midnight)]
    return _just_after(max(same_day)) if same_day else midnight


def _just_after(time: int) -> int:
    """Return the time one second later; near midnight one microsecond later, or the same time, to keep the day."""
    return next((later for later in (time + _SECOND, time + 1) if local_day(later) == local_day(time)), time)


_ORDERED = (("accepted", "received"), ("resumed", "suspended"), ("supplemented", "supplement_requested"))
"""Pairs of steps; the first step of a pair cannot precede the second one."""
_ORDER = {step: position for position, step in enumerate(STEPS)}
