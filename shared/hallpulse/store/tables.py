"""The tables. Most keys begin with the region, by which a cluster spreads rows and nearly every query selects them.

`events` holds what halls sent (its key: docs/decisions/0005-the-key-of-events.md), `ledger` a part of it by entity.
Derived tables follow from it (`recompute`). `refused` lists `hall.refused` (docs/decisions/0009-refused-table.md).
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.schema import SchemaItem

from hallpulse.domain.figures import DAYS_APART
from hallpulse.domain.measures import COLUMNS, ITEM_COLUMNS

metadata = MetaData()


def _table(name: str, *parts: SchemaItem) -> Table:
    return Table(name, metadata, *parts)


def _zero(name: str, kind: type[Integer] = Integer) -> Column[int]:
    return Column(name, kind, nullable=False, server_default=text("0"))


def _false(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=text("false"))


events = _table(
    "events",
    Column("region", Integer, nullable=False),
    Column("hall", Text, nullable=False),
    Column("id", LargeBinary, nullable=False, comment="16 bytes of a UUID, or 0xff and the text"),
    Column("time", BigInteger, nullable=False, comment="microseconds since 1970-01-01 UTC"),
    Column("arrived", Integer, nullable=False, comment="minutes since 1970-01-01 UTC"),
    Column("type", SmallInteger, nullable=False),
    Column("case_id", Text, nullable=False, comment="empty for events that are not about a case"),
    Column("data", LargeBinary, nullable=False, comment="MessagePack array of the data's other fields"),
    Column("extra", LargeBinary, comment="JSON of the other CloudEvents attributes"),
    Column(
        "arrived_cs", SmallInteger, nullable=False, server_default=text("0"),
        comment="hundredths of a second into that minute",
    ),
    Column("imported", Boolean, comment="true of what an import repeated from records; else none, which takes no room"),
    PrimaryKeyConstraint("id", "region", "hall"),
    Index("events_times", "arrived", "time", postgresql_using="brin",
          postgresql_with={"pages_per_range": 32, "autosummarize": True}),
)  # fmt: skip

ledger = _table(
    "ledger",
    Column("region", Integer, nullable=False),
    Column("family", Text, nullable=False),
    Column("entity", Text, nullable=False, comment="item code, hall/date, or indicator|period|department"),
    Column("hall", Text, nullable=False),
    Column("id", LargeBinary, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("type", SmallInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("region", "family", "entity", "hall", "id"),
)

cases = _table(
    "cases",
    Column("region", Integer, nullable=False),
    Column("hall", Text, nullable=False),
    Column("case_id", Text, nullable=False),
    Column("item_code", Text),
    Column("department", Text),
    Column("channel", Text),
    Column("received", Date, comment="none while the case is pending"),
    Column("accepted", Date),
    Column("rejected", Date),
    Column("decided", Date),
    Column("withdrawn", Date),
    Column("rated", Date),
    Column("due", Date),
    Column("statutory_due", Date),
    Column("soon_from", Date),
    Column("late_from", Date),
    Column("unaccepted_from", Date),
    Column("score", SmallInteger),
    Column("statutory_days", Integer),
    Column("promised_days", Integer),
    Column("extended", Integer, nullable=False),
    Column("elapsed", Integer),
    Column("flags", Integer, nullable=False),
    Column("timed", Boolean, nullable=False),
    Column("unified", Boolean, nullable=False),
    Column("full_process", Boolean, nullable=False),
    Column("promise_kept", Boolean, nullable=False),
    Column("statutory_kept", Boolean, nullable=False),
    Column("counts_as_due", Boolean, nullable=False),
    Column("open", Boolean, nullable=False),
    Column("suspended", Boolean, nullable=False),
    *(_false(name) for name in ("rated_by_default", "rating_verified", "rating_rectified")),
    Column("rated_minute", SmallInteger, comment="of the local day"),
    _zero("suspensions", SmallInteger),
    Column("entries", LargeBinary, nullable=False, comment="what the case added to the cells"),
    Column("history", LargeBinary, nullable=False, comment="the case's events"),
    PrimaryKeyConstraint("region", "hall", "case_id"),
    Index("cases_accepted", "region", "accepted", "item_code"),
    Index("cases_flagged", "region", "hall", postgresql_where=text("flags <> 0")),
    Index("cases_slow", "region", "decided", "elapsed", postgresql_where=text(f"timed AND elapsed > {DAYS_APART}")),
    Index("cases_open", "region", "late_from", "hall", "case_id", postgresql_where=text("open")),
)

cells = _table(
    "cells",
    Column("region", Integer, nullable=False),
    Column("grain", Text, nullable=False, comment="d: a day, m: a month by its first day"),
    Column("day", Date, nullable=False),
    Column("hall", Text, nullable=False),
    Column("department", Text, nullable=False),
    *(_zero(name) for name in COLUMNS),
    PrimaryKeyConstraint("region", "grain", "day", "hall", "department"),
)

item_spans = _table(
    "item_spans",
    Column("region", Integer, nullable=False),
    Column("item_code", Text, nullable=False),
    Column("start", Date, nullable=False),
    Column("end", Date, comment="the first day on which it no longer holds"),
    Column("hall", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("department", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("instant", Boolean, nullable=False),
    Column("statutory_days", Integer),
    Column("promised_days", Integer),
    Column("settled", Boolean, comment="of this and the other flags: none where it is not known"),
    Column("unified", Boolean),
    Column("full_process", Boolean),
    Column("tolerates_missing", Boolean),
    Column("commitment", Boolean),
    Column("basic_code", Text),
    PrimaryKeyConstraint("region", "item_code", "start"),
)

item_cells = _table(
    "item_cells",
    Column("region", Integer, nullable=False),
    Column("department", Text, nullable=False),
    Column("day", Date, nullable=False, comment="changes on that day; the sum up to a day is the state on it"),
    *(_zero(name, BigInteger) for name in ITEM_COLUMNS),
    PrimaryKeyConstraint("region", "department", "day"),
)

tallies = _table(
    "tallies",
    Column("region", Integer, nullable=False),
    Column("hall", Text, nullable=False),
    Column("day", Date, nullable=False),
    Column("revision", Integer, nullable=False),
    *(Column(name, BigInteger, nullable=False) for name in ("accepted", "rejected", "unified_accepted")),
    *(Column(name, BigInteger, nullable=False) for name in ("full_process_accepted", "decided", "instant_decided")),
    PrimaryKeyConstraint("region", "hall", "day"),
)

figures = _table(
    "figures",
    Column("region", Integer, nullable=False),
    Column("indicator", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("department", Text, nullable=False, comment="empty for the region's own"),
    Column("hall", Text, nullable=False),
    Column("id", LargeBinary, nullable=False),
    Column(
        "place",
        SmallInteger,
        nullable=False,
        comment="0 of what counts if it can be right, 1, …; -1 of what was corrected",
    ),
    Column("first_day", Date, nullable=False), Column("last_day", Date, nullable=False),
    Column("numerator", BigInteger, nullable=False), Column("denominator", BigInteger),
    Column("revision", Integer, nullable=False),
    Column("time", BigInteger, nullable=False, comment="microseconds since 1970-01-01 UTC"),
    Column("arrived", Integer, nullable=False, comment="minutes since 1970-01-01 UTC"),
    PrimaryKeyConstraint("region", "indicator", "period", "department", "hall", "id"),
)  # fmt: skip

hall_days = _table(
    "hall_days",
    Column("region", Integer, nullable=False),
    Column("hall", Text, nullable=False),
    Column("day", Date, nullable=False),
    Column("events", Integer, nullable=False),
    Column("newest", BigInteger, nullable=False, comment="microseconds since 1970-01-01 UTC"),
    Column("late", Integer, nullable=False, server_default=text("0"), comment="events that arrived over a day after"),
    PrimaryKeyConstraint("region", "hall", "day"),
)

hall_receipts = _table(
    "hall_receipts",
    Column("region", Integer, nullable=False),
    Column("hall", Text, nullable=False),
    Column("day", Date, nullable=False, comment="of arrival"),
    *(_zero(name) for name in ("events", "duplicates", "disordered")),
    PrimaryKeyConstraint("region", "hall", "day"),
)
"""Arrivals of a day, counted when they arrive: duplicates are not stored, so this table cannot be recomputed."""

halls = _table(
    "halls",
    Column("region", Integer, nullable=False),
    Column("hall", Text, nullable=False),
    Column("families", ARRAY(Text), nullable=False),
    Column("added", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("region", "hall"),
)

hall_facts = _table(
    "hall_facts",
    Column("region", Integer, nullable=False),
    Column("hall", Text, nullable=False),
    Column("name_zh", Text, comment="what the hall is called"),
    Column("name_en", Text),
    Column("closed", Date, comment="the first day on which it is closed; none while it is open"),
    PrimaryKeyConstraint("region", "hall"),
)
"""Names and closing days of halls: they stay when a hall is removed from `halls`."""

tokens = _table(
    "tokens",
    Column("token_hash", Text, primary_key=True, comment="SHA-256, hexadecimal"),
    Column("role", Text, nullable=False, comment="hall, department, bureau or operator"),
    Column("region", Integer),
    Column("hall", Text),
    Column("department", Text),
    Column("added", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("expires", DateTime(timezone=True)),
    Column("name", Text, comment="none for a hall's"),
    Index("tokens_hall", "region", "hall"),
    Index("tokens_name", "name", postgresql_where=text("name IS NOT NULL")),
)

audit = _table(
    "audit",
    # id, here and in `case_reads`: a trigger replaces whatever is inserted by the next number.
    Column("id", BigInteger, primary_key=True, autoincrement=False, server_default=text("0")),
    Column("at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("claimed", Text, nullable=False, server_default="", comment="USER@HOST of a command or service"),
    Column("action", Text, nullable=False, comment="WHAT.HOW, such as hall.add"),
    Column("region", Integer, comment="none where it concerns all of them"),
    Column("subject", Text, nullable=False, comment="which one was changed"),
    Column("detail", JSONB, nullable=False),
    Column("actor", Text, nullable=False, server_default="", comment="the database role, by a trigger"),
)

reports = _table(
    "reports",
    Column("id", BigInteger, primary_key=True, autoincrement=False, server_default=text("0")),
    Column("at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("actor", Text, nullable=False, server_default="", comment="the database role, by a trigger"),
    Column("claimed", Text, nullable=False, comment="USER@HOST of the command"),
    Column("region", Integer, nullable=False),
    Column("month", Text, nullable=False, comment="YYYY-MM"),
    Column("plan", Text, nullable=False),
    Column("taken", BigInteger, nullable=False, comment="of what was known then; microseconds since 1970"),
    Column("calendars", Text, nullable=False, comment="digest of those in force"),
    Column("figures", JSONB, nullable=False, comment="figure -> [numerator, denominator]"),
    Column("seal", Text, nullable=False, comment="SHA-256 of the seal before and of all that is published"),
    Column("about", JSONB, nullable=False, server_default="{}", comment="scope, language, draft; sealed"),
    Index("reports_region", "region", "month"),
)

report_files = _table(
    "report_files",
    Column("report", BigInteger, nullable=False),
    Column("format", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
    PrimaryKeyConstraint("report", "format"),
)

case_reads = _table(
    "case_reads",
    Column("id", BigInteger, primary_key=True, autoincrement=False, server_default=text("0")),
    Column("at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("actor", Text, nullable=False, server_default="", comment="the database role, by a trigger"),
    Column("hour", DateTime(timezone=True), nullable=False),
    Column("token", Text, nullable=False, comment="its name"),
    Column("kind", Text, nullable=False, comment="case, list or integrity"),
    Column("region", Integer),
    Column("subject", Text, nullable=False, comment="REGION/HALL/CASE_ID, or the parameters of a list"),
    Column("reads", Integer, nullable=False),
    Index("case_reads_token", "token", "id"),
)

regions = _table(
    "regions",
    Column("region", Integer, primary_key=True, autoincrement=False),
    *(_zero(name, BigInteger) for name in ("catalogue_version", "figures_version")),
)

calendars = _table(
    "calendars",
    Column("scope", Integer, primary_key=True, autoincrement=False, comment="0 national, else a region code"),
    Column("digest", Text, nullable=False),
    Column("days", JSONB, nullable=False, comment="date -> [working, name]"),
    Column("provisional_years", ARRAY(Integer), nullable=False),
)

notices = _table(
    "notices",
    Column("region", Integer, nullable=False, comment="0 for alerts of the suite itself"),
    Column("fingerprint", Text, nullable=False, comment="Alertmanager's, of the alert's labels"),
    Column("started", DateTime(timezone=True), nullable=False),
    Column("receiver", Text, nullable=False, comment="who was told"),
    Column("alert", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("labels", JSONB, nullable=False),
    Column("annotations", JSONB, nullable=False, comment="as they were when it was last told that it fires"),
    Column("told", DateTime(timezone=True), nullable=False, comment="first"),
    Column("last_told", DateTime(timezone=True), nullable=False),
    Column("times", Integer, nullable=False),
    Column("acknowledged", DateTime(timezone=True)),
    Column("acknowledged_by", Text),
    Column("resolved", DateTime(timezone=True)),
    Column("ours", Boolean, nullable=False, server_default=text("true"), comment="made by a rule of this suite"),
    PrimaryKeyConstraint("region", "fingerprint", "started", "receiver"),
    Index("notices_told", "region", "told"),
)

notice_deliveries = _table(
    "notice_deliveries",
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("receiver", Text, nullable=False),
    Column("channel", Text, nullable=False, comment="email, wecom or dingtalk"),
    Column("place", Integer, nullable=False, comment="which of the receiver's addresses on that channel"),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("tells", Text, comment="digest of the alerts and their states"),
    Column("created", DateTime(timezone=True), nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("next_try", DateTime(timezone=True), comment="none once it was sent or given up"),
    Column("sent", DateTime(timezone=True)),
    Column("error", Text),
    Index("notice_deliveries_due", "next_try", postgresql_where=text("next_try IS NOT NULL")),
    Index("notice_deliveries_tell", "tells", "created"),
)

refused = _table(
    "refused",
    Column("region", Integer, nullable=False, comment="of the routing key, 0 where it names none"),
    Column("hall", Text, nullable=False),
    Column("id", LargeBinary, nullable=False, comment="of routing key, publisher, reason and body"),
    Column("number", BigInteger, Identity(always=True), nullable=False),
    Column("refused_at", DateTime(timezone=True), nullable=False, comment="first"),
    Column("last_at", DateTime(timezone=True), nullable=False),
    Column("times", Integer, nullable=False, comment="again after an outage counts as again"),
    *(Column(name, Text, nullable=False) for name in ("reason", "field", "detail", "source", "family", "routing_key")),
    Column("publisher", Text, nullable=False, comment="the broker user that the message named"),
    Column("event_id", Text),
    Column("bytes", Integer, nullable=False, comment="of the whole body"),
    Column("body", LargeBinary, comment="its beginning; none once it left the queue"),
    Column("outcome", Text, comment="replayed, dropped or gone; none while it is kept"),
    Column("outcome_at", DateTime(timezone=True)),
    Column("outcome_by", Text),
    PrimaryKeyConstraint("region", "hall", "id"),
    Index("refused_id", "id"),
    Index("refused_kept", "refused_at", "number", postgresql_where=text("outcome IS NULL")),
    Index("refused_by_hall", "region", "hall", "refused_at", "number"),
    Index("refused_by_event", "region", "hall", "event_id"),
    Index("refused_by_reason", "reason", "refused_at", "number", postgresql_where=text("outcome IS NULL")),
    Index("refused_done", "outcome_at", postgresql_where=text("outcome IS NOT NULL")),
)

refused_halls = _table(
    "refused_halls",
    Column("region", Integer, nullable=False),
    Column("hall", Text, nullable=False),
    _zero("rows"),
    *(_zero(name, BigInteger) for name in ("bytes", "copies", "beyond")),
    PrimaryKeyConstraint("region", "hall"),
)
