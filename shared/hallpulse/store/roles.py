"""The database role of the services: it reads and writes the tables, and owns nothing.

Whoever owns a table may take its triggers away. What the services log in as therefore cannot touch those of the audit,
nor change any table's form.
"""

from __future__ import annotations

from psycopg import sql
from sqlalchemy import Connection, Engine, make_url, text

from hallpulse.domain.errors import Halt

from .database import driver, transaction

_APPEND_ONLY, _READ_ONLY = ("audit", "case_reads"), "alembic_version"


def make_service_role(engine: Engine, service_url: str) -> None:
    """Make the role that a URL logs in as, or bring it up to date: its password, and its rights to all tables.

    To be called by the tables' owner after the migrations. Raises Halt where the URL names the owner itself.
    """
    url = make_url(service_url)
    if not url.username or not url.password:
        raise Halt("database: expected the services' URL as postgresql://USER:PASSWORD@HOST:PORT/DATABASE")
    with transaction(engine) as connection:
        if url.username == connection.scalar(text("SELECT current_user")):
            raise Halt(f"database: {url.username} owns the tables: expected another user for the services")
        _make(connection, url.username, str(url.password))
        _grant(connection, url.username)


def _make(connection: Connection, name: str, password: str) -> None:
    """The password is sent as the hash that the server keeps: no log can show it."""
    known = connection.scalar(text("SELECT true FROM pg_roles WHERE rolname = :name"), {"name": name})
    raw = driver(connection)
    hashed = raw.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
    statement = sql.SQL("{} ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD {}")
    verb = sql.SQL("ALTER" if known else "CREATE")
    raw.execute(statement.format(verb, sql.Identifier(name), sql.Literal(hashed)))


def _grant(connection: Connection, name: str) -> None:
    role, database = sql.Identifier(name), sql.Identifier(str(connection.scalar(text("SELECT current_database()"))))
    raw = driver(connection)
    for statement in (
        sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}"),
        sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {role}"),
        sql.SQL("GRANT USAGE ON SCHEMA public TO {role}"),
        sql.SQL("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}"),
        sql.SQL("REVOKE UPDATE, DELETE ON {append_only} FROM {role}"),
        sql.SQL("REVOKE INSERT, UPDATE, DELETE ON {read_only} FROM {role}"),
    ):
        append_only = sql.SQL(", ").join(map(sql.Identifier, _APPEND_ONLY))
        names = {"append_only": append_only, "read_only": sql.Identifier(_READ_ONLY)}
        raw.execute(statement.format(role=role, database=database, **names))
