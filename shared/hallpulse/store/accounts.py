"""The accounts of people and their sessions. Passwords are kept as argon2 hashes, session ids as SHA-256."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

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

from hallpulse.domain.errors import HallpulseError

from .audit import AuditEntry, write
from .database import transaction
from .registry import Grant
from .tables import metadata

ROLES = ("bureau", "department", "hall", "leader", "operator")
MOST_FAILURES = 5
"""The number of wrong passwords in a row that locks an account, also if several are tried at once."""
LOCKED_FOR = timedelta(minutes=15)
IDLE, ABSOLUTE = timedelta(minutes=30), timedelta(hours=12)
"""A session ends after IDLE without an action of its person, and at the latest ABSOLUTE after the sign-in."""

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
    Column("issuer", Text, comment="the provider that knows its person"),
    Column("subject", Text, comment="what the provider calls that person"),
    Index("accounts_linked", "issuer", "subject", unique=True),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id_hash", Text, primary_key=True, comment="SHA-256 of the cookie's value, hexadecimal"),
    Column("seen", DateTime(timezone=True), nullable=False, comment="what its person did last, to the minute"),
    Column("account", Text, nullable=False),
    Column("began", DateTime(timezone=True), nullable=False),
    Column("way", Text, nullable=False, server_default=text("'password'"), comment="password or provider"),
    Index("sessions_account", "account"),
)


Way = Literal["password", "provider"]
"""How a session began."""


@dataclass(frozen=True, slots=True)
class Link:
    """The identity of a person at a provider of sign-ins (OpenID Connect): `iss` and `sub` of its tokens."""

    issuer: str
    subject: str


@dataclass(frozen=True, slots=True)
class Account:
    """A person's account.

    grant: its role and scope; disabled, locked_until: None if it is not; link: of the provider that knows the person.
    """

    grant: Grant
    added: datetime
    disabled: datetime | None
    locked_until: datetime | None
    link: Link | None = None

    def is_locked(self, now: datetime) -> bool:
        return self.locked_until is not None and self.locked_until > now


class AlreadyLinked(HallpulseError):
    """The provider's person is linked to another account already."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A sign-in that may be tried. password: the stored hash; locks: whether a wrong password now locks the account."""

    password: str
    grant: Grant
    locks: bool


class AccountRegistry:
    """Accounts and sessions. Every change is recorded in the audit; methods that depend on time take it as `now`."""

    def __init__(self, engine: Engine, actor: str) -> None:
        self._engine = engine
        self._actor = actor

    def add(self, grant: Grant, password_hash: str, *, one_time: bool, link: Link | None = None) -> bool:
        """Add an account; return False if there is one of this name, even a disabled one. Raise AlreadyLinked."""
        scope = {name: getattr(grant, name) for name in ("role", "region", "hall", "department")}
        with transaction(self._engine) as connection:
            if _locked_row(connection, grant.account) is not None:
                return False
            row = {"name": grant.account, "person": grant.person, "password": password_hash, "one_time": one_time}
            connection.execute(insert(accounts).values(**row, **scope))
            detail = {"person": grant.person} | {k: v for k, v in scope.items() if k != "region" and v is not None}
            write(connection, self._actor, AuditEntry("account.add", grant.account, grant.region, detail))
            if link is not None:
                self._link(connection, grant.account, grant.region, link)
            return True

    def link(self, name: str, link: Link | None) -> bool:
        """Link an account to a provider's person, or to none, and end its sessions that began through the provider.

        Return False if there is no enabled account of this name. Raise AlreadyLinked.
        """
        with transaction(self._engine) as connection:
            row = _locked_row(connection, name)
            if row is None or row.disabled is not None:
                return False
            connection.execute(delete(sessions).where(sessions.c.account == name, sessions.c.way == "provider"))
            self._link(connection, name, row.region, link)
            return True

    def _link(self, connection: Connection, name: str, region: int | None, link: Link | None) -> None:
        values = {"issuer": None, "subject": None} if link is None else asdict(link)
        if link is not None:
            same = (accounts.c.issuer == link.issuer) & (accounts.c.subject == link.subject)
            other = connection.execute(select(accounts.c.name).where(same, accounts.c.name != name)).scalar()
            if other is not None:
                raise AlreadyLinked(f"this person of the provider is linked to the account {other}")
        _set(connection, name, **values)
        write(connection, self._actor, AuditEntry("account.link", name, region, values))

    def linked(self, link: Link) -> Account | None:
        """Return the account that is linked to a provider's person, even a locked or disabled one; None without one."""
        same = (accounts.c.issuer == link.issuer) & (accounts.c.subject == link.subject)
        with transaction(self._engine) as connection:
            row = connection.execute(select(accounts).where(same)).one_or_none()
        return _account(row) if row is not None else None

    def is_empty(self) -> bool:
        with transaction(self._engine) as connection:
            return connection.execute(select(func.count()).select_from(accounts)).scalar_one() == 0

    def list(self) -> list[Account]:
        """Return all accounts, disabled ones too, in order of their names."""
        with transaction(self._engine) as connection:
            rows = connection.execute(select(accounts).order_by(accounts.c.name))
            return [_account(row) for row in rows]

    def disable(self, name: str, now: datetime) -> bool:
        """Disable an account for good and end its sessions; return False if there is no enabled one of this name."""
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

        Return False if there is no enabled account of this name.
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
        """Count a sign-in as failed until its password is found right; return None if none may be tried.

        It is counted before the password is checked, so that simultaneous sign-ins cannot try more than the limit.
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
        """Record in the audit that wrong passwords from a network locked an account."""
        entry = AuditEntry("account.locked", grant.account, grant.region, {"from": network})
        with transaction(self._engine) as connection:
            write(connection, self._actor, entry)

    def begin(self, grant: Grant, id_hash: str, now: datetime, way: Way = "password") -> None:
        """Begin a session and delete the account's ended ones; a right password unlocks the account."""
        entry = AuditEntry("session.begin", grant.account, grant.region, {"way": way}, grant.name)
        row = {"id_hash": id_hash, "account": grant.account, "began": now, "seen": now, "way": way}
        with transaction(self._engine) as connection:
            if way == "password":
                _set(connection, grant.account, failures=0, locked_until=None)
            connection.execute(delete(sessions).where(sessions.c.account == grant.account, ~_lives(now)))
            connection.execute(insert(sessions).values(**row))
            write(connection, self._actor, entry)

    def find(self, id_hash: str, now: datetime) -> Grant | None:
        """Return a session's grant; None if the session has ended or its account is disabled."""
        query = (
            select(accounts, sessions.c.way)
            .join(sessions, sessions.c.account == accounts.c.name)
            .where(sessions.c.id_hash == id_hash, accounts.c.disabled.is_(None), _lives(now))
        )
        with transaction(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        return replace(_grant(row), way=row.way, one_time=row.one_time and row.way == "password")

    def touch(self, id_hash: str, now: datetime) -> None:
        """Note that the session's person did something."""
        with transaction(self._engine) as connection:
            connection.execute(update(sessions).where(sessions.c.id_hash == id_hash).values(seen=now))

    def end(self, id_hash: str, grant: Grant) -> None:
        """End a session because its person signs out."""
        with transaction(self._engine) as connection:
            connection.execute(delete(sessions).where(sessions.c.id_hash == id_hash))
            entry = AuditEntry("session.end", grant.account, grant.region, {"way": grant.way}, grant.name)
            write(connection, self._actor, entry)


def _account(row: Row[Any]) -> Account:
    link = Link(row.issuer, row.subject) if row.issuer is not None else None
    return Account(_grant(row), row.added, row.disabled, row.locked_until, link)


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
    """Return a person's grant, whose name is shown in the audit, with figures and in notes."""
    shown = f"{person} ({name})"
    return replace(scope, name=shown, account=name, person=person, one_time=one_time)
