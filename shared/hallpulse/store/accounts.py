"""The accounts of people and their sessions. Passwords are kept as argon2 hashes, session ids as SHA-256."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    DateTime,
    Engine,
    Index,
    Integer,
    Row,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
    text,
    update,
)

from .audit import AuditEntry, write
from .database import transaction
from .tables import metadata
from .tokens import Grant

ROLES = ("bureau", "department", "hall", "leader", "operator")
MOST_FAILURES = 5
"""Wrong passwords in a row that lock an account, also where many are tried at once."""
LOCKED_FOR = timedelta(minutes=15)
IDLE, ABSOLUTE = timedelta(minutes=30), timedelta(hours=12)
"""A session ends this long after what its person did last, and this long after the sign-in, whatever is done."""

accounts = Table(
    "accounts",
    metadata,
    Column("name", Text, primary_key=True, comment="with which its person signs in"),
    Column("person", Text, nullable=False, comment="who it is, as the audit and the pages show it"),
    Column("role", Text, nullable=False, comment="bureau, department, hall, leader or operator"),
    Column("region", Integer, comment="none for all regions"),
    Column("hall", Text),
    Column("department", Text),
    Column("password", Text, nullable=False, comment="argon2id, with salt and cost"),
    Column("one_time", Boolean, nullable=False, comment="the password must be changed first"),
    Column("failures", Integer, nullable=False, server_default=text("0"), comment="wrong passwords in a row"),
    Column("locked_until", DateTime(timezone=True)),
    Column("added", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("disabled", DateTime(timezone=True)),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id_hash", Text, primary_key=True, comment="SHA-256 of the cookie's value, hexadecimal"),
    Column("seen", DateTime(timezone=True), nullable=False, comment="what its person did last, to the minute"),
    Column("account", Text, nullable=False),
    Column("began", DateTime(timezone=True), nullable=False),
    Index("sessions_account", "account"),
)


@dataclass(frozen=True, slots=True)
class Account:
    """A person's account. grant: its role and scope; locked_until, disabled: None where it is neither."""

    grant: Grant
    added: datetime
    disabled: datetime | None
    locked_until: datetime | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """A sign-in that may be tried. locks: another wrong password locks the account."""

    password: str
    grant: Grant
    locks: bool


class AccountRegistry:
    """Accounts and sessions. Every change is a line of the audit; time is an argument of all that depends on it."""

    def __init__(self, engine: Engine, actor: str) -> None:
        self._engine = engine
        self._actor = actor

    def add(self, grant: Grant, password_hash: str, *, one_time: bool) -> bool:
        """Add an account; False where one of this name is there, also a disabled one."""
        scope = {name: getattr(grant, name) for name in ("role", "region", "hall", "department")}
        with transaction(self._engine) as connection:
            if _locked_row(connection, grant.account) is not None:
                return False
            row = {"name": grant.account, "person": grant.person, "password": password_hash, "one_time": one_time}
            connection.execute(insert(accounts).values(**row, **scope))
            detail = {"person": grant.person} | {k: v for k, v in scope.items() if k != "region" and v is not None}
            write(connection, self._actor, AuditEntry("account.add", grant.account, grant.region, detail))
            return True

    def is_empty(self) -> bool:
        with transaction(self._engine) as connection:
            return connection.execute(select(func.count()).select_from(accounts)).scalar_one() == 0

    def list(self) -> list[Account]:
        """All accounts, the disabled ones too, by name."""
        with transaction(self._engine) as connection:
            rows = connection.execute(select(accounts).order_by(accounts.c.name))
            return [Account(_grant(row), row.added, row.disabled, row.locked_until) for row in rows]

    def disable(self, name: str, now: datetime) -> bool:
        """Close an account for good and end its sessions; False where there is none of this name that is open."""
        with transaction(self._engine) as connection:
            row = _locked_row(connection, name)
            if row is None or row.disabled is not None:
                return False
            _set(connection, name, disabled=now)
            _end_all(connection, name)
            write(connection, self._actor, AuditEntry("account.disable", name, row.region))
            return True

    def set_password(self, name: str, password_hash: str, *, one_time: bool, claimed: str = "") -> bool:
        """Replace a password, unlock the account and end its sessions. claimed: the person who did it.

        False where there is no open account of this name.
        """
        with transaction(self._engine) as connection:
            row = _locked_row(connection, name)
            if row is None or row.disabled is not None:
                return False
            _set(connection, name, password=password_hash, one_time=one_time, failures=0, locked_until=None)
            _end_all(connection, name)
            write(connection, self._actor, AuditEntry("account.password", name, row.region, claimed=claimed))
            return True

    def attempt(self, name: str, now: datetime) -> Attempt | None:
        """Count a sign-in as a wrong one until it is found right; None where none may be tried.

        It is counted before the password is looked at, so that no number of them at once tries more than the limit.
        """
        with transaction(self._engine) as connection:
            row = _locked_row(connection, name)
            if row is None or row.disabled is not None or (row.locked_until is not None and row.locked_until > now):
                return None
            locks = row.failures + 1 >= MOST_FAILURES
            until = now + LOCKED_FOR if locks else None
            _set(connection, name, failures=0 if locks else row.failures + 1, locked_until=until)
            return Attempt(row.password, _grant(row), locks)

    def tell_locked(self, grant: Grant, network: str) -> None:
        """Write down that wrong passwords from a network locked an account."""
        deed = AuditEntry("account.locked", grant.account, grant.region, {"from": network})
        with transaction(self._engine) as connection:
            write(connection, self._actor, deed)

    def begin(self, grant: Grant, id_hash: str, now: datetime) -> None:
        """Begin a session after a right password: the account is unlocked, its ended sessions are forgotten."""
        with transaction(self._engine) as connection:
            _set(connection, grant.account, failures=0, locked_until=None)
            connection.execute(delete(sessions).where(sessions.c.account == grant.account, ~_lives(now)))
            connection.execute(insert(sessions).values(id_hash=id_hash, account=grant.account, began=now, seen=now))
            write(connection, self._actor, AuditEntry("session.begin", grant.account, grant.region, claimed=grant.name))

    def find(self, id_hash: str, now: datetime) -> Grant | None:
        """Return what a session opens: nothing once it has ended or its account is disabled."""
        query = (
            select(accounts)
            .join(sessions, sessions.c.account == accounts.c.name)
            .where(sessions.c.id_hash == id_hash, accounts.c.disabled.is_(None), _lives(now))
        )
        with transaction(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        return _grant(row) if row is not None else None

    def touch(self, id_hash: str, now: datetime) -> None:
        """Note that the session's person did something."""
        with transaction(self._engine) as connection:
            connection.execute(update(sessions).where(sessions.c.id_hash == id_hash).values(seen=now))

    def end(self, id_hash: str, grant: Grant) -> None:
        """End a session at its person's wish."""
        with transaction(self._engine) as connection:
            connection.execute(delete(sessions).where(sessions.c.id_hash == id_hash))
            write(connection, self._actor, AuditEntry("session.end", grant.account, grant.region, claimed=grant.name))


def _lives(now: datetime) -> ColumnElement[bool]:
    return (sessions.c.seen > now - IDLE) & (sessions.c.began > now - ABSOLUTE)


def _locked_row(connection: Connection, name: str) -> Row[Any] | None:
    return connection.execute(select(accounts).where(accounts.c.name == name).with_for_update()).one_or_none()


def _set(connection: Connection, name: str, **values: Any) -> None:
    connection.execute(update(accounts).where(accounts.c.name == name).values(**values))


def _end_all(connection: Connection, name: str) -> None:
    connection.execute(delete(sessions).where(sessions.c.account == name))


def _grant(row: Row[Any]) -> Grant:
    return person_grant(row.name, row.person, Grant(row.role, row.region, row.hall, row.department), row.one_time)


def person_grant(name: str, person: str, scope: Grant, one_time: bool = False) -> Grant:
    """Return the grant of a person; its name is what the audit, figures and notes show of him."""
    shown = f"{person} ({name})"
    return replace(scope, name=shown, account=name, person=person, one_time=one_time)
