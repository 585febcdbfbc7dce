"""The database roles of the services: one for each, with only the rights that it needs; none owns a table.

A table's owner may remove its triggers, and a superuser can read and write the server's files and run programs there. A
service logs in as neither: it can change no table's form, and no rows that only another service writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from psycopg import sql
from sqlalchemy import Connection, Engine, make_url, text

from hallpulse.domain.errors import Halt, Unavailable
from hallpulse.settings import DATABASE_SERVICES

from .database import driver, open_engine, transaction
from .tables import refused

_READ = dict.fromkeys(("gateway", "catalogue", "targets", "reports"), "SELECT")
_ADD = "INSERT, SELECT (id)"
"""Rights to add to the audit: a service gets the new line's number, but cannot read lines; the gateway reads them."""

_BUT_BODIES = ", ".join(column.name for column in refused.columns if column.name != "body")
"""The columns of refused events that the gateway may read: it tells reasons, but cannot see the events' bodies."""

_COUNTED = "region, hall, refused_at, outcome"

RIGHTS: Mapping[str, Mapping[str, str]] = {
    "events": _READ | {"ingest": "SELECT, INSERT"},
    "archived_events": _READ | {"ingest": "SELECT"},
    "archive_files": {},
    "ledger": _READ | {"ingest": "SELECT, INSERT"},
    "cases": _READ | {"ingest": "SELECT, INSERT, UPDATE"},
    "cells": _READ | {"ingest": "SELECT, INSERT, UPDATE"},
    "item_spans": _READ | {"ingest": "SELECT, INSERT, DELETE"},
    "item_cells": _READ | {"ingest": "SELECT, INSERT, UPDATE"},
    "tallies": _READ | {"ingest": "SELECT, INSERT, DELETE"},
    "figures": _READ | {"ingest": "SELECT, INSERT, DELETE"},
    "hall_days": _READ | {"ingest": "SELECT, INSERT, UPDATE"},
    "hall_receipts": _READ | {"ingest": "SELECT, INSERT, UPDATE"},
    "sent_again": {"gateway": "SELECT", "ingest": "SELECT, INSERT, UPDATE, DELETE"},
    "regions": _READ | {"ingest": "SELECT, INSERT, UPDATE"},
    "successions": _READ | {"ingest": "SELECT"},
    "calendars": _READ | {"ingest": "SELECT, INSERT, DELETE"},
    "halls": _READ | {"ingest": "SELECT"},
    "hall_facts": _READ | {"ingest": "SELECT"},
    "tokens": {"gateway": "SELECT"},
    "accounts": {"gateway": "SELECT, UPDATE (password, one_time, failures, locked_until)"},
    "sessions": {"gateway": "SELECT, INSERT, UPDATE (seen), DELETE"},
    "figure_reviews": {"gateway": "SELECT, INSERT"},
    "drafts": {"gateway": "SELECT, INSERT, UPDATE (upload)"},
    "uploads": {"gateway": "SELECT, INSERT, DELETE", "catalogue": "SELECT, UPDATE"},
    "audit": {
        "gateway": "INSERT, SELECT",
        "catalogue": _ADD,
        "ingest": _ADD,
        "targets": "INSERT, SELECT",
        "reports": _ADD,
        "notices": _ADD,
    },
    "case_reads": {"gateway": "INSERT, SELECT (id)"},
    "reports": {"gateway": "SELECT", "reports": "SELECT, INSERT"},
    "report_files": {"gateway": "SELECT", "reports": "SELECT, INSERT"},
    "refused": {
        "ingest": "SELECT, INSERT, UPDATE, DELETE",
        "gateway": f"SELECT ({_BUT_BODIES})",
        "targets": f"SELECT ({_COUNTED})",
        "reports": f"SELECT ({_COUNTED})",
    },
    "refused_halls": {"ingest": "SELECT, INSERT, UPDATE"},
    "notices": {"notices": "SELECT, INSERT, UPDATE", "reports": "SELECT"},
    "matters": {"notices": "SELECT, INSERT", "gateway": "SELECT", "reports": "SELECT"},
    "matter_entries": {"notices": "SELECT, INSERT", "gateway": "SELECT", "reports": "SELECT"},
    "task_reports": {"notices": "SELECT, INSERT", "gateway": "SELECT", "reports": "SELECT"},
    "notice_notes": {"notices": "SELECT, INSERT"},
    "notice_deliveries": {"notices": "SELECT, INSERT, UPDATE"},
    "sent_sums": {},
    "leases": {"reports": "SELECT, INSERT, UPDATE"},
    "announced": {"targets": "SELECT, INSERT, UPDATE"},
    "alembic_version": {},
}
"""Table → service → its rights. A table that is not named here is closed to every service."""

_TEMPORARY = ("gateway", "ingest", "reports")
"""Services that may make temporary tables: for rows to be stored, and for the past, which hides the present tables."""


def make_roles(engine: Engine, urls: Mapping[str, str]) -> None:
    """Make the roles that services log in as, or update their passwords and rights.

    urls: service → its database URL. The tables' owner must call it, after the migrations. Raises Halt if a URL names
    the owner, another administrator, or the role of another service.
    """
    logins = {service: _login(service, url) for service, url in urls.items()}
    if len({name for name, _ in logins.values()}) < len(logins):
        raise Halt("database: expected a user of its own for each service")
    with transaction(engine) as connection:
        _close_to_everybody(connection)
        for service, (name, password) in sorted(logins.items()):
            _make(connection, name, password)
            _grant(connection, service, name)


def _login(service: str, service_url: str) -> tuple[str, str]:
    if service not in DATABASE_SERVICES:
        raise Halt(f"database: no service {service}: expected one of {', '.join(DATABASE_SERVICES)}")
    url = make_url(service_url)
    if not url.username or not url.password:
        raise Halt(f"database: expected the URL of {service} as postgresql://USER:PASSWORD@HOST:PORT/DATABASE")
    return url.username, str(url.password)


def _make(connection: Connection, name: str, password: str) -> None:
    """Make or alter a role. The password is sent as the hash that the server keeps, so no log can show it."""
    known = connection.execute(
        text(
            "SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolname = current_user"
            " FROM pg_roles WHERE rolname = :name"
        ),
        {"name": name},
    ).scalar()
    if known:
        raise Halt(f"database: {name} owns the tables or administers the server: expected another user for a service")
    raw = driver(connection)
    hashed = raw.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
    statement = sql.SQL("{} ROLE {} LOGIN NOCREATEDB NOCREATEROLE PASSWORD {}")
    verb = sql.SQL("CREATE" if known is None else "ALTER")
    raw.execute(statement.format(verb, sql.Identifier(name), sql.Literal(hashed)))


def replace_owner_password(previous_url: str, database_url: str) -> bool:
    """Give the role that both URLs name the password in `database_url`; return whether it had another one.

    previous_url: with the password that the server may still know. Raises Unavailable if neither URL opens, and Halt if
    they name different roles.
    """
    name, wanted = make_url(previous_url).username, make_url(database_url)
    if not name or wanted.username != name or not wanted.password:
        raise Halt("database: expected the same user in the previous and the present URL, and a password in both")
    if _opens(database_url):
        return False
    engine = open_engine(previous_url, pool_size=1)
    try:
        with transaction(engine) as connection:
            raw = driver(connection)
            hashed = raw.pgconn.encrypt_password(str(wanted.password).encode(), name.encode(), b"scram-sha-256")
            statement = sql.SQL("ALTER ROLE {} PASSWORD {}")
            raw.execute(statement.format(sql.Identifier(name), sql.Literal(hashed.decode())))
    finally:
        engine.dispose()
    return True


def _opens(database_url: str) -> bool:
    engine = open_engine(database_url, pool_size=1)
    try:
        with transaction(engine):
            return True
    except Unavailable:
        return False
    finally:
        engine.dispose()


def _close_to_everybody(connection: Connection) -> None:
    """Revoke the rights of all roles to make tables, which PostgreSQL gave before 15, and temporary tables."""
    _run(
        connection,
        ("REVOKE CREATE ON SCHEMA public FROM PUBLIC", "REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC"),
        database=str(connection.scalar(text("SELECT current_database()"))),
    )


def _grant(connection: Connection, service: str, name: str) -> None:
    """Give a role exactly its service's rights; revoke those of earlier versions."""
    names = {"role": name, "database": str(connection.scalar(text("SELECT current_database()")))}
    _run(
        connection,
        (
            "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}",
            "REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {role}",
            "REVOKE ALL ON DATABASE {database} FROM {role}",
            "REVOKE ALL ON SCHEMA public FROM {role}",
            "GRANT CONNECT ON DATABASE {database} TO {role}",
            "GRANT USAGE ON SCHEMA public TO {role}",
        ),
        **names,
    )
    if service in _TEMPORARY:
        _run(connection, ("GRANT TEMPORARY ON DATABASE {database} TO {role}",), **names)
    for table, rights in RIGHTS.items():
        if service in rights:
            _run(connection, (f"GRANT {rights[service]} ON {{table}} TO {{role}}",), table=table, **names)


def _run(connection: Connection, statements: Iterable[str], **names: str) -> None:
    raw, quoted = driver(connection), {key: sql.Identifier(name) for key, name in names.items()}
    for statement in statements:
        raw.execute(sql.SQL(statement).format(**quoted))
