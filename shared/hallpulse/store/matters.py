"""Matters of the ladder of supervision, and departments' reports on the plan's tasks. Rows are only added."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    DateTime,
    Engine,
    Identity,
    Index,
    Integer,
    Row,
    Table,
    Text,
    exists,
    insert,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from hallpulse.domain.figures import Scope
from hallpulse.domain.ladder import (
    ABOUT,
    Deed,
    DepartmentAnswer,
    Fact,
    Matter,
    MatterEntry,
    NewMatter,
    NotNow,
    Rung,
    TaskState,
    Wording,
    check_following,
    check_opening,
)

from .audit import AuditEntry, write
from .database import transaction
from .notices import NoticeMessage, add_messages
from .tables import metadata

_ONE_AT_A_TIME = 20115

matters = Table(
    "matters",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("region", Integer, nullable=False),
    Column("about", Text, nullable=False, comment="target, department, case, finding or task"),
    Column("subject", Text, nullable=False, comment="the id of what it is about"),
    Column("department", Text, nullable=False),
    Column("title_zh", Text, nullable=False),
    Column("title_en", Text, nullable=False),
    Index("matters_of", "region", "department"),
)
matter_entries = Table(
    "matter_entries",
    metadata,
    Column("matter", BigInteger, primary_key=True, autoincrement=False),
    Column("place", Integer, primary_key=True, autoincrement=False, comment="from 0, in the order of the history"),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("by", Text, nullable=False),
    Column("deed", Text, nullable=False, comment="opened, answered, returned, raised or closed"),
    Column("content", JSONB, nullable=False),
)
task_reports = Table(
    "task_reports",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("region", Integer, nullable=False),
    Column("plan", Text, nullable=False),
    Column("task", Text, nullable=False),
    Column("department", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("by", Text, nullable=False),
    Column("state", Text, nullable=False, comment="not_started, in_progress or done"),
    Column("evidence", Text, nullable=False),
    Index("task_reports_of", "region", "plan", "task", "department"),
)


@dataclass(frozen=True, slots=True)
class TaskReport:
    """A department's report on a task of a plan: its state, and the evidence for it."""

    region: int
    plan: str
    task: str
    department: str
    at: datetime
    by: str
    state: TaskState
    evidence: str


Messages = Callable[[Matter], Sequence[NoticeMessage]]
"""A function that makes the notices about a matter's last entry."""


class MatterRegistry:
    """The stored matters. Every method is one transaction and raises Unavailable if the database cannot be reached."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def open(self, new: NewMatter, entry: MatterEntry, messages: Messages | None = None) -> int:
        """Open a matter, add its notices and record it in the audit, all in one transaction; return its number.

        Raises ValueError if the entry is incomplete, NotNow if the department has an open matter of the same subject.
        """
        check_opening(entry)
        row = {"region": new.region, "about": new.about, "subject": new.subject, "department": new.department}
        same = [matters.c[name] == value for name, value in row.items()]
        with transaction(self._engine) as connection:
            _take_turns(connection)
            for known in _read(connection, *same, _IS_OPEN):
                raise NotNow(f"matter {known.number} of the same subject and department is open")
            titles = {"title_zh": new.title.zh, "title_en": new.title.en}
            number = int(
                connection.execute(insert(matters).values(**row, **titles).returning(matters.c.id)).scalar_one()
            )
            _add(connection, Matter(number, new, (entry,)), messages)
        return number

    def append(self, number: int, entry: MatterEntry, messages: Messages | None = None) -> Matter:
        """Add an entry and its notices, and record it in the audit; return the matter with the entry.

        Raises KeyError for an unknown matter, NotNow if the entry may not follow, ValueError if it is incomplete.
        """
        with transaction(self._engine) as connection:
            _take_turns(connection)
            known = _read(connection, matters.c.id == number)
            if not known:
                raise KeyError(number)
            check_following(known[0].entries, entry)
            matter = Matter(number, known[0].of, (*known[0].entries, entry))
            _add(connection, matter, messages)
        return matter

    def find(self, number: int) -> Matter | None:
        with transaction(self._engine) as connection:
            return next(iter(_read(connection, matters.c.id == number)), None)

    def list(self, scope: Scope, *, closed: bool = True, target: str | None = None) -> Sequence[Matter]:
        """Return the matters of a region and the regions below it, or of a department there, the newest first.

        closed: also return closed ones; target: only those opened because of it.
        """
        wanted: list[ColumnElement[bool]] = [matters.c.region.between(*scope.bounds)]
        if scope.department is not None:
            wanted.append(matters.c.department == scope.department)
        if target is not None:
            wanted += [matters.c.about == "target", matters.c.subject == target]
        with transaction(self._engine) as connection:
            return _read(connection, *wanted, *([] if closed else [_IS_OPEN]))

    def report_task(self, report: TaskReport) -> None:
        """Keep a department's report on a task, and record it in the audit."""
        names = ("region", "plan", "task", "department", "at", "by", "evidence")
        row = {name: getattr(report, name) for name in names} | {"state": report.state.value}
        detail = {"department": report.department, "state": report.state.value, "evidence": report.evidence}
        entry = AuditEntry("task.report", f"{report.plan}/{report.task}", report.region, detail, report.by)
        with transaction(self._engine) as connection:
            connection.execute(insert(task_reports).values(**row))
            write(connection, report.by, entry)

    def task_reports(self, region: int, plan: str) -> Mapping[tuple[str, str], Sequence[TaskReport]]:
        """Return (task, department) → its reports, the newest first."""
        query = select(task_reports).where(task_reports.c.region == region, task_reports.c.plan == plan)
        found: dict[tuple[str, str], list[TaskReport]] = defaultdict(list)
        with transaction(self._engine) as connection:
            for row in connection.execute(query.order_by(task_reports.c.id.desc())):
                found[row.task, row.department].append(
                    TaskReport(
                        row.region, row.plan, row.task, row.department, row.at, row.by, TaskState(row.state),
                        row.evidence,
                    )
                )  # fmt: skip
        return found


def _take_turns(connection: Connection) -> None:
    """Make other writers wait: an entry is checked against those before it, so no other may come in between."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ONE_AT_A_TIME})


def _add(connection: Connection, matter: Matter, messages: Messages | None) -> None:
    """Store the matter's last entry with its notices, and record it in the audit."""
    entry, place = matter.entries[-1], len(matter.entries) - 1
    row = {"matter": matter.number, "place": place, "at": entry.at, "by": entry.by, "deed": entry.deed.value}
    connection.execute(insert(matter_entries).values(**row, content=_content(entry)))
    if messages is not None:
        add_messages(connection, messages(matter), entry.at)
    detail = {"department": matter.of.department, "about": f"{matter.of.about} {matter.of.subject}"}
    shown = {"rung": entry.rung and entry.rung.value, "deadline": entry.deadline and entry.deadline.isoformat()}
    detail |= {name: value for name, value in shown.items() if value} | (
        {"reason": entry.reason} if entry.reason else {}
    )
    write(
        connection, entry.by, AuditEntry(f"matter.{entry.deed}", str(matter.number), matter.of.region, detail, entry.by)
    )


def _content(entry: MatterEntry) -> dict[str, Any]:
    """Return the parts of an entry that have no column, as JSON."""
    answer = entry.answer
    said = None if answer is None else [answer.cause, answer.measures, answer.done_by.isoformat()]
    return {
        "rung": entry.rung.value if entry.rung is not None else None,
        "deadline": entry.deadline.isoformat() if entry.deadline is not None else None,
        "text": list(entry.text),
        "facts": [[*fact.name, *fact.content] for fact in entry.facts],
        "reason": entry.reason,
        "answer": said,
    }


_IS_OPEN = ~exists().where(matter_entries.c.matter == matters.c.id, matter_entries.c.deed == Deed.CLOSED.value)


def _read(connection: Connection, *wanted: ColumnElement[bool]) -> list[Matter]:
    """Return the matters that fulfil all conditions, the newest first."""
    lines: dict[int, list[MatterEntry]] = defaultdict(list)
    query = select(matter_entries).where(matter_entries.c.matter.in_(select(matters.c.id).where(*wanted)))
    for row in connection.execute(query.order_by(matter_entries.c.matter, matter_entries.c.place)):
        lines[row.matter].append(_entry(row))
    found = connection.execute(select(matters).where(*wanted).order_by(matters.c.id.desc()))
    return [Matter(row.id, _of(row), tuple(lines[row.id])) for row in found]


def _of(row: Row[Any]) -> NewMatter:
    about = next(kind for kind in ABOUT if kind == row.about)
    return NewMatter(row.region, about, row.subject, row.department, Wording(row.title_zh, row.title_en))


def _entry(row: Row[Any]) -> MatterEntry:
    content = row.content
    rung, deadline, said = content["rung"], content["deadline"], content["answer"]
    return MatterEntry(
        at=row.at,
        by=row.by,
        deed=Deed(row.deed),
        rung=Rung(rung) if rung else None,
        deadline=date.fromisoformat(deadline) if deadline else None,
        text=Wording(*content["text"]),
        facts=tuple(Fact(Wording(*fact[:2]), Wording(*fact[2:])) for fact in content["facts"]),
        reason=content["reason"],
        answer=DepartmentAnswer(said[0], said[1], date.fromisoformat(said[2])) if said else None,
    )
