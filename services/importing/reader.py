"""A file of cases as what each of its rows comes to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hallpulse.domain.workdays import Workdays

from . import dutch
from .case_rows import CaseRow, DepartmentOf, Place, case_of
from .columns import CASE_COLUMNS
from .import_file import Rejected, checked
from .rows import BadRow, RowProblem
from .tables import Record, Source


@dataclass(frozen=True, slots=True)
class CaseImport:
    """Whose cases they are; workdays: of the hall's county; now: microseconds since 1970-01-01 UTC."""

    place: Place
    department_of: DepartmentOf
    workdays: Workdays
    now: int


def read_cases(source: Source, wanted: CaseImport) -> Iterator[CaseRow | Rejected]:
    """What each row comes to, in order. Raises TableError where the file holds no cases."""
    if dutch.is_dutch(source.first_header()):
        columns = dutch.COLUMNS
        read: Callable[[Record], CaseRow] = lambda record: dutch.dutch_case_of(record, wanted.place, wanted.workdays)  # noqa: E731
    else:
        columns = CASE_COLUMNS
        read = lambda record: case_of(record, wanted.place, wanted.department_of)  # noqa: E731
    seen: set[str] = set()
    for record in source.records(columns):
        try:
            yield _once(_checked(read(record), wanted.now), seen)
        except BadRow as problem:
            yield Rejected(record, problem)


def _checked(row: CaseRow, now: int) -> CaseRow:
    """All of a row or nothing: half a case would be wrong figures."""
    return CaseRow([checked(event, now) for event in row.events], row.notes)


def _once(row: CaseRow, seen: set[str]) -> CaseRow:
    case_id = row.events[0].data.entity
    if case_id in seen:
        raise BadRow(RowProblem.TWICE_IN_FILE, "case_id", case_id)
    seen.add(case_id)
    return row
