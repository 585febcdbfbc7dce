"""The audit: who changed what. Lines are only added; the database refuses to change or to remove one."""

from __future__ import annotations

import os
import pwd
import socket
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, insert, select, text

from .database import transaction
from .tables import audit, case_reads

_ONE_AT_A_TIME = 20113


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """A change.

    action: OBJECT.CHANGE, such as hall.add; subject: the object's name; region: the object's, None for all; detail:
    plain JSON; claimed: who did it, if that is a person rather than the process.
    """

    action: str
    subject: str = ""
    region: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    claimed: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class AuditLine:
    """A recorded change.

    actor: the database role that wrote the line; claimed: USER@HOST or the person whom that role names as its author.
    """

    id: int
    at: datetime
    actor: str
    claimed: str
    entry: AuditEntry


@dataclass(frozen=True, slots=True)
class CaseReading:
    """A record that a token's holder read cases. token: its name; kind: case, list, integrity or event.

    subject: REGION/HALL/CASE_ID, or the list's parameters; reads: how often in the hour that begins at `hour`.
    """

    hour: datetime
    token: str
    kind: str
    region: int | None
    subject: str
    reads: int


class Audit:
    """The lines of the audit. Every method raises Unavailable if the database cannot be reached.

    actor: who is `claimed` in lines that name no one; the database adds the role that really wrote them.
    """

    def __init__(self, engine: Engine, actor: str) -> None:
        self._engine = engine
        self._actor = actor

    def append(self, entry: AuditEntry) -> None:
        """Record a change that has no transaction; others are recorded in their transaction (`write`)."""
        with transaction(self._engine) as connection:
            write(connection, self._actor, entry)

    def append_if_new(self, entry: AuditEntry) -> bool:
        """Record a change unless the last line of its action and subject says the same; return whether it is recorded.

        Used for facts that are found again at every start.
        """
        mine = (audit.c.action == entry.action, audit.c.subject == entry.subject)
        last = select(audit.c.region, audit.c.detail).where(*mine).order_by(audit.c.id.desc()).limit(1)
        with transaction(self._engine) as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ONE_AT_A_TIME})
            known = connection.execute(last).one_or_none()
            if known is not None and (known.region, known.detail) == (entry.region, dict(entry.detail)):
                return False
            write(connection, self._actor, entry)
            return True

    def record(self, entries: Sequence[AuditEntry], readings: Sequence[CaseReading]) -> None:
        """Record changes, and who read which cases, in one transaction."""
        with transaction(self._engine) as connection:
            for entry in entries:
                write(connection, self._actor, entry)
            if readings:
                connection.execute(insert(case_reads), [asdict(reading) for reading in readings])

    def readings(self, since: datetime | None = None, token: str = "", limit: int = 100) -> list[CaseReading]:
        """Return who read which cases, the newest first; each gateway has separate lines for an hour."""
        columns = (case_reads.c[column.name] for column in fields(CaseReading))
        query = select(*columns).order_by(case_reads.c.id.desc()).limit(limit)
        if since is not None:
            query = query.where(case_reads.c.at >= since)
        if token:
            query = query.where(case_reads.c.token == token)
        with transaction(self._engine) as connection:
            return [CaseReading(*row) for row in connection.execute(query)]

    def list(
        self, since: datetime | None = None, action: str = "", region: int | None = None, limit: int = 100
    ) -> list[AuditLine]:
        """Return lines, the newest first. action: such as `hall.add`, or `hall` for all changes of that object."""
        query = select(audit).order_by(audit.c.id.desc()).limit(limit)
        if since is not None:
            query = query.where(audit.c.at >= since)
        if action:
            query = query.where((audit.c.action == action) | audit.c.action.startswith(f"{action}.", autoescape=True))
        if region is not None:
            query = query.where(audit.c.region == region)
        with transaction(self._engine) as connection:
            return [_line(row) for row in connection.execute(query)]

    def page(
        self, bounds: tuple[int, int], *, everywhere: bool, action: str = "", before: int | None = None, limit: int
    ) -> Sequence[AuditLine]:
        """Return a page of the lines about the regions within the bounds, the newest first.

        everywhere: also lines that concern no single region; action: as for `list`, None for all but sign-ins and
        sign-outs; before: the number of the last line of the page before.
        """
        query = select(audit).order_by(audit.c.id.desc()).limit(limit)
        inside = audit.c.region.between(*bounds)
        query = query.where(inside | audit.c.region.is_(None) if everywhere else inside)
        if before is not None:
            query = query.where(audit.c.id < before)
        kind = audit.c.action.startswith(f"{action or 'session'}.", autoescape=True)
        query = query.where((audit.c.action == action) | kind if action else ~kind)
        with transaction(self._engine) as connection:
            return [_line(row) for row in connection.execute(query)]


def _line(row: Row[Any]) -> AuditLine:
    return AuditLine(
        row.id, row.at, row.actor, row.claimed, AuditEntry(row.action, row.subject, row.region, row.detail)
    )


def write(connection: Connection, actor: str, entry: AuditEntry) -> None:
    """Record a change in its own transaction: both are stored, or neither."""
    row = {"claimed": entry.claimed or actor, "action": entry.action, "region": entry.region, "subject": entry.subject}
    connection.execute(insert(audit).values(**row, detail=dict(entry.detail)))


def process_actor(service: str = "") -> str:
    """Return USER@HOST of this process, as the operating system knows it, with the caller of sudo and the service."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # containers run as numbers that have no name
        user = str(os.getuid())
    caller = os.environ.get("SUDO_USER", "")
    who = f"{caller} as {user}" if caller and caller != user and os.getuid() == 0 else user
    return f"{service}: {who}@{socket.gethostname()}" if service else f"{who}@{socket.gethostname()}"
