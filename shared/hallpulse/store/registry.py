"""Halls that may publish. Every change is a line of the audit, in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, delete, func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from .audit import AuditEntry, write
from .database import transaction
from .tables import hall_days, halls, tokens
from .tokens import end_after

Families = Sequence[str]


@dataclass(frozen=True, slots=True)
class Hall:
    """A registered hall and the event families that it may send."""

    region: int
    hall: str
    families: tuple[str, ...]
    added: datetime


class HallRegistry:
    """The registered halls. Every method raises Unavailable when the database cannot be reached."""

    def __init__(self, engine: Engine, actor: str) -> None:
        self._engine = engine
        self._actor = actor

    def add(self, region: int, hall: str, families: Families, token_hash: str) -> bool:
        """Register a hall (or change its families) with a token; whether it is new."""
        with transaction(self._engine) as connection:
            known = _hall(connection, region, hall)
            row = {"region": region, "hall": hall, "families": list(families)}
            statement = upsert(halls).values(row)
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["region", "hall"], set_={"families": statement.excluded.families}
                )
            )
            connection.execute(delete(tokens).where(tokens.c.region == region, tokens.c.hall == hall))
            connection.execute(insert(tokens).values(token_hash=token_hash, role="hall", region=region, hall=hall))
            action = "hall.add" if known is None else "hall.change"
            write(connection, self._actor, _deed(action, region, hall, families=list(families)))
            return known is None

    def rotate(self, region: int, hall: str, token_hash: str, overlap: timedelta = timedelta(0)) -> bool:
        """Give a registered hall a new token; the old ones end after `overlap`. False where there is no such hall."""
        with transaction(self._engine) as connection:
            if _hall(connection, region, hall) is None:
                return False
            mine = (tokens.c.region == region, tokens.c.hall == hall, tokens.c.role == "hall")
            end_after(connection, mine, overlap)
            connection.execute(insert(tokens).values(token_hash=token_hash, role="hall", region=region, hall=hall))
            hours = overlap.total_seconds() / 3600
            write(connection, self._actor, _deed("hall.rotate", region, hall, overlap_hours=hours))
            return True

    def remove(self, region: int, hall: str) -> bool:
        """Forget a hall and its tokens (its events stay); whether it was there."""
        with transaction(self._engine) as connection:
            connection.execute(delete(tokens).where(tokens.c.region == region, tokens.c.hall == hall))
            gone = connection.execute(delete(halls).where(halls.c.region == region, halls.c.hall == hall)).rowcount > 0
            if gone:
                write(connection, self._actor, _deed("hall.remove", region, hall))
            return gone

    def list(self, region: int | None = None) -> list[Hall]:
        """Registered halls by region and name."""
        with transaction(self._engine) as connection:
            return read_halls(connection, region)


def read_halls(connection: Connection, region: int | None = None) -> list[Hall]:
    """Registered halls by region and name."""
    query = select(halls.c.region, halls.c.hall, halls.c.families, halls.c.added).order_by(halls.c.region, halls.c.hall)
    if region is not None:
        query = query.where(halls.c.region == region)
    return [Hall(r, h, tuple(families), added) for r, h, families, added in connection.execute(query)]


def read_last_event_times(connection: Connection) -> dict[tuple[int, str], int]:
    """(region, hall) → the newest event's time, microseconds since 1970-01-01 UTC, of registered halls."""
    query = (
        select(halls.c.region, halls.c.hall, func.max(hall_days.c.newest))
        .join(hall_days, (hall_days.c.region == halls.c.region) & (hall_days.c.hall == halls.c.hall))
        .group_by(halls.c.region, halls.c.hall)
    )
    return {(region, hall): newest for region, hall, newest in connection.execute(query)}


def _hall(connection: Connection, region: int, hall: str) -> str | None:
    return connection.execute(select(halls.c.hall).where(halls.c.region == region, halls.c.hall == hall)).scalar()


def _deed(action: str, region: int, hall: str, **detail: object) -> AuditEntry:
    return AuditEntry(action, f"{region}.{hall}", region, detail)
