"""The halls that may publish. Every change is recorded in the audit, in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, Engine, and_, delete, func, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from .audit import AuditEntry, write
from .database import transaction
from .tables import hall_days, hall_facts, halls, tokens
from .tokens import end_after

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
