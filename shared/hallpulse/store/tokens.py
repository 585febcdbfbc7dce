"""The tokens for the gateway, of which only hashes are stored: halls' tokens, and named tokens of all others."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, delete, func, insert, or_, select, update

from .audit import AuditEntry, write
from .database import transaction
from .tables import halls, tokens

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
            write(connection, self._actor, _audit_entry("token.add", name, row, lasts))
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
            write(connection, self._actor, _audit_entry("token.rotate", name, {**row, "overlap_hours": hours}, lasts))
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


def _audit_entry(action: str, name: str, row: dict[str, Any], lasts: timedelta | None) -> AuditEntry:
    detail = {key: value for key, value in row.items() if key != "region" and value is not None}
    return AuditEntry(action, name, row["region"], detail | ({"days": lasts.days} if lasts is not None else {}))


def _token(row: Row[Any]) -> Token:
    grant = Grant(row.role, row.region, row.hall, row.department, name=_name(row))
    return Token(grant.name, grant, row.added, row.expires)


def _name(row: Row[Any]) -> str:
    return str(row.name or f"{row.region}.{row.hall}")
