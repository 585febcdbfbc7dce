"""The audit: who changed what, in lines that are only added: the database refuses to change or to remove one."""

from __future__ import annotations

import os
import pwd
import socket
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, insert, select, text

from .database import transaction
from .tables import audit, case_reads

_ONE_AT_A_TIME = 20113


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """A change. action: WHAT.HOW; region: whose, None for all; subject: which one; detail: plain JSON.

    claimed: who did it, where that is a person rather than the process.
    """

    action: str
    subject: str = ""
    region: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    claimed: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class AuditLine:
    """A deed and when. actor: the database role that wrote it; claimed: who that says it was: USER@HOST or a person."""

    id: int
    at: datetime
    actor: str
    claimed: str
    deed: AuditEntry


@dataclass(frozen=True, slots=True)
class CaseReading:
    """That a token's holder was answered with cases. token: its name; kind: case, list, integrity or event.

    subject: REGION/HALL/CASE_ID, or the list's parameters; reads: how often, in the hour that begins at `hour`.
    """

    hour: datetime
    token: str
    kind: str
    region: int | None
    subject: str
    reads: int


class Audit:
    """The lines. Every method raises Unavailable when the database cannot be reached.

    actor: claimed of lines that name no other; the database adds who it really was.
    """

    def __init__(self, engine: Engine, actor: str) -> None:
        self._engine = engine
        self._actor = actor

    def append(self, deed: AuditEntry) -> None:
        """Record a change that has no transaction; the others write theirs in it (`write`)."""
        with transaction(self._engine) as connection:
            write(connection, self._actor, deed)

    def append_if_new(self, deed: AuditEntry) -> bool:
        """Unless the last line of this action and subject says the same: for what is found at every start."""
        mine = (audit.c.action == deed.action, audit.c.subject == deed.subject)
        last = select(audit.c.region, audit.c.detail).where(*mine).order_by(audit.c.id.desc()).limit(1)
        with transaction(self._engine) as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ONE_AT_A_TIME})
            known = connection.execute(last).one_or_none()
            if known is not None and (known.region, known.detail) == (deed.region, dict(deed.detail)):
                return False
            write(connection, self._actor, deed)
            return True

    def record(self, deeds: Sequence[AuditEntry], readings: Sequence[CaseReading]) -> None:
        """Lines, and who read which cases, in one transaction."""
        with transaction(self._engine) as connection:
            for deed in deeds:
                write(connection, self._actor, deed)
            if readings:
                connection.execute(insert(case_reads), [asdict(reading) for reading in readings])

    def readings(self, since: datetime | None = None, token: str = "", limit: int = 100) -> list[CaseReading]:
        """Return who read which cases, the newest first; every gateway writes its own lines of an hour."""
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
        """The newest first. action: `hall.add`, or `hall` for all of its kind."""
        query = select(audit).order_by(audit.c.id.desc()).limit(limit)
        if since is not None:
            query = query.where(audit.c.at >= since)
        if action:
            query = query.where((audit.c.action == action) | audit.c.action.startswith(f"{action}.", autoescape=True))
        if region is not None:
            query = query.where(audit.c.region == region)
        with transaction(self._engine) as connection:
            return [
                AuditLine(
                    row.id, row.at, row.actor, row.claimed, AuditEntry(row.action, row.subject, row.region, row.detail)
                )
                for row in connection.execute(query)
            ]


def write(connection: Connection, actor: str, deed: AuditEntry) -> None:
    """A line in the transaction of the change itself: both are there, or neither."""
    row = {"claimed": deed.claimed or actor, "action": deed.action, "region": deed.region, "subject": deed.subject}
    connection.execute(insert(audit).values(**row, detail=dict(deed.detail)))


def process_actor(service: str = "") -> str:
    """USER@HOST, as the operating system knows this process; who called sudo is named, and so is a service."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # containers run as numbers that have no name
        user = str(os.getuid())
    caller = os.environ.get("SUDO_USER", "")
    who = f"{caller} as {user}" if caller and caller != user and os.getuid() == 0 else user
    return f"{service}: {who}@{socket.gethostname()}" if service else f"{who}@{socket.gethostname()}"
