"""The understanding of a file as a value: it is shown before anything is published, or given to a program as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import Any

import msgspec

from hallpulse.domain.indicators import COMPUTED
from hallpulse.domain.workdays import date_of, local_day, time_text
from services.importing.figure_import import figure_effects
from services.importing.notes import NoteCounts
from services.importing.sheet_reader import SheetReader

from .cells import Broken, text_of, word_of, word_set
from .effects import CaseEffects, Effect, case_event, catalogue_effects, window_of
from .fields import STEPS
from .headers import NotRead
from .importer import NEW, UNCHANGED, Job, RejectedRow, Taken
from .layout import Layout, Passed, Row
from .limits import Conversion
from .notes import NOTES, Oddity
from .problems import BadRow, told
from .profiles import Profile, SourceNames, answered
from .row_questions import Question
from .surroundings import Stored
from .words import CHANNELS, HANDLINGS, KINDS, ending_of, score_of

_SAMPLES = 3
_SAMPLE_ROWS = 200
_LINES = 10
_MOST_MONTHS = 36
_YES_NO_FIELDS = word_set("settled unified full_process tolerates_missing commitment tolerated_missing void")
_WORDS: dict[str, Any] = {"kind": KINDS, "handling": HANDLINGS, "channel": CHANNELS}


@dataclass(slots=True)
class Understanding:
    """All that is understood of a file.

    unused: headers that are not read; missing: important fields without a column; rows: number of rows by outcome;
    refused: rejected rows by reason; effects: figures before and after; departments: those not known so far.
    """

    file: str
    kind: str
    profile: dict[str, str]
    encoding: str
    sheets: list[dict[str, Any]] = field(default_factory=list)
    columns: list[dict[str, Any]] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    missing: list[dict[str, str]] = field(default_factory=list)
    rows: Counter[str] = field(default_factory=Counter)
    refused: list[dict[str, Any]] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)
    questions: list[dict[str, Any]] = field(default_factory=list)
    effects: list[dict[str, Any]] = field(default_factory=list)
    departments: list[str] = field(default_factory=list)

    @property
    def open(self) -> bool:
        """Return whether a question has no answer."""
        return any(question["answer"] is None for question in self.questions)


def _untold(_: RejectedRow) -> None:
    """Ignore a rejected row, which is only counted."""


def understanding_of(
    job: Job, there: Stored, progress: Callable[[int], None], rejected: Callable[[RejectedRow], None] = _untold
) -> Understanding:
    """Walk over the rows as an import would, publish nothing, and return what is understood.

    While a question is open, the rows are not read. rejected: is called with each rejected row.
    """
    told_of = Understanding(
        file=job.file.name,
        kind=job.kind,
        profile={"id": job.profile_id, "zh": job.profile.name.zh, "en": job.profile.name.en},
        encoding=job.book.encoding,
        sheets=[_sheet(layout, job.found.passed) for layout in job.layouts],
        columns=[column for layout in job.read[:1] for column in _columns(job.reader(layout))],
        unused=_unused(job),
        missing=_missing(job),
        questions=[_question(question, job.answers.get(question.id)) for question in job.questions],
        departments=sorted({written for written, _ in job.found.departments} - job.departments.known),
    )
    if not job.open:
        _count_rows(job, there, told_of, progress, rejected)
    return told_of


def _sheet(layout: Layout | NotRead, rows_passed: Mapping[str, Sequence[Passed]]) -> dict[str, Any]:
    if isinstance(layout, NotRead):
        return {"name": layout.sheet.name, "read": False, "why": layout.why.zh, "why_en": layout.why.en}
    passed = [*layout.titles, *rows_passed.get(layout.name, ())]
    hidden = sorted(row + 1 for row in layout.sheet.hidden_rows if row + 1 > layout.header[-1])
    return {
        "name": layout.sheet.name,
        "read": True,
        "header": list(layout.header),
        "passed": [{"line": row.line, "why": row.why.zh, "text": row.text} for row in passed],
        "hidden_rows": hidden,
        "hidden_columns": [column.letter for column in layout.columns if column.index in layout.sheet.hidden_columns],
        "merged": len({span for span in layout.merges.values()}),
        "computed": layout.sheet.computed,
        "since_1904": layout.sheet.since_1904,
    }


def _columns(reader: SheetReader) -> Iterator[dict[str, Any]]:
    rows = [row for row in islice(reader.layout.rows(), _SAMPLE_ROWS) if isinstance(row, Row)]
    rows = [row for row in rows if not isinstance(row.cell(0), Broken)]
    for name, index in reader.layout.fields.items():
        column = next(one for one in reader.layout.columns if one.index == index)
        unit = reader.unit_of_header(name) or (reader.bare_unit(name) if name.endswith("_days") else "")
        samples: dict[str, str] = {}
        for row in rows:
            written = text_of(row.cell(index))
            if written and written not in samples and len(samples) < _SAMPLES:
                samples[written] = _became(reader, row, name)
        yield {
            "field": name,
            "column": column.letter,
            "header": column.header,
            "unit": unit,
            "samples": [{"written": written, "became": became} for written, became in samples.items()],
        }


def _became(reader: SheetReader, row: Row, name: str) -> str:
    """Return the text of a sample cell as it is understood, or why it is not."""
    try:
        return _read(reader, row, name)
    except BadRow as bad:
        return f"✘ {told(bad.reason).what.zh}"


def _read(reader: SheetReader, row: Row, name: str) -> str:
    word = word_of(reader.cell(row, name))
    read: Any = reader.text(row, name)
    if name in STEPS or name in reader.profile.days_until.values():
        moment = reader.moment(row, name)
        read = moment and (time_text(moment.time) if moment.has_time else _day(moment.time))
    elif name in ("statutory_days", "promised_days"):
        found = reader.limit(row, name)
        read = found and ("无期限" if found.days is None else f"{found.days} 个工作日")
    elif name in _YES_NO_FIELDS:
        read = {True: "是", False: "否"}.get(reader.yes_no(row, name))  # type: ignore[arg-type]
    elif name in _WORDS:
        read = reader.word(row, name, _WORDS[name])
    elif name in ("status", "ending", "outcome"):
        read = ending_of(word, reader.words.get(name, {})) or (word and "✘")
    elif name == "score":
        read = score_of(word, reader.score_codes)
    elif name.endswith("code") or name == "case_id":
        read = reader.code(row, name)
    elif name == "effective_from":
        read = reader.day(row, name)
    elif name == "department":
        read = reader.departments.find(text_of(reader.cell(row, name))) or "?"
    return str(read or "")


def _day(time: int) -> str:
    return date_of(local_day(time)).isoformat()


def _unused(job: Job) -> list[str]:
    joined = {header.lower() for headers in job.profile.joined.values() for header in headers}
    return list(
        dict.fromkeys(
            column.header for layout in job.read for column in layout.unused if column.header.lower() not in joined
        )
    )


def _missing(job: Job) -> list[dict[str, str]]:
    """Return the important fields that no column gives, each with the consequence of its absence."""
    vocabulary = job.profile.vocabulary()
    return [
        {"field": name, "name": vocabulary.names[name][0], "affects": vocabulary.important[name]}
        for name in job.profile.missing(name for layout in job.read for name in layout.fields)
    ]


def _question(question: Question, answer: str | None) -> dict[str, Any]:
    return {
        "id": question.id,
        "text": question.text.zh,
        "text_en": question.text.en,
        "choices": [{"value": one.value, "text": one.text.zh, "text_en": one.text.en} for one in question.choices],
        "default": question.default,
        "answer": answer,
    }


def _count_rows(
    job: Job, there: Stored, told_of: Understanding, progress: Callable[[int], None],
    rejected: Callable[[RejectedRow], None],
) -> None:  # fmt: skip
    refused: dict[tuple[str, str], list[tuple[str, int, str]]] = {}
    notes, events = NoteCounts(), []
    effects = CaseEffects(job.place.workdays, job.place.catalogue)
    for outcome in job.outcomes(progress):
        told_of.rows["read"] += 1
        if isinstance(outcome, RejectedRow):
            told_of.rows["refused"] += 1
            rejected(outcome)
            key = (outcome.problem.reason, outcome.layout.title_of(outcome.problem.field))
            refused.setdefault(key, []).append((outcome.layout.sheet.name, outcome.line, outcome.problem.detail))
            continue
        told_of.rows[outcome.state] += 1
        notes.add(outcome.notes)
        if outcome.event is not None:
            events.append(outcome.event)
        elif outcome.case is not None and outcome.state not in (UNCHANGED,):
            _add_case(effects, job, outcome)
    told_of.refused = [_refusal(key, rows) for key, rows in refused.items()]
    told_of.notes = [_note(what, count, notes) for what, count in notes.counts.items()]
    if job.kind == "catalogue":
        on = max((event.data.effective_from for event in events), default="")  # type: ignore[attr-defined]
        day = max(on, _day(there.now))
        found = catalogue_effects(job.catalogue.known, events, date.fromisoformat(day))
    elif job.figures is not None:
        found = figure_effects(job.figures, events)
    else:
        months = effects.months()[-_MOST_MONTHS:]
        found = [one for month in months for one in effects.effects(month, there.figures(window_of(month)))]
    told_of.effects = [_effect(effect) for effect in found]


def _add_case(effects: CaseEffects, job: Job, outcome: Taken) -> None:
    assert outcome.case is not None
    if outcome.state == NEW:
        effects.add_new(outcome.case.steps)
        return
    said = list(job.published(outcome))
    ids = {event.id for event in outcome.stored}
    added = [case_event(event.type, event.time, event.data, event.id) for event in said if event.id not in ids]
    effects.add(outcome.stored, [*outcome.stored, *added])


def _refusal(key: tuple[str, str], rows: Sequence[tuple[str, int, str]]) -> dict[str, Any]:
    reason, title = key
    words = told(reason)
    return {
        "reason": reason,
        "column": title,
        "text": words.what.zh,
        "text_en": words.what.en,
        "remedy": words.remedy.zh,
        "remedy_en": words.remedy.en,
        "rows": len(rows),
        "places": [{"sheet": sheet, "line": line, "value": value} for sheet, line, value in rows[:_LINES]],
    }


def _note(what: Conversion | Oddity, count: int, notes: NoteCounts) -> dict[str, Any]:
    examples = [
        {"line": note.line, "key": note.key, "written": note.written, "became": note.became}
        for note in notes.examples.get(what, [])
    ]
    return {"what": str(what), "text": NOTES[what].zh, "text_en": NOTES[what].en, "rows": count, "examples": examples}


def _effect(effect: Effect) -> dict[str, Any]:
    return {
        "period": effect.period,
        "indicator": effect.indicator,
        "unit": _unit(effect),
        "before": [effect.before.numerator, effect.before.denominator],
        "after": [effect.after.numerator, effect.after.denominator],
    }


def _unit(effect: Effect) -> str:
    computed = COMPUTED.get(effect.indicator)
    if computed is not None:
        return computed.unit
    return "count" if effect.before.count or effect.after.count else "share"


def saved_profile(job: Job, name: str) -> Profile:
    """Return the profile with all answers added, so that the next file of the source asks no questions.

    name: the profile's name, if the file had no profile.
    """
    columns = [column for layout in job.read[:1] for column in layout.columns]
    headers = [column.header for column in columns if column.field]
    profile = job.profile if job.profile_id else msgspec.structs.replace(job.profile, name=SourceNames(name, name))
    return answered(profile, job.answers, {one.letter: one.header for one in columns if one.header}, headers)
