"""The ledger of notices: who was notified of which alert and when, who acknowledged it, and when it ended."""

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

_ONE_AT_A_TIME = 20139
SAID_AGAIN = timedelta(hours=1)
"""Within this time, a message about the same alerts in the same states is the same notification: the rendered routes
repeat one after four hours or a day."""
State = Literal["open", "acknowledged", "resolved"]
SilenceAction = Literal["notice.silence", "notice.unsilence"]


@dataclass(frozen=True, slots=True)
class Notice:
    """One alert of which one receiver is notified. ended: when the alert ended, None while it fires.

    ours: whether a rule of this suite made it; a foreign alert is kept in the ledger but not passed on.
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
    """A text to pass on. place: the index of the receiver's address on the channel.

    tells: a digest of the alerts and states that the text is about, by which a repetition is recognised.
    """

    receiver: str
    channel: str
    place: int
    title: str
    body: str
    tells: str | None = None


@dataclass(frozen=True, slots=True)
class DueMessage:
    """A message that is due. attempts: number of attempts, including the one about to be made."""

    id: int
    message: NoticeMessage
    attempts: int


@dataclass(frozen=True, slots=True)
class NoticeLine:
    """A line of the ledger. told, last_told: times of the first and the last notice; times: number of notices."""

    notice: Notice
    told: datetime
    last_told: datetime
    times: int
    acknowledged: datetime | None
    acknowledged_by: str | None


class AlertKey(NamedTuple):
    """The key of an alert of Alertmanager. region: 0 for an alert on the suite itself; fingerprint: of its labels."""

    region: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class NoticeNote:
    """A note that a person wrote about an alert."""

    at: datetime
    by: str
    text: str


@dataclass(frozen=True, slots=True)
class PeopleSaid:
    """The last acknowledgement of an alert, and all notes about it, the oldest first."""

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
    """Return the key of a notice's line in the ledger."""
    return notice.region, notice.fingerprint, notice.started, notice.receiver


class NoticeLedger:
    """The ledger of notices. Every method is one transaction and raises Unavailable if the database does not answer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record(self, told: Sequence[Notice], messages: Sequence[NoticeMessage], at: datetime) -> None:
        """Store notices, and the messages to pass on, in one transaction."""
        ordered = sorted(told, key=key_of)
        with transaction(self._engine) as connection:
            for notice in ordered:
                _record(connection, notice, at)
            add_messages(connection, _untold(connection, messages, at), at)

    def told_as_ours(self, some: Sequence[Notice]) -> set[Key]:
        """Return the keys of those notices that the ledger has already, marked as ours."""
        wanted = tuple_(notices.c.region, notices.c.fingerprint, notices.c.started, notices.c.receiver)
        query = select(*wanted.clauses).where(wanted.in_([key_of(notice) for notice in some]), notices.c.ours)
        with transaction(self._engine) as connection:
            return {(region, name, started, who) for region, name, started, who in connection.execute(query)}

    def list(self, region: int | None = None, state: State | None = None, limit: int = 100) -> list[NoticeLine]:
        """Return lines of the ledger, the newest first."""
        query = select(notices).order_by(notices.c.told.desc(), notices.c.fingerprint, notices.c.receiver).limit(limit)
        if region is not None:
            query = query.where(notices.c.region == region)
        if state is not None:
            query = query.where(text(_STATES[state]))
        with transaction(self._engine) as connection:
            return [_entry(row) for row in connection.execute(query).mappings()]

    def acknowledge(self, region: int, fingerprint: str, by: str, at: datetime) -> int:
        """Note that a person takes care of an alert; return the number of lines. An earlier acknowledgement stays."""
        mine = (notices.c.region == region, notices.c.fingerprint == fingerprint, notices.c.acknowledged.is_(None))
        with transaction(self._engine) as connection:
            done = connection.execute(update(notices).where(*mine).values(acknowledged=at, acknowledged_by=by)).rowcount
            if done:
                _note(connection, AlertKey(region, fingerprint), "notice.acknowledge", by, {})
            return done

    def tell_silence(self, key: AlertKey, action: SilenceAction, by: str, detail: Mapping[str, str]) -> None:
        """Record in the audit that a person silenced an alert, or ended its silence."""
        with transaction(self._engine) as connection:
            _note(connection, key, action, by, detail)

    def note(self, key: AlertKey, note: NoticeNote) -> None:
        """Keep a person's note about an alert, and record it in the audit."""
        row = {"region": key.region, "fingerprint": key.fingerprint, "at": note.at, "by": note.by, "text": note.text}
        with transaction(self._engine) as connection:
            connection.execute(insert(notice_notes).values(**row))
            _note(connection, key, "notice.note", note.by, {"text": note.text})

    def said(self, keys: Sequence[AlertKey]) -> Mapping[AlertKey, PeopleSaid]:
        """Return acknowledgements and notes of those alerts that have any."""
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
        """Return messages to send now. One that is not reported as sent or failed within `patience` is due again."""
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
        """Note a failed attempt and its error. next_try: None gives the message up."""
        self._close(id_, {"next_try": next_try, "error": error[:500]})

    def waiting(self) -> int:
        """Return the number of messages that are still to be sent."""
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


def _note(connection: Connection, key: AlertKey, action: str, by: str, detail: Mapping[str, str]) -> None:
    """Write a line of the audit with the alert in the words of its last notice, beside the fingerprint."""
    mine = (notices.c.region == key.region, notices.c.fingerprint == key.fingerprint)
    newest = select(notices.c.summary, notices.c.annotations).where(*mine).order_by(notices.c.told.desc()).limit(1)
    row = connection.execute(newest).one_or_none()
    told = {"alert": row.summary, "alert_en": row.annotations.get("summary_en", "")} if row is not None else {}
    write(connection, f"bureau: {by}", AuditEntry(action, key.fingerprint, key.region or None, {**told, **detail}))


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
    # An alert that has ended keeps the figures of its notice.
    kept = {} if notice.ended else {"annotations": new.annotations, "summary": new.summary, "severity": new.severity}
    again = {"last_told": at, "times": notices.c.times + 1, "resolved": new.resolved, "ours": new.ours, **kept}
    key = ["region", "fingerprint", "started", "receiver"]
    # A foreign alert with the same labels neither ends our alert nor replaces its words.
    may = or_(new.ours, not_(notices.c.ours))
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=again, where=may))
    if notice.ours and notice.ended is None:
        _end_earlier(connection, notice)


def _end_earlier(connection: Connection, notice: Notice) -> None:
    """End earlier lines of an alert that fires again, since Alertmanager may not have reported the end in between."""
    same = (notices.c.region == notice.region, notices.c.fingerprint == notice.fingerprint)
    earlier = (notices.c.receiver == notice.receiver, notices.c.started < notice.started, notices.c.resolved.is_(None))
    connection.execute(update(notices).where(*same, *earlier).values(resolved=notice.started))


def _untold(connection: Connection, messages: Sequence[NoticeMessage], at: datetime) -> list[NoticeMessage]:
    """Return the messages that are neither sent nor about to be.

    Alertmanager repeats a notification that was not answered, and may repeat it to another process. Two processes that
    receive it at the same time take turns.
    """
    named = {message.tells for message in messages if message.tells}
    if not named:
        return list(messages)
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ONE_AT_A_TIME})
    key = notice_deliveries.c["receiver", "channel", "place", "tells"]
    goes_out = notice_deliveries.c.sent.is_not(None) | notice_deliveries.c.next_try.is_not(None)  # was not given up
    new = notice_deliveries.c.created > at - SAID_AGAIN
    lately = select(*key).where(notice_deliveries.c.tells.in_(named), new, goes_out)
    told = {tuple(row) for row in connection.execute(lately)}
    return [one for one in messages if (one.receiver, one.channel, one.place, one.tells) not in told]


def add_messages(connection: Connection, messages: Sequence[NoticeMessage], at: datetime) -> None:
    """Add messages that are sent once the transaction is committed."""
    if messages:
        rows = [_message_row(message) | {"created": at, "next_try": at} for message in messages]
        connection.execute(insert(notice_deliveries), rows)


def _message_row(message: NoticeMessage) -> dict[str, Any]:
    return {name: getattr(message, name) for name in ("receiver", "channel", "place", "title", "body", "tells")}


def _due(row: Mapping[Any, Any]) -> DueMessage:
    message = NoticeMessage(row["receiver"], row["channel"], row["place"], row["title"], row["body"])
    return DueMessage(row["id"], message, row["attempts"])


def _entry(row: Mapping[Any, Any]) -> NoticeLine:
    notice = Notice(
        row["region"], row["fingerprint"], row["started"], row["receiver"], row["alert"], row["severity"],
        row["summary"], row["labels"], row["annotations"], row["resolved"], row["ours"],
    )  # fmt: skip
    return NoticeLine(notice, row["told"], row["last_told"], row["times"], row["acknowledged"], row["acknowledged_by"])
