"""The database roles of the services: one a service, each with the rights that it needs, none the owner of a table.

A table's owner may take its triggers away, and a superuser reads and writes the server's files and runs programs on
it. A service logs in as neither: it changes no table's form, and none of the rows that another service writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from psycopg import sql
from sqlalchemy import Connection, Engine, make_url, text

from hallpulse.domain.errors import Halt
from hallpulse.settings import DATABASE_SERVICES

from .database import driver, transaction
from .tables import refused

_READ = dict.fromkeys(("gateway", "catalogue", "targets", "reports"), "SELECT")
_ADD = "INSERT, SELECT (id)"
"""Into the audit: the new line's number is asked back, no line is read."""

_BUT_BODIES = ", ".join(column.name for column in refused.columns if column.name != "body")
"""Of refused events the gateway tells the reason; what was in them it does not see."""

_COUNTED = "region, hall, refused_at, outcome"

RIGHTS: Mapping[str, Mapping[str, str]] = {
    "events": _READ | {"ingest": "SELECT, INSERT"},
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
        "gateway": _ADD,
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
    "alembic_version": {},
}
"""Table → service → what it may do there. A table that is not named here is closed to every service."""

_TEMPORARY = ("gateway", "ingest", "reports")
"""Rows on their way in lie in temporary tables, and so does what a reader of the past puts before the tables."""


def make_roles(engine: Engine, urls: Mapping[str, str]) -> None:
    """Make the roles that services log in as, or bring them up to date: their passwords, and their rights.

    urls: service → the URL with which it will connect. To be called by the tables' owner after the migrations. Raises
    Halt where a URL names the owner, another administrator, or the role of another service.
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
    """The password is sent as the hash that the server keeps: no log can show it."""
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


def _close_to_everybody(connection: Connection) -> None:
    """Servers before PostgreSQL 15 let every role make tables here, and all of them temporary ones."""
    _run(
        connection,
        ("REVOKE CREATE ON SCHEMA public FROM PUBLIC", "REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC"),
        database=str(connection.scalar(text("SELECT current_database()"))),
    )


def _grant(connection: Connection, service: str, name: str) -> None:
    """Exactly its rights: those of an earlier version are taken away."""
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
