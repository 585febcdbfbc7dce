"""Tables that people upload in the page: the file, the progress of the work on it, what was understood, the result.

The gateway adds a file and reads its state; the catalogue service works on it. Only one file of an account is worked on
at a time. A file's bytes are kept until it has been imported, at most for `KEPT`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Engine,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.exc import IntegrityError

from hallpulse.domain.errors import HallpulseError

from .database import transaction
from .tables import metadata

UploadKind = Literal["figures", "cases", "catalogue"]
UploadState = Literal["waiting", "reading", "asked", "ready", "importing", "imported", "unreadable", "failed"]
KEPT = timedelta(days=7)
SILENT = timedelta(minutes=3)
"""Work that shows no sign for this long has ended with its process."""
_AT_WORK = ("waiting", "reading", "importing")
_ENDED = ("imported", "unreadable")
_MOST_OF_ONE = 20

uploads = Table(
    "uploads",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("region", Integer, nullable=False),
    Column("kind", Text, nullable=False, comment="figures, cases or catalogue"),
    Column("hall", Text, nullable=False),
    Column("department", Text, comment="whose figures alone it may declare"),
    Column("own_hall", Boolean, nullable=False, comment="sent by the hall: only its figures are shown"),
    Column("plan_codes", Boolean, nullable=False, comment="departments get the plan's codes"),
    Column("owner", Text, nullable=False, comment="account, or name of a token"),
    Column("by", Text, nullable=False),
    Column("name", Text, nullable=False, comment="of the file, as its sender has it"),
    Column("bytes", Integer, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("seen", DateTime(timezone=True), nullable=False, comment="when its work last showed a sign"),
    Column("state", Text, nullable=False),
    Column("done", Integer, nullable=False, comment="rows walked through"),
    Column("total", Integer, nullable=False),
    Column("content", LargeBinary, comment="none once it was imported"),
    Column("answers", LargeBinary, nullable=False, comment="JSON"),
    Column("told", LargeBinary, comment="JSON: what was understood"),
    Column("versions", LargeBinary, comment="events of a catalogue, one a line"),
    Column("rejected", LargeBinary, comment="rows not taken in, as csv"),
    Column("result", LargeBinary, comment="JSON: rows and events of the import"),
    Column("why_zh", Text, nullable=False),
    Column("why_en", Text, nullable=False),
    Index("uploads_of", "owner", "id"),
    Index(
        "uploads_one_at_a_time",
        "owner",
        unique=True,
        postgresql_where=text("state IN ('waiting', 'reading', 'importing')"),
    ),
)


class UploadBusy(HallpulseError):
    """The work cannot begin: the file or another one of its owner is being worked on, or the file was imported."""


_OTHER_FILE = "another file of this account is being worked on"
_SHOWN = [column for column in uploads.columns if column.name not in ("content", "versions", "rejected")]


@dataclass(frozen=True, slots=True)
class NewUpload:
    """A file, and what its sender may do with it.

    department: the only one whose figures it may declare, None for any; own_hall: the hall itself sent it, and is shown
    only its own figures; plan_codes: departments get the plan's codes; owner: an account, or the name of a token.
    """

    region: int
    kind: UploadKind
    hall: str
    name: str
    owner: str
    by: str
    department: str | None = None
    own_hall: bool = False
    plan_codes: bool = False


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload with its present state. done, total: numbers of rows; told, result: JSON; why: a failure's reason in
    Chinese and in English.
    """

    id: int
    new: NewUpload
    size: int
    at: datetime
    state: UploadState
    done: int
    total: int
    answers: Mapping[str, str]
    told: Any
    result: Any
    why: tuple[str, str]
    has_rejected: bool


_INTERRUPTED = ("处理被中断，请再试一次", "the work was interrupted: try again")


class Uploads:
    """The stored uploads. Every method is one transaction and raises Unavailable if the database cannot be reached."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, new: NewUpload, content: bytes, at: datetime) -> int:
        """Keep a file that waits to be read. Raises UploadBusy while another file of its owner is being worked on."""
        row = {name: getattr(new, name) for name in _NEW} | {"bytes": len(content), "content": content, "at": at}
        row |= {"seen": at, "state": "waiting", "done": 0, "total": 0, "answers": b"{}", "why_zh": "", "why_en": ""}
        with transaction(self._engine) as connection:
            self._tidy(connection, new.owner, at)
            try:
                return int(connection.execute(insert(uploads).values(**row).returning(uploads.c.id)).scalar_one())
            except IntegrityError:
                raise UploadBusy(_OTHER_FILE) from None

    def _tidy(self, connection: Any, owner: str, now: datetime) -> None:
        """Remove old uploads, and all of this owner's that are not being worked on except the newest finished ones."""
        silent = uploads.c.seen < now - SILENT
        at_rest = uploads.c.state.not_in(_AT_WORK) | silent
        connection.execute(delete(uploads).where((uploads.c.at < now - KEPT) & at_rest))
        newest = select(uploads.c.id).where(uploads.c.owner == owner).order_by(uploads.c.id.desc()).limit(_MOST_OF_ONE)
        unfinished = uploads.c.state.not_in((*_AT_WORK, *_ENDED)) | (uploads.c.state.in_(_AT_WORK) & silent)
        mine = uploads.c.owner == owner
        connection.execute(delete(uploads).where(mine, at_rest, unfinished | uploads.c.id.not_in(newest)))

    def get(self, number: int, now: datetime, owner: str | None = None) -> Upload | None:
        """Return an upload, of this owner if one is given, or None.

        Work that no longer reports progress counts as failed.
        """
        query = select(*_SHOWN, uploads.c.rejected.is_not(None).label("has_rejected")).where(uploads.c.id == number)
        if owner is not None:
            query = query.where(uploads.c.owner == owner)
        with transaction(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _upload(row, now)

    def owner(self, number: int) -> str | None:
        """Return who sent an upload. It takes the same work whether there is one or not."""
        with transaction(self._engine) as connection:
            found: str | None = connection.execute(select(uploads.c.owner).where(uploads.c.id == number)).scalar()
        return found

    def list(self, region: int, owner: str, now: datetime) -> Sequence[Upload]:
        """Return the owner's uploads of a region, the newest first."""
        query = select(*_SHOWN, uploads.c.rejected.is_not(None).label("has_rejected")).where(
            uploads.c.owner == owner, uploads.c.region == region
        )
        with transaction(self._engine) as connection:
            rows = connection.execute(query.order_by(uploads.c.id.desc())).all()
        return [_upload(row, now) for row in rows]

    def content(self, number: int) -> bytes | None:
        return self._bytes(number, uploads.c.content)

    def rejected(self, number: int) -> bytes | None:
        """Return the rows that were not taken in, as csv."""
        return self._bytes(number, uploads.c.rejected)

    def versions(self, number: int) -> bytes | None:
        """Return the events of a catalogue that was read, one a line."""
        return self._bytes(number, uploads.c.versions)

    def _bytes(self, number: int, column: Column[Any]) -> bytes | None:
        with transaction(self._engine) as connection:
            found = connection.execute(select(column).where(uploads.c.id == number)).scalar()
        return None if found is None else bytes(found)

    def begin(self, number: int, state: UploadState, answers: Mapping[str, str] | None, now: datetime) -> None:
        """Let work begin: reading with these answers, or importing a ready file. Raises UploadBusy if it cannot."""
        may = uploads.c.state.in_(("waiting", "asked", "ready", "failed") if state == "reading" else ("ready",))
        silent = uploads.c.state.in_(_AT_WORK) & (uploads.c.seen < now - SILENT)
        values: dict[str, Any] = {"state": "waiting" if state == "reading" else state, "seen": now, "done": 0}
        if answers is not None:
            values["answers"] = json.dumps(dict(answers)).encode()
        query = update(uploads).where(uploads.c.id == number, uploads.c.content.is_not(None), may | silent)
        with transaction(self._engine) as connection:
            try:
                begun = connection.execute(query.values(**values).returning(uploads.c.id)).scalar()
            except IntegrityError:
                raise UploadBusy(_OTHER_FILE) from None
        if begun is None:
            raise UploadBusy("this file is being worked on, or was imported")

    def tell(self, number: int, now: datetime, **values: Any) -> bool:
        """Store the progress of the work; return False if the upload was discarded."""
        query = update(uploads).where(uploads.c.id == number).values(seen=now, **values).returning(uploads.c.id)
        with transaction(self._engine) as connection:
            return connection.execute(query).scalar() is not None

    def fail(self, number: int, why: tuple[str, str]) -> None:
        """Store why the work failed, if it is still under way."""
        query = update(uploads).where(uploads.c.id == number, uploads.c.state.in_(_AT_WORK))
        with transaction(self._engine) as connection:
            connection.execute(query.values(state="failed", why_zh=why[0], why_en=why[1], seen=func.now()))

    def discard(self, number: int) -> bool:
        """Remove an upload that is not being imported; return whether it was removed."""
        query = delete(uploads).where(uploads.c.id == number, uploads.c.state != "importing").returning(uploads.c.id)
        with transaction(self._engine) as connection:
            return connection.execute(query).scalar() is not None


_NEW = ("region", "kind", "hall", "name", "owner", "by", "department", "own_hall", "plan_codes")


def _upload(row: Any, now: datetime) -> Upload:
    interrupted = row.state in _AT_WORK and row.seen < now - SILENT
    return Upload(
        id=row.id,
        new=NewUpload(**{name: getattr(row, name) for name in _NEW}),
        size=row.bytes,
        at=row.at,
        state="failed" if interrupted else row.state,
        done=row.done,
        total=row.total,
        answers=json.loads(row.answers),
        told=None if row.told is None else json.loads(row.told),
        result=None if row.result is None else json.loads(row.result),
        why=_INTERRUPTED if interrupted else (row.why_zh, row.why_en),
        has_rejected=row.has_rejected,
    )
