"""The import of a file, step by step: open it, find its tables, ask questions, read rows, compare, make events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from hallpulse.contract.events import HallEvent
from hallpulse.contract.reasons import Sentence
from hallpulse.domain.case import CaseEvent
from services.importing.figure_import import Declined, FigureImport, declined, figure_key, figure_of
from services.importing.sheet_reader import Decisions, SheetReader

from .books import open_book
from .case_import import CaseImport, UnderstoodCase
from .case_rows import CaseReader
from .cells import Cell, folded, text_of
from .corrections import Corrections
from .departments import DepartmentCodes, Departments, departments_of
from .fields import SURE_SCORES, Kind
from .headers import NotRead, lay_out, no_table, top_rows
from .items import CatalogueImport, checked, correcting, item_code_of, item_event, item_of, time_of
from .layout import Column, Layout, Row, answered
from .notes import Note, Oddity
from .problems import BadRow, RowProblem, TableError
from .profiles import Profile, applicable, named, plain_departments, plain_profile, recognised, shipped
from .questions import questions_of
from .row_questions import Question
from .sheets import Book
from .surroundings import Stored
from .survey import Survey, alike_key, survey

ROWS_AT_ONCE = 2_000
NEW, CHANGED, UNCHANGED, REPEATED = "new", "changed", "unchanged", "repeated"


@dataclass(frozen=True, slots=True)
class Options:
    """The choices of the person who imports. profile: its name or file, None to recognise it; answers: by question."""

    effective_from: date | None = None
    profile: str | None = None
    answers: Mapping[str, str] = field(default_factory=dict)
    take_defaults: bool = False


class Taken(NamedTuple):
    """An accepted row. state: NEW, CHANGED, UNCHANGED, or REPEATED if an earlier row of the file has the same content.

    key: its case id, item code or figure; event: the event of an item or figure; stored: its case's stored events.
    """

    line: int
    key: str
    state: str
    notes: Sequence[Note]
    case: UnderstoodCase | None = None
    event: HallEvent | None = None
    stored: Sequence[CaseEvent] = ()


class RejectedRow(NamedTuple):
    """A rejected row, with the problem for which it is rejected."""

    layout: Layout
    line: int
    cells: Sequence[Cell]
    problem: BadRow


Outcome = Taken | RejectedRow
Progress = Callable[[int], None]


def _silent(_: int) -> None:
    """Ignore the progress."""


@dataclass(slots=True)
class Job:
    """One file that is imported or only previewed. layouts: its tables; found: findings of the first walk over rows."""

    file: Path
    kind: Kind
    book: Book
    place: CaseImport
    catalogue: CatalogueImport
    corrections: Corrections
    elsewhere: Callable[[Sequence[str]], Mapping[str, Sequence[str]]]
    codes: DepartmentCodes
    options: Options
    profile: Profile
    profile_id: str
    layouts: list[Layout | NotRead] = field(default_factory=list)
    found: Survey = field(default_factory=Survey)
    decisions: Decisions = field(default_factory=Decisions)
    departments: Departments = field(default_factory=Departments)
    questions: list[Question] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    given: dict[str, str] = field(default_factory=dict)
    figures: FigureImport | None = None
    ids: dict[str, int] = field(default_factory=dict)
    clashing: set[str] = field(default_factory=set)

    @property
    def read(self) -> list[Layout]:
        return [layout for layout in self.layouts if isinstance(layout, Layout)]

    @property
    def height(self) -> int:
        """Return about how many rows there are."""
        return sum(layout.sheet.height for layout in self.read)

    @property
    def open(self) -> list[Question]:
        """Return the questions without an answer."""
        return [question for question in self.questions if question.id not in self.answers]

    def answer(self, answers: Mapping[str, str]) -> None:
        """Take answers. If one changes what is read, walk over the rows again, which may raise other questions.

        Raise TableError for an invalid answer.
        """
        self.given |= answers
        while new := {one.id: said for one in self.open if (said := self._said_to(one)) is not None}:
            self.answers |= new
            left_out = [layout for layout in self.read if new.get(f"sheet.{layout.sheet.name}") == "leave_out"]
            why = Sentence("按回答不读", "left out, as answered")
            self.layouts = [NotRead(one.sheet, why) if one in left_out else one for one in self.layouts]
            self._decide()
            if left_out or any(id_.startswith(("unread.", "column.", "header.")) for id_ in new):
                self._ask_again()

    def _said_to(self, question: Question) -> str | None:
        """Return the answer given to a question, or its default; None without. Raise TableError for an invalid one."""
        given = self.given.get(question.id)
        if given is None:
            return question.default if self.options.take_defaults else None
        if not question.allows(given):
            allowed = "、".join(choice.value for choice in question.choices) or "2026-01-01"
            raise TableError(
                self.file, f"{question.id}={given}：应为 {allowed}", f"{question.id}: expected one of {allowed}"
            )
        return given

    def _ask_again(self) -> None:
        """Walk over the rows again with the columns and sheets that are read now; answered questions stay answered."""
        self._walk(_silent)
        self._decide()
        asked = {one.id: one for one in self.questions if one.id in self.answers}
        again = questions_of(self.layouts, self.found, self.decisions, self.departments, self.profile)
        self.questions = list((asked | {one.id: one for one in again if one.id not in asked}).values())

    def understand(self, progress: Progress = _silent) -> None:
        """Find the tables, walk over the rows once, and raise the questions about all that is uncertain."""
        self.layouts = lay_out(self.book, self.profile.vocabulary())
        if not self.read:
            raise no_table(self.file, self.layouts)
        self.layouts = [self._shared(layout) if isinstance(layout, Layout) else layout for layout in self.layouts]
        self._decide()
        self._walk(progress)
        self._decide()
        self.questions = questions_of(self.layouts, self.found, self.decisions, self.departments, self.profile)
        columns = [(column.letter, column.header) for layout in self.read for column in layout.columns]
        self.answer({**applicable(self.profile, columns), **self.options.answers})

    def _walk(self, progress: Progress) -> None:
        of_item = self.place.department_of if self.kind == "cases" else (lambda _: "")
        self.found = survey(self.read, self.reader, of_item, self.catalogue.known, progress)
        self._find_clashes()

    def _shared(self, layout: Layout) -> Layout:
        """Return the layout with columns that two fields share, without rivals that the profile has decided."""
        fields = dict(layout.fields)
        for name, other in self.profile.same_column.items():
            if other in fields:
                fields[name] = fields[other]
        return replace(layout, fields=fields, rivals=self._undecided(layout))

    def _undecided(self, layout: Layout) -> dict[str, Sequence[Column]]:
        left: dict[str, Sequence[Column]] = {}
        for name, rivals in layout.rivals.items():
            best = min(column.rank for column in rivals)
            decided = name in self.profile.columns and sum(column.rank == best for column in rivals) == 1
            if not decided:
                left[name] = rivals
        return left

    def _decide(self) -> None:
        """Update the decisions from the profile, notes in the file, options and answers."""
        answers = self.answers
        said = {id_.removeprefix("unit."): unit for id_, unit in answers.items() if id_.startswith("unit.")}
        day = answers.get("effective_from")
        identify = (
            self.profile.identify or answers.get("identify") or ("sub_code" if self.found.several else "item_code")
        )
        self.decisions = Decisions(
            units={**self.profile.units, **said},
            noted={key: unit for key, unit in self.found.noted.items() if unit},
            ratings=self._ratings(),
            identify=identify,
            effective_from=self.options.effective_from or (date.fromisoformat(day) if day else None),
            numeric_codes=answers.get("numeric_codes") == "as_they_stand",
            refused=frozenset(id_ for id_, said in answers.items() if said == "refuse"),
            department_from_sheet=answers.get("department_from_sheet") == "yes",
        )
        given = {id_.removeprefix("department."): to for id_, to in answers.items() if id_.startswith("department.")}
        spelt = plain_departments(self.profile) | {folded(written): to for written, to in given.items()}
        self.departments = Departments(self.departments.known, spelt, self.codes)
        self.layouts = [answered(layout, answers) if isinstance(layout, Layout) else layout for layout in self.layouts]

    def _ratings(self) -> str | None:
        """Return which number is the best rating; None if the scale of the numbers is not known."""
        if self.answers.get("ratings.scale") == "refuse":
            return None
        return self.answers.get("ratings") or self.profile.ratings or self._sure_ratings()

    def _sure_ratings(self) -> str | None:
        """Return `best_last` if the headers, such as 评价得分, say that more is better; otherwise None."""
        headers = [column.header for layout in self.read if (column := layout.column("score"))]
        return "best_last" if headers and all(SURE_SCORES.search(header) for header in headers) else None

    def reader(self, layout: Layout) -> SheetReader:
        return SheetReader(layout, self.profile, self.decisions, self.departments)

    def _find_clashes(self) -> None:
        """Find the cases, items and figures with rows of different content: none of these rows is surely right."""
        self.clashing = self.found.clashing
        if self.kind == "cases":
            return
        seen: dict[str, int] = {}
        for reader in map(self.reader, self.read):
            for row in reader.layout.rows():
                key, content = self._said(reader, row) if isinstance(row, Row) else ("", 0)
                if key and seen.setdefault(key, content) != content:
                    self.clashing.add(key)

    def _said(self, reader: SheetReader, row: Row) -> tuple[str, int]:
        """Return the item or figure that a row is about, and a hash of its content."""
        if self.figures is not None:
            return figure_key(reader, row, self.figures)
        return self._item_key(reader, row), hash(tuple(row.cell(index) for index in reader.read))

    def _item_key(self, reader: SheetReader, row: Row) -> str:
        try:
            return f"{item_code_of(reader, row)}|{text_of(reader.cell(row, 'effective_from'))}"
        except BadRow:
            return ""

    def outcomes(self, progress: Progress = _silent) -> Iterator[Outcome]:
        """Yield the outcome of each row, in order. The same file gives the same outcomes again."""
        self.ids = {}
        for layout in self.read:
            reader = self.reader(layout)
            read_one: Callable[[Row], Taken] = partial(self._item if self.kind == "catalogue" else self._figure, reader)
            if self.kind == "cases":
                read_one = partial(self._case, CaseReader(reader, self.place))
            rows = (row for row in layout.rows() if isinstance(row, Row))
            while chunk := list(islice(rows, ROWS_AT_ONCE)):
                yield from self._chunk(layout, chunk, read_one)
                progress(len(chunk))

    def _chunk(self, layout: Layout, rows: Sequence[Row], read_one: Callable[[Row], Taken]) -> Iterator[Outcome]:
        read = [_attempt(layout, row, read_one) for row in rows]
        if self.kind != "cases":
            yield from read
            return
        taken = [one.key for one in read if isinstance(one, Taken) and one.state != REPEATED]
        known = self.corrections.known(taken) if taken else {}
        others = self.elsewhere(taken) if taken else {}
        yield from (self._compared(one, known, others) if isinstance(one, Taken) else one for one in read)

    def _item(self, reader: SheetReader, row: Row) -> Taken:
        self._refuse_numbers(reader, row, "item_code")
        data, notes = item_of(reader, row, self.catalogue.known)
        key = f"{data.item_code}|{data.effective_from}"
        self._refuse_clash(self._item_key(reader, row), "item_code", data.item_code)
        if key in self.ids:
            return Taken(row.line, data.item_code, REPEATED, notes)
        self.ids[key] = row.line
        when = time_of(data, self.catalogue)
        if when is None:
            checked(item_event(self.catalogue, data, self.catalogue.now), self.catalogue.now)
            return Taken(row.line, data.item_code, UNCHANGED, notes)
        event = checked(item_event(self.catalogue, correcting(data, self.catalogue), when[0]), self.catalogue.now)
        return Taken(row.line, data.item_code, NEW if when[1] else CHANGED, notes, event=event)

    def _figure(self, reader: SheetReader, row: Row) -> Taken:
        assert self.figures is not None
        said = figure_of(reader, row, self.figures)
        self._refuse_clash(said.shown, "numerator", said.shown)
        if said.shown in self.ids:
            return Taken(row.line, said.shown, REPEATED, ())
        self.ids[said.shown] = row.line
        stored = self.figures.in_force(said.key)
        if stored is not None and (stored.numerator, stored.denominator) == (said.numerator, said.denominator):
            return Taken(row.line, said.shown, UNCHANGED, ())
        return Taken(row.line, said.shown, CHANGED if stored else NEW, (), event=self.figures.event(said))

    def _case(self, sheet: CaseReader, row: Row) -> Taken:
        self._refuse_numbers(sheet.reader, row, "case_id")
        case = sheet.case_of(row)
        case.check(self.place)
        self._refuse_clash(case.case_id, "case_id", case.case_id)
        if case.case_id in self.ids:
            return Taken(row.line, case.case_id, REPEATED, case.notes)
        self.ids[case.case_id] = row.line
        return Taken(row.line, case.case_id, NEW, case.notes, case=case)

    def _refuse_numbers(self, reader: SheetReader, row: Row, name: str) -> None:
        """Raise BadRow for a code in a number cell if a person has answered that such codes are incomplete."""
        if self.answers.get("numeric_codes") == "refuse" and isinstance(cell := reader.cell(row, name), int | float):
            raise BadRow(RowProblem.SPOILT_CODE, name, text_of(cell))

    def _refuse_clash(self, key: str, name: str, shown: str) -> None:
        alike = self.found.alike if self.answers.get("alike_codes") == "refuse" else ()
        if key in self.clashing or (alike and alike_key(shown) in alike):
            raise BadRow(RowProblem.TWICE_WITH_OTHERS, name, shown)

    def _compared(
        self, row: Taken, known: Mapping[str, Sequence[CaseEvent]], others: Mapping[str, Sequence[str]]
    ) -> Taken:
        """Compare a case with its stored events and set its state. Note a case id that another hall has too."""
        stored, case = known.get(row.key, ()), row.case
        if row.key in others and case is not None:
            note = Note(row.line, row.key, "case_id", Oddity.IN_OTHER_HALL, row.key, "、".join(others[row.key]))
            row = row._replace(notes=[*row.notes, note])
        if not stored or case is None:
            return row
        row = row._replace(notes=[*row.notes, *case.reopened(stored)])
        ids = {event.id for event in stored}
        said = self.corrections.of_case(case.events(self.place.place), stored)
        if all(event.id in ids for event in said):
            return row._replace(state=UNCHANGED, stored=stored)
        notes = [*row.notes, *case.differences(stored)]
        return row._replace(state=CHANGED, stored=stored, notes=notes)

    def declined(self, row: RejectedRow) -> Declined | None:
        """Return the message that reports a rejected declaration to the bureau; None for any other row."""
        if self.figures is None:
            return None
        return declined(self.reader(row.layout), Row(row.line, row.cells), row.problem.reason, self.figures)

    def published(self, row: Taken) -> Iterable[HallEvent]:
        """Return the events to publish for a row; none if they are stored already."""
        if row.event is not None:
            return [row.event]
        if row.case is None or row.state in (UNCHANGED, REPEATED):
            return []
        events = row.case.events(self.place.place)
        return list(self.corrections.of_case(events, row.stored)) if row.stored else events


def _attempt(layout: Layout, row: Row, read_one: Callable[[Row], Taken]) -> Outcome:
    try:
        return read_one(row)
    except BadRow as problem:
        return RejectedRow(layout, row.line, row.cells, problem.seen_in(row.cell(layout.fields.get(problem.field))))


@contextmanager
def opened(file: Path, kind: Kind, there: Stored, options: Options, codes: DepartmentCodes) -> Iterator[Job]:
    """Open a file and recognise its profile. there: what is stored. Raise TableError, ProfileError."""
    profiles = shipped()
    if options.profile is not None:
        by_hand = named(options.profile)
        profiles = {**profiles, options.profile: by_hand}
        if by_hand.kind != kind:
            raise TableError(
                file, f"来源配置 {options.profile} 是 {by_hand.kind} 的", f"the profile is for {by_hand.kind}"
            )
    scores = [profile.vocabulary().score for profile in profiles.values() if profile.kind == kind]
    plain = plain_profile(kind).vocabulary()
    with open_book(file, lambda cells: max([plain.score(cells), *(score(cells) for score in scores)])) as book:
        found = options.profile or recognised(top_rows(book), kind, profiles)
        profile = profiles[found] if found else plain_profile(kind)
        catalogue = there.catalogue()
        yield Job(
            file=file,
            kind=kind,
            book=book,
            place=CaseImport(there.place, there.workdays(), there.now, catalogue),
            catalogue=CatalogueImport(
                there.place.region, there.place.hall, file.stat().st_mtime_ns // 1000, there.now, catalogue
            ),
            corrections=there.corrections(),
            elsewhere=there.elsewhere,
            codes=codes,
            options=options,
            profile=profile,
            profile_id=found or "",
            departments=Departments(departments_of(catalogue)),
            figures=there.figure_import(file.stat().st_mtime_ns // 1000) if kind == "figures" else None,
        )
