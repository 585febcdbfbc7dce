"""The peers' job with SQLAlchemy's ORM: a session and a commit for each event."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Engine, create_engine, make_url
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from bench.peers.tables import counted_as, day_of, key_of, time_of


class Base(DeclarativeBase):
    pass


class Event(Base):
    __tablename__ = "peer_events"
    region: Mapped[int] = mapped_column(primary_key=True)
    hall: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str]
    time: Mapped[datetime]
    case_id: Mapped[str | None]
    data: Mapped[dict[str, Any] | None] = mapped_column(JSONB)


class Case(Base):
    __tablename__ = "peer_cases"
    region: Mapped[int] = mapped_column(primary_key=True)
    hall: Mapped[str] = mapped_column(primary_key=True)
    case_id: Mapped[str] = mapped_column(primary_key=True)
    item_code: Mapped[str | None]
    department: Mapped[str] = mapped_column(default="")
    received: Mapped[date | None]
    accepted: Mapped[date | None]
    rejected: Mapped[date | None]
    decided: Mapped[date | None]
    withdrawn: Mapped[date | None]
    rated: Mapped[date | None]
    score: Mapped[int | None]


class Day(Base):
    __tablename__ = "peer_days"
    region: Mapped[int] = mapped_column(primary_key=True)
    hall: Mapped[str] = mapped_column(primary_key=True)
    department: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    received: Mapped[int] = mapped_column(default=0)
    accepted: Mapped[int] = mapped_column(default=0)
    rejected: Mapped[int] = mapped_column(default=0)
    decided: Mapped[int] = mapped_column(default=0)
    withdrawn: Mapped[int] = mapped_column(default=0)
    rated: Mapped[int] = mapped_column(default=0)


def engine_of(database_url: str, driver: str, pool_size: int) -> Engine:
    return create_engine(make_url(database_url).set(drivername=f"postgresql+{driver}"), pool_size=pool_size)


def store(session: Session, event: dict[str, Any]) -> None:
    """Store an event in a transaction. An id that is stored already changes nothing."""
    region, hall, id_ = key_of(event)
    if session.get(Event, (region, hall, id_)) is not None:
        return
    data = event.get("data") or {}
    case_id = data.get("case_id")
    session.add(
        Event(region=region, hall=hall, id=id_, type=event["type"], time=time_of(event), case_id=case_id, data=data)
    )
    if (column := counted_as(event)) is not None:
        case = _case(session, region, hall, data["case_id"])
        _note(case, column, data, day_of(event))
        day = _day(session, region, hall, case.department, day_of(event))
        setattr(day, column, getattr(day, column) + 1)
    session.commit()


def store_with_retries(session: Session, event: dict[str, Any], times: int = 5) -> None:
    """Store an event; begin again if another worker has just inserted the same row."""
    for _ in range(times):
        try:
            return store(session, event)
        except IntegrityError:
            session.rollback()
    raise RuntimeError(f"event {event['id']} met others {times} times")


def _case(session: Session, region: int, hall: str, case_id: str) -> Case:
    case = session.get(Case, (region, hall, case_id), with_for_update=True)
    if case is None:
        case = Case(region=region, hall=hall, case_id=case_id, department="")
        session.add(case)
    return case


def _note(case: Case, column: str, data: dict[str, Any], day: date) -> None:
    setattr(case, column, day)
    if column == "received":
        case.item_code, case.department = data["item_code"], data["department"]
    elif column == "rated":
        case.score = data["score"]


def _day(session: Session, region: int, hall: str, department: str, on: date) -> Day:
    day = session.get(Day, (region, hall, department, on), with_for_update=True)
    if day is None:
        day = Day(region=region, hall=hall, department=department, day=on)
        day.received = day.accepted = day.rejected = day.decided = day.withdrawn = day.rated = 0
        session.add(day)
    return day
