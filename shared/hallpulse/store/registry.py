"""Halls that may publish, and the tokens that open the gateway; tokens are stored as hashes only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, delete, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from .database import transaction
from .tables import hall_days, halls, tokens

Families = Sequence[str]


@dataclass(frozen=True, slots=True)
class Hall:
    """A registered hall and the event families that it may send."""

    region: int
    hall: str
    families: tuple[str, ...]
    added: datetime


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token opens: role `hall`, `department`, `bureau` or `operator`, and of whom."""

    role: str
    region: int | None = None
    hall: str | None = None
    department: str | None = None
    families: tuple[str, ...] = ()


class HallRegistry:
    """The registered halls. Every method raises Unavailable when the database cannot be reached."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

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
            return known is None

    def rotate(self, region: int, hall: str, token_hash: str, overlap: timedelta = timedelta(0)) -> bool:
        """Give a registered hall a new token; the old ones end after `overlap`. False where there is no such hall."""
        with transaction(self._engine) as connection:
            if _hall(connection, region, hall) is None:
                return False
            mine = (tokens.c.region == region, tokens.c.hall == hall, tokens.c.role == "hall")
            ends = datetime.now(UTC) + overlap
            connection.execute(
                update(tokens)
                .where(*mine, or_(tokens.c.expires.is_(None), tokens.c.expires > ends))
                .values(expires=ends)
            )
            connection.execute(insert(tokens).values(token_hash=token_hash, role="hall", region=region, hall=hall))
            return True

    def remove(self, region: int, hall: str) -> bool:
        """Forget a hall and its tokens (its events stay); whether it was there."""
        with transaction(self._engine) as connection:
            connection.execute(delete(tokens).where(tokens.c.region == region, tokens.c.hall == hall))
            gone = connection.execute(delete(halls).where(halls.c.region == region, halls.c.hall == hall))
            return gone.rowcount > 0

    def list(self, region: int | None = None) -> list[Hall]:
        """Registered halls by region and name."""
        query = select(halls.c.region, halls.c.hall, halls.c.families, halls.c.added).order_by(
            halls.c.region, halls.c.hall
        )
        if region is not None:
            query = query.where(halls.c.region == region)
        with transaction(self._engine) as connection:
            return [Hall(r, h, tuple(families), added) for r, h, families, added in connection.execute(query)]

    def last_event_times(self) -> dict[tuple[int, str], int]:
        """(region, hall) → the newest event's time, microseconds since 1970-01-01 UTC, of registered halls."""
        query = (
            select(halls.c.region, halls.c.hall, func.max(hall_days.c.newest))
            .join(hall_days, (hall_days.c.region == halls.c.region) & (hall_days.c.hall == halls.c.hall))
            .group_by(halls.c.region, halls.c.hall)
        )
        with transaction(self._engine) as connection:
            return {(region, hall): newest for region, hall, newest in connection.execute(query)}


class TokenRegistry:
    """Tokens that are not a hall's: departments, the bureau, operators."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(
        self,
        token_hash: str,
        role: str,
        region: int | None = None,
        hall: str | None = None,
        department: str | None = None,
    ) -> None:
        """Add a token, or change what it opens."""
        row = {"token_hash": token_hash, "role": role, "region": region, "hall": hall, "department": department}
        with transaction(self._engine) as connection:
            statement = upsert(tokens).values(row)
            connection.execute(statement.on_conflict_do_update(index_elements=["token_hash"], set_=row))

    def find(self, token_hash: str) -> Grant | None:
        return find_token(self._engine, token_hash)

    def remove(self, token_hash: str) -> bool:
        with transaction(self._engine) as connection:
            return connection.execute(delete(tokens).where(tokens.c.token_hash == token_hash)).rowcount > 0


def find_token(engine: Engine, token_hash: str) -> Grant | None:
    """The grant of a token that has not expired."""
    query = (
        select(tokens.c.role, tokens.c.region, tokens.c.hall, tokens.c.department, halls.c.families)
        .join(halls, (halls.c.region == tokens.c.region) & (halls.c.hall == tokens.c.hall), isouter=True)
        .where(tokens.c.token_hash == token_hash, or_(tokens.c.expires.is_(None), tokens.c.expires > func.now()))
    )
    with transaction(engine) as connection:
        row = connection.execute(query).one_or_none()
    if row is None:
        return None
    role, region, hall, department, families = row
    return Grant(role, region, hall, department, tuple(families or ()))


def _hall(connection: Connection, region: int, hall: str) -> str | None:
    return connection.execute(select(halls.c.hall).where(halls.c.region == region, halls.c.hall == hall)).scalar()
