"""How an import went, counted while it goes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from rich.console import Console

from hallpulse.contract.reasons import both

from . import texts
from .import_file import Rejected
from .tables import RejectedRows, Source
from .tables.record import text_of
from .texts import problem_text


@dataclass(slots=True)
class Tally:
    """Rows by what became of them; reasons: why rows were rejected."""

    rejects: RejectedRows
    imported: int = 0
    unchanged: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def reject(self, source: Source, rejected: Rejected) -> None:
        problem, record = rejected.problem, rejected.record
        self.reasons[problem.reason] += 1
        reason = f"{problem.reason} {both(problem_text(problem.reason))}"
        detail = ": ".join(filter(None, (_header(source, problem.field), problem.detail)))
        self.rejects.add(record.line, reason, detail, source.headers, record.raw)

    @property
    def nothing_went_in(self) -> bool:
        return not self.imported and not self.unchanged and bool(self.rejects.count)


def show(console: Console, source: Source, tally: Tally, published: int) -> None:
    """The summary: rows read, taken in and rejected, events published, and where the rejected rows are."""
    read = tally.imported + tally.unchanged + tally.rejects.count
    numbers = [(texts.ROWS_READ, read), (texts.ROWS_IMPORTED, tally.imported)]
    if tally.unchanged:
        numbers.append((texts.ROWS_UNCHANGED, tally.unchanged))
    numbers += [(texts.ROWS_REJECTED, tally.rejects.count), (texts.EVENTS_PUBLISHED, published)]
    console.print("，".join(f"{both(text)}: {number}" for text, number in numbers), markup=False)
    unused = [name for header in source.headers if (name := text_of(header)) and not _is_used(source, header)]
    if unused:
        console.print(f"{both(texts.IGNORED_COLUMNS)}: {'、'.join(unused)}", markup=False)
    if tally.rejects.path is not None:
        console.print(f"{both(texts.REJECTED_FILE)}: {tally.rejects.path}", markup=False)
        for reason, count in tally.reasons.most_common():
            console.print(f"  {count} × {reason}: {both(problem_text(reason))}", markup=False)


def _is_used(source: Source, header: object) -> bool:
    return any(source.headers[index] == header for index in source.fields.values())


def _header(source: Source, field_name: str) -> str:
    """The column as the file calls it."""
    index = source.fields.get(field_name)
    return text_of(source.headers[index]) if index is not None else field_name
