"""The ledger of notices: who was told what and when, who acknowledged it, when it was over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    DateTime,
    Engine,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    func,
    insert,
    not_,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from .audit import AuditEntry, write
from .database import transaction
from .tables import metadata, notice_deliveries, notices

State = Literal["open", "acknowledged", "resolved"]
SilenceDeed = Literal["notice.silence", "notice.unsilence"]


@dataclass(frozen=True, slots=True)
class Notice:
    """One alert as one receiver was told of it. ended: when it was over, None while it fires.

    ours: made by a rule of this suite; a foreign one is in the ledger and is not passed on.
    """

    region: int
    fingerprint: str
    started: datetime
    receiver: str
    alert: str
    severity: str
    summary: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    ended: datetime | None = None
    ours: bool = True


@dataclass(frozen=True, slots=True)
class NoticeMessage:
    """A text to pass on. place: which of the receiver's addresses on the channel."""

    receiver: str
    channel: str
    place: int
    title: str
    body: str


@dataclass(frozen=True, slots=True)
class DueMessage:
    """A message whose time has come; attempts: with the one about to be made."""

    id: int
    message: NoticeMessage
    attempts: int


@dataclass(frozen=True, slots=True)
class NoticeLine:
    """A line of the ledger."""

    notice: Notice
    told: datetime
    last_told: datetime
    times: int
    acknowledged: datetime | None
    acknowledged_by: str | None


class AlertKey(NamedTuple):
    """An alert of Alertmanager. region: 0 for one of the suite itself; fingerprint: of its labels."""

    region: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class NoticeNote:
    """A note that a person wrote of an alert."""

    at: datetime
    by: str
    text: str


@dataclass(frozen=True, slots=True)
class PeopleSaid:
    """The last acknowledgement of an alert, and all notes of it, the oldest first."""

    acknowledged: datetime | None = None
    acknowledged_by: str | None = None
    notes: tuple[NoticeNote, ...] = ()


notice_notes = Table(
    "notice_notes",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("region", Integer, nullable=False, comment="0 for alerts of the suite itself"),
    Column("fingerprint", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("by", Text, nullable=False),
    Column("text", Text, nullable=False),
    Index("notice_notes_of", "region", "fingerprint"),
)

Key = tuple[int, str, datetime, str]


def key_of(notice: Notice) -> Key:
    """A notice's line in the ledger."""
    return notice.region, notice.fingerprint, notice.started, notice.receiver


class NoticeLedger:
    """Every method is one transaction and raises Unavailable when the database cannot be reached."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record(self, told: Sequence[Notice], messages: Sequence[NoticeMessage], at: datetime) -> None:
        """Write down what was told, and what is to be passed on: both or neither."""
        ordered = sorted(told, key=key_of)
        with transaction(self._engine) as connection:
            for notice in ordered:
                _record(connection, notice, at)
            add_messages(connection, messages, at)

    def told_as_ours(self, some: Sequence[Notice]) -> set[Key]:
        """Those of the notices that are in the ledger already, as ours."""
        wanted = tuple_(notices.c.region, notices.c.fingerprint, notices.c.started, notices.c.receiver)
        query = select(*wanted.clauses).where(wanted.in_([key_of(notice) for notice in some]), notices.c.ours)
        with transaction(self._engine) as connection:
            return {(region, name, started, who) for region, name, started, who in connection.execute(query)}

    def list(self, region: int | None = None, state: State | None = None, limit: int = 100) -> list[NoticeLine]:
        """The newest first."""
        query = select(notices).order_by(notices.c.told.desc(), notices.c.fingerprint, notices.c.receiver).limit(limit)
        if region is not None:
            query = query.where(notices.c.region == region)
        if state is not None:
            query = query.where(text(_STATES[state]))
        with transaction(self._engine) as connection:
            return [_entry(row) for row in connection.execute(query).mappings()]

    def acknowledge(self, region: int, fingerprint: str, by: str, at: datetime) -> int:
        """Note that a person takes care of an alert; return how many lines that concerned. The first one stands."""
        mine = (notices.c.region == region, notices.c.fingerprint == fingerprint, notices.c.acknowledged.is_(None))
        with transaction(self._engine) as connection:
            done = connection.execute(update(notices).where(*mine).values(acknowledged=at, acknowledged_by=by)).rowcount
            if done:
                write(connection, f"bureau: {by}", AuditEntry("notice.acknowledge", fingerprint, region or None))
            return done

    def tell_silence(self, key: AlertKey, action: SilenceDeed, by: str, detail: Mapping[str, str]) -> None:
        """Write into the audit that a person silenced an alert, or ended its silence."""
        with transaction(self._engine) as connection:
            write(connection, f"bureau: {by}", AuditEntry(action, key.fingerprint, key.region or None, dict(detail)))

    def note(self, key: AlertKey, note: NoticeNote) -> None:
        """Keep what a person wrote of an alert."""
        row = {"region": key.region, "fingerprint": key.fingerprint, "at": note.at, "by": note.by, "text": note.text}
        deed = AuditEntry("notice.note", key.fingerprint, key.region or None, {"text": note.text})
        with transaction(self._engine) as connection:
            connection.execute(insert(notice_notes).values(**row))
            write(connection, f"bureau: {note.by}", deed)

    def said(self, keys: Sequence[AlertKey]) -> Mapping[AlertKey, PeopleSaid]:
        """Return what people said of alerts, of those of which anything was said."""
        wanted = [tuple(key) for key in keys]
        told = tuple_(notices.c.region, notices.c.fingerprint).in_(wanted) & notices.c.acknowledged.is_not(None)
        written = tuple_(notice_notes.c.region, notice_notes.c.fingerprint).in_(wanted)
        found: dict[AlertKey, PeopleSaid] = {}
        with transaction(self._engine) as connection:
            for row in connection.execute(select(notices).where(told).order_by(notices.c.acknowledged)):
                found[AlertKey(row.region, row.fingerprint)] = PeopleSaid(row.acknowledged, row.acknowledged_by)
            for row in connection.execute(select(notice_notes).where(written).order_by(notice_notes.c.id)):
                key = AlertKey(row.region, row.fingerprint)
                before = found.get(key, PeopleSaid())
                found[key] = replace(before, notes=(*before.notes, NoticeNote(row.at, row.by, row.text)))
        return found

    def due(self, now: datetime, patience: timedelta, limit: int = 20) -> Sequence[DueMessage]:
        """Take messages to send; one that is not reported sent or failed within `patience` comes again."""
        mine = (
            select(notice_deliveries.c.id)
            .where(notice_deliveries.c.next_try <= now)
            .order_by(notice_deliveries.c.next_try, notice_deliveries.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        take = (
            update(notice_deliveries)
            .where(notice_deliveries.c.id.in_(mine.scalar_subquery()))
            .values(next_try=now + patience, attempts=notice_deliveries.c.attempts + 1)
            .returning(notice_deliveries)
        )
        with transaction(self._engine) as connection:
            found = [_due(row) for row in connection.execute(take).mappings()]
        return sorted(found, key=lambda message: message.id)

    def sent(self, id_: int, at: datetime) -> None:
        self._close(id_, {"sent": at, "next_try": None, "error": None})

    def failed(self, id_: int, error: str, next_try: datetime | None) -> None:
        """Note a failed attempt. next_try: None gives it up; what went wrong stays on record."""
        self._close(id_, {"next_try": next_try, "error": error[:500]})

    def waiting(self) -> int:
        """Messages that are still to be sent."""
        query = select(func.count()).where(notice_deliveries.c.next_try.is_not(None))
        with transaction(self._engine) as connection:
            return int(connection.execute(query).scalar_one())

    def _close(self, id_: int, values: dict[str, Any]) -> None:
        with transaction(self._engine) as connection:
            connection.execute(update(notice_deliveries).where(notice_deliveries.c.id == id_).values(values))


_STATES: Mapping[State, str] = {
    "open": "resolved IS NULL AND acknowledged IS NULL",
    "acknowledged": "resolved IS NULL AND acknowledged IS NOT NULL",
    "resolved": "resolved IS NOT NULL",
}


def _record(connection: Connection, notice: Notice, at: datetime) -> None:
    row = {
        "region": notice.region,
        "fingerprint": notice.fingerprint,
        "started": notice.started,
        "receiver": notice.receiver,
        "alert": notice.alert,
        "severity": notice.severity,
        "summary": notice.summary,
        "labels": dict(notice.labels),
        "annotations": dict(notice.annotations),
        "ours": notice.ours,
    }
    statement = upsert(notices).values({**row, "told": at, "last_told": at, "times": 1, "resolved": notice.ended})
    new = statement.excluded
    # What ended keeps the figures with which it was told.
    kept = {} if notice.ended else {"annotations": new.annotations, "summary": new.summary, "severity": new.severity}
    again = {"last_told": at, "times": notices.c.times + 1, "resolved": new.resolved, "ours": new.ours, **kept}
    key = ["region", "fingerprint", "started", "receiver"]
    # A foreign alert with the labels of ours neither ends it nor puts other words in its place.
    may = or_(new.ours, not_(notices.c.ours))
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=again, where=may))
    if notice.ours and notice.ended is None:
        _end_earlier(connection, notice)


def _end_earlier(connection: Connection, notice: Notice) -> None:
    """End the earlier lines of an alert that fires again: Alertmanager may never say that it ended in between."""
    same = (notices.c.region == notice.region, notices.c.fingerprint == notice.fingerprint)
    earlier = (notices.c.receiver == notice.receiver, notices.c.started < notice.started, notices.c.resolved.is_(None))
    connection.execute(update(notices).where(*same, *earlier).values(resolved=notice.started))


def add_messages(connection: Connection, messages: Sequence[NoticeMessage], at: datetime) -> None:
    """Have messages sent once the transaction that tells of it is there."""
    if messages:
        rows = [_message_row(message) | {"created": at, "next_try": at} for message in messages]
        connection.execute(insert(notice_deliveries), rows)


def _message_row(message: NoticeMessage) -> dict[str, Any]:
    return {name: getattr(message, name) for name in ("receiver", "channel", "place", "title", "body")}


def _due(row: Mapping[Any, Any]) -> DueMessage:
    message = NoticeMessage(row["receiver"], row["channel"], row["place"], row["title"], row["body"])
    return DueMessage(row["id"], message, row["attempts"])


def _entry(row: Mapping[Any, Any]) -> NoticeLine:
    notice = Notice(
        row["region"], row["fingerprint"], row["started"], row["receiver"], row["alert"], row["severity"],
        row["summary"], row["labels"], row["annotations"], row["resolved"], row["ours"],
    )  # fmt: skip
    return NoticeLine(notice, row["told"], row["last_told"], row["times"], row["acknowledged"], row["acknowledged_by"])
