"""The register of who may send and ask: halls, and the tokens for the gateway, of which only hashes are stored.

Every change is recorded in the audit, in the same transaction.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, and_, delete, func, insert, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from .audit import AuditEntry, write
from .database import transaction
from .tables import hall_days, hall_facts, halls, tokens

Families = Sequence[str]


@dataclass(frozen=True, slots=True)
class HallFacts:
    """The names of a hall and the first day on which it is closed; they remain when its registration is removed."""

    name_zh: str | None = None
    name_en: str | None = None
    closed: date | None = None


@dataclass(frozen=True, slots=True)
class Hall:
    """A registered hall, the event families that it may send, and its names."""

    region: int
    hall: str
    families: tuple[str, ...]
    added: datetime
    facts: HallFacts = HallFacts()


class HallRegistry:
    """The registered halls. Every method raises Unavailable if the database cannot be reached."""

    def __init__(self, engine: Engine, actor: str) -> None:
        self._engine = engine
        self._actor = actor

    def add(  # noqa: PLR0917 - what is said of a hall
        self, region: int, hall: str, families: Families, token_hash: str, zh: str | None = None, en: str | None = None
    ) -> bool:
        """Register a hall with a token, or change its families and token; return whether it is new.

        A closed hall is opened again. zh, en: its names; None keeps the known ones.
        """
        with transaction(self._engine) as connection:
            known = _hall(connection, region, hall)
            names = {"name_zh": zh, "name_en": en}
            row = {"region": region, "hall": hall, "families": list(families)}
            statement = upsert(halls).values(row)
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["region", "hall"], set_={"families": statement.excluded.families}
                )
            )
            connection.execute(delete(tokens).where(tokens.c.region == region, tokens.c.hall == hall))
            connection.execute(insert(tokens).values(token_hash=token_hash, role="hall", region=region, hall=hall))
            _keep(connection, region, hall, closed=None, **{key: name for key, name in names.items() if name})
            action = "hall.add" if known is None else "hall.change"
            told = {key: name for key, name in names.items() if name}
            write(connection, self._actor, _audit_entry(action, region, hall, families=list(families), **told))
            return known is None

    def close(self, region: int, hall: str, start: date) -> bool:
        """Close a hall from a day on; coverage counts it until then. Return False if nothing is known of the hall."""
        with transaction(self._engine) as connection:
            sent = select(hall_days.c.hall).where(hall_days.c.region == region, hall_days.c.hall == hall).limit(1)
            if _hall(connection, region, hall) is None and connection.execute(sent).scalar() is None:
                return False
            _keep(connection, region, hall, closed=start)
            write(connection, self._actor, _audit_entry("hall.close", region, hall, closed=start.isoformat()))
            return True

    def rotate(self, region: int, hall: str, token_hash: str, overlap: timedelta = timedelta(0)) -> bool:
        """Give a registered hall a new token; old ones end after `overlap`. Return False if there is no such hall."""
        with transaction(self._engine) as connection:
            if _hall(connection, region, hall) is None:
                return False
            mine = (tokens.c.region == region, tokens.c.hall == hall, tokens.c.role == "hall")
            end_after(connection, mine, overlap)
            connection.execute(insert(tokens).values(token_hash=token_hash, role="hall", region=region, hall=hall))
            hours = overlap.total_seconds() / 3600
            write(connection, self._actor, _audit_entry("hall.rotate", region, hall, overlap_hours=hours))
            return True

    def remove(self, region: int, hall: str, today: date) -> bool:
        """Remove a hall and its tokens, and close it from today on; its events stay. Return whether it was there."""
        with transaction(self._engine) as connection:
            connection.execute(delete(tokens).where(tokens.c.region == region, tokens.c.hall == hall))
            gone = connection.execute(delete(halls).where(halls.c.region == region, halls.c.hall == hall)).rowcount > 0
            if gone:
                facts = _facts(connection, region, hall)
                if facts is None or facts.closed is None or facts.closed > today:
                    _keep(connection, region, hall, closed=today)
                write(connection, self._actor, _audit_entry("hall.remove", region, hall))
            return gone

    def list(self, region: int | None = None) -> list[Hall]:
        """Return the registered halls, in order of region and name."""
        with transaction(self._engine) as connection:
            return read_halls(connection, region)


def read_halls(connection: Connection, region: int | None = None) -> list[Hall]:
    """Return the registered halls, in order of region and name."""
    of_hall = and_(hall_facts.c.region == halls.c.region, hall_facts.c.hall == halls.c.hall)
    query = (
        select(halls.c.region, halls.c.hall, halls.c.families, halls.c.added, *_FACTS)
        .join(hall_facts, of_hall, isouter=True)
        .order_by(halls.c.region, halls.c.hall)
    )
    if region is not None:
        query = query.where(halls.c.region == region)
    return [
        Hall(r, h, tuple(families), added, HallFacts(*facts))
        for r, h, families, added, *facts in connection.execute(query)
    ]


def read_hall_facts(connection: Connection) -> dict[tuple[int, str], HallFacts]:
    """Return (region, hall) → names and closing day of all halls that have any, also of halls that were removed."""
    query = select(hall_facts.c.region, hall_facts.c.hall, *_FACTS)
    return {(region, hall): HallFacts(*facts) for region, hall, *facts in connection.execute(query)}


def read_last_event_times(connection: Connection) -> dict[tuple[int, str], int]:
    """Return (region, hall) → time of the newest event, microseconds since 1970-01-01 UTC, for registered halls."""
    query = (
        select(halls.c.region, halls.c.hall, func.max(hall_days.c.newest))
        .join(hall_days, (hall_days.c.region == halls.c.region) & (hall_days.c.hall == halls.c.hall))
        .group_by(halls.c.region, halls.c.hall)
    )
    return {(region, hall): newest for region, hall, newest in connection.execute(query)}


def read_change_counts(connection: Connection, since: date) -> dict[int, int]:
    """Return region → a number that grows with each new event (from `since` on), declared figure and review."""
    query = text(
        "SELECT region, sum(changes) FROM ("
        " SELECT region, events AS changes FROM hall_receipts WHERE day >= :since"
        " UNION ALL SELECT region, count(*) FROM figures GROUP BY region"
        " UNION ALL SELECT region, count(*) FROM figure_reviews GROUP BY region) AS every GROUP BY region"
    )
    return {region: int(changes) for region, changes in connection.execute(query, {"since": since})}


_FACTS = (hall_facts.c.name_zh, hall_facts.c.name_en, hall_facts.c.closed)


def _facts(connection: Connection, region: int, hall: str) -> HallFacts | None:
    query = select(*_FACTS).where(hall_facts.c.region == region, hall_facts.c.hall == hall)
    found = connection.execute(query).one_or_none()
    return None if found is None else HallFacts(*found)


def _keep(connection: Connection, region: int, hall: str, **facts: object) -> None:
    """Store facts of a hall; other known facts stay."""
    statement = upsert(hall_facts).values({"region": region, "hall": hall, **facts})
    connection.execute(statement.on_conflict_do_update(index_elements=["region", "hall"], set_=dict(facts)))


def _hall(connection: Connection, region: int, hall: str) -> str | None:
    return connection.execute(select(halls.c.hall).where(halls.c.region == region, halls.c.hall == hall)).scalar()


def _audit_entry(action: str, region: int, hall: str, **detail: object) -> AuditEntry:
    return AuditEntry(action, f"{region}.{hall}", region, detail)


_LIVES = or_(tokens.c.expires.is_(None), tokens.c.expires > func.now())


@dataclass(frozen=True, slots=True)
class Grant:
    """The grant of a token or a person: role (`hall`, `department`, `bureau`, `leader` or `operator`) and scope.

    account, person: of a person who is signed in, empty for a token; one_time: the password must be changed first;
    way: how the person's session began.
    """

    role: str
    region: int | None = None
    hall: str | None = None
    department: str | None = None
    families: tuple[str, ...] = ()
    name: str = field(default="", compare=False)
    account: str = field(default="", compare=False)
    person: str = field(default="", compare=False)
    one_time: bool = field(default=False, compare=False)
    way: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Token:
    """A token in force. name: the one that it was given, REGION.HALL for a hall's token."""

    name: str
    grant: Grant
    added: datetime
    expires: datetime | None


class TokenRegistry:
    """Named tokens of departments, the bureau and operators. Every change is recorded in the audit.

    A hall's token is added and removed with the hall (`HallRegistry`), but is found and listed here like any other.
    """

    def __init__(self, engine: Engine, actor: str) -> None:
        self._engine = engine
        self._actor = actor

    def add(self, name: str, token_hash: str, grant: Grant, lasts: timedelta | None = None) -> bool:
        """Add a token that ends after `lasts`, or never. Return False if one of this name is in force."""
        with transaction(self._engine) as connection:
            if _newest(connection, name) is not None:
                return False
            row = {"role": grant.role, "region": grant.region, "department": grant.department}
            _insert(connection, name, token_hash, row, lasts)
            write(connection, self._actor, _token_entry("token.add", name, row, lasts))
            return True

    def rotate(self, name: str, token_hash: str, overlap: timedelta = timedelta(0)) -> bool:
        """Replace the token in force, which ends after `overlap`, by a new one; return False if there is none.

        The new token has the same grant, and the same duration from its first day.
        """
        with transaction(self._engine) as connection:
            old = _newest(connection, name)
            if old is None:
                return False
            lasts = old.expires - old.added if old.expires is not None else None
            end_after(connection, (tokens.c.name == name,), overlap)
            row = {"role": old.role, "region": old.region, "department": old.department}
            _insert(connection, name, token_hash, row, lasts)
            hours = overlap.total_seconds() / 3600
            write(connection, self._actor, _token_entry("token.rotate", name, {**row, "overlap_hours": hours}, lasts))
            return True

    def revoke(self, name: str) -> bool:
        """End every token of this name at once; return whether one was in force."""
        with transaction(self._engine) as connection:
            there = _newest(connection, name)
            connection.execute(delete(tokens).where(tokens.c.name == name))
            if there is not None:
                write(connection, self._actor, AuditEntry("token.revoke", name, there.region))
            return there is not None

    def find(self, token_hash: str) -> Grant | None:
        """Return the grant of a token in force, or None; a hall's token is not valid without its registered hall."""
        query = (
            select(tokens, halls.c.families)
            .join(halls, (halls.c.region == tokens.c.region) & (halls.c.hall == tokens.c.hall), isouter=True)
            .where(tokens.c.token_hash == token_hash, _LIVES)
            .where(or_(tokens.c.role != "hall", halls.c.hall.is_not(None)))
        )
        with transaction(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        return Grant(row.role, row.region, row.hall, row.department, tuple(row.families or ()), _name(row))

    def list(self) -> list[Token]:
        """Return the tokens in force, in order of role, region and name."""
        query = select(tokens).where(_LIVES).order_by(tokens.c.role, tokens.c.region, tokens.c.name, tokens.c.hall)
        with transaction(self._engine) as connection:
            return [_token(row) for row in connection.execute(query)]


def hash_of(token: str) -> str:
    """Return the hash under which a token is stored."""
    return hashlib.sha256(token.encode()).hexdigest()


def end_after(connection: Connection, which: Sequence[ColumnElement[bool]], overlap: timedelta) -> None:
    """Let tokens that would last longer end after `overlap`; delete those that have ended."""
    ends = datetime.now(UTC) + overlap
    connection.execute(delete(tokens).where(*which, tokens.c.expires <= func.now()))
    longer = or_(tokens.c.expires.is_(None), tokens.c.expires > ends)
    connection.execute(update(tokens).where(*which, longer).values(expires=ends))


def _newest(connection: Connection, name: str) -> Row[Any] | None:
    query = select(tokens).where(tokens.c.name == name, _LIVES).order_by(tokens.c.added.desc()).limit(1)
    return connection.execute(query.with_for_update()).one_or_none()


def _insert(connection: Connection, name: str, token_hash: str, row: dict[str, Any], lasts: timedelta | None) -> None:
    expires = func.now() + lasts if lasts is not None else None
    connection.execute(insert(tokens).values(name=name, token_hash=token_hash, expires=expires, **row))


def _token_entry(action: str, name: str, row: dict[str, Any], lasts: timedelta | None) -> AuditEntry:
    detail = {key: value for key, value in row.items() if key != "region" and value is not None}
    return AuditEntry(action, name, row["region"], detail | ({"days": lasts.days} if lasts is not None else {}))


def _token(row: Row[Any]) -> Token:
    grant = Grant(row.role, row.region, row.hall, row.department, name=_name(row))
    return Token(grant.name, grant, row.added, row.expires)


def _name(row: Row[Any]) -> str:
    return str(row.name or f"{row.region}.{row.hall}")
