"""Connections to PostgreSQL, and the one place where its faults become ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import Connection as DriverConnection
from psycopg import errors as pg
from sqlalchemy import Connection, Engine, create_engine, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from hallpulse.domain.errors import Halt, Unavailable

_OUT_OF_REACH = (OperationalError, InterfaceError, PoolTimeout)
_SCHEMA_MISSING = (pg.UndefinedTable, pg.UndefinedColumn)
CONNECT_ARGUMENTS = {
    "connect_timeout": 5,
    "options": "-c statement_timeout=600000 -c lock_timeout=60000 -c TimeZone=Asia/Shanghai",
    # A server that is gone without a word (a pulled cable) is noticed after half a minute, not after hours.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}


def open_engine(database_url: str, pool_size: int = 4) -> Engine:
    """An engine on psycopg 3; nothing is connected yet.

    A statement that takes longer than 10 minutes or a lock that is not had within 1 ends as Unavailable.
    """
    url = make_url(database_url).set(drivername="postgresql+psycopg")
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=10,
        pool_pre_ping=True,
        connect_args=CONNECT_ARGUMENTS,
    )


@contextmanager
def faults() -> Iterator[None]:
    """Turn what the driver raises into Unavailable (try again) or Halt (a person must look)."""
    try:
        yield
    except _OUT_OF_REACH as error:
        raise Unavailable(f"database: {_line(error)}") from error
    except DBAPIError as error:
        raise _decision(error.orig, error) from error
    except pg.Error as error:
        raise _decision(error, error) from error


def _decision(cause: BaseException | None, error: Exception) -> Unavailable | Halt:
    if isinstance(cause, _SCHEMA_MISSING):
        return Halt(f"database: {_line(error)}: run the migrations of this version first")
    retryable = (pg.OperationalError, pg.InterfaceError, pg.InternalError, pg.DiskFull)
    if isinstance(cause, retryable) or getattr(error, "connection_invalidated", False):
        return Unavailable(f"database: {_line(error)}")
    return Halt(f"database: {_line(error)}")


def _line(error: Exception) -> str:
    text = str(getattr(error, "orig", None) or error)
    return text.strip().splitlines()[0] if text.strip() else type(error).__name__


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction: committed at the end, rolled back on any error. Raises Unavailable or Halt."""
    with faults(), engine.begin() as connection:
        yield connection


def at_one_moment(engine: Engine) -> Engine:
    """The same connections for transactions that only read, and see the database as their first query does."""
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def driver(connection: Connection) -> DriverConnection[tuple[object, ...]]:
    """The psycopg connection below, for COPY."""
    raw = connection.connection.driver_connection
    assert isinstance(raw, DriverConnection)
    return raw
