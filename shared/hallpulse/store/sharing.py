"""State that processes of one service share: leases, by which one of them leads, and turns that are announced once.

Both go by the database's clock.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    DateTime,
    Engine,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Row,
    Table,
    Text,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from .database import transaction
from .tables import metadata

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False, comment="host, process and a random part"),
    Column("until", DateTime(timezone=True), nullable=False),
)

announced = Table(
    "announced",
    metadata,
    Column("plan", Text, nullable=False),
    Column("region", Integer, nullable=False),
    Column("target", Text, nullable=False),
    Column("department", Text, nullable=False, comment="empty for a target of the region"),
    Column("kind", Text, nullable=False),
    Column("met", Boolean),
    Column("on_pace", Boolean),
    Column("at", DateTime(timezone=True), nullable=False, comment="of the reading"),
    Column("payload", LargeBinary, nullable=False, comment="JSON"),
    Column("taken", DateTime(timezone=True), nullable=False, comment="when a process began to announce it"),
    Column("holder", Text, nullable=False, comment="the process that took it: host, process and a random part"),
    Column("sent", Boolean, nullable=False),
    PrimaryKeyConstraint("region", "plan", "target", "department"),
)


def _this_process() -> str:
    return f"{socket.gethostname()} {os.getpid()} {secrets.token_hex(4)}"


class Leases:
    """The leases of this process. Every method raises Unavailable if the database cannot be reached."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._holder = _this_process()

    def hold(self, name: str, lasting: timedelta) -> bool:
        """Return whether this process leads for the time given: it led before, or no other process does."""
        row = {"name": name, "holder": self._holder, "until": func.now() + lasting}
        statement = upsert(leases).values(row)
        free = (leases.c.holder == self._holder) | (leases.c.until < func.now())
        new = {"holder": statement.excluded.holder, "until": statement.excluded.until}
        taken = statement.on_conflict_do_update(index_elements=["name"], set_=new, where=free).returning(leases.c.name)
        with transaction(self._engine) as connection:
            return connection.execute(taken).first() is not None

    def release(self, name: str) -> None:
        """Give a lease up, if this process has it: another one can lead at once."""
        with transaction(self._engine) as connection:
            connection.execute(delete(leases).where(leases.c.name == name, leases.c.holder == self._holder))


@dataclass(frozen=True, slots=True)
class Turn:
    """A breach or recovery of a target. department: empty for one of the region; at: of the reading."""

    region: int
    plan: str
    target: str
    department: str
    kind: str
    met: bool | None
    on_pace: bool | None
    at: datetime
    payload: Mapping[str, Any]

    @property
    def verdict(self) -> tuple[bool | None, bool | None]:
        return self.met, self.on_pace


class TurnTaken(NamedTuple):
    """The answer to a turn.

    publish: the turn to publish now, perhaps an earlier one that another process left unsent; settled: whether the turn
    needs nothing more after that.
    """

    publish: Turn | None
    settled: bool


ANOTHERS = timedelta(seconds=15)
"""So long a turn is left to the process that took it; it has then ended, and another one announces it.

The process itself may try again at once, for example after its broker was away.
"""


class TurnRegistry:
    """The turns of a service's processes. Every method is one transaction; it raises Unavailable without a database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._holder = _this_process()

    def take(self, turn: Turn) -> TurnTaken:
        """Take a turn to announce it, unless another process has taken it or knows a later reading."""
        row = _row(turn, self._holder)
        fresh = upsert(announced).values(row).on_conflict_do_nothing().returning(announced.c.plan)
        with transaction(self._engine) as connection:
            if connection.execute(fresh).first() is not None:
                return TurnTaken(turn, settled=True)
            known = connection.execute(select(announced, func.now()).where(*_key(turn)).with_for_update()).one()
            if not known.sent:
                return self._take_over(connection, turn, known)
            if (known.met, known.on_pace) == turn.verdict or known.at >= turn.at:
                return TurnTaken(None, settled=True)  # of a later reading: this process's next one tells what it is now
            connection.execute(update(announced).where(*_key(turn)).values(row))
            return TurnTaken(turn, settled=True)

    def _take_over(self, connection: Connection, turn: Turn, known: Row[Any]) -> TurnTaken:
        """Return the turn that is not sent yet, in its own words, if its process is this one or has ended."""
        if known.holder != self._holder and known.taken + ANOTHERS > known[-1]:
            return TurnTaken(None, settled=False)
        mine = {"taken": func.now(), "holder": self._holder}
        connection.execute(update(announced).where(*_key(turn)).values(mine))
        return TurnTaken(_turn_of(known), settled=(known.met, known.on_pace) == turn.verdict)

    def sent(self, turn: Turn) -> None:
        """Note that the broker has a turn."""
        same = (*_key(turn), announced.c.at == turn.at, announced.c.kind == turn.kind)
        with transaction(self._engine) as connection:
            connection.execute(update(announced).where(*same).values(sent=True))


def _key(turn: Turn) -> tuple[Any, ...]:
    names = ("region", "plan", "target", "department")
    return tuple(announced.c[name] == getattr(turn, name) for name in names)


def _row(turn: Turn, holder: str) -> dict[str, Any]:
    names = ("region", "plan", "target", "department", "kind", "met", "on_pace", "at")
    payload = json.dumps(dict(turn.payload), ensure_ascii=False).encode()
    taken = {"payload": payload, "taken": func.now(), "holder": holder, "sent": False}
    return {name: getattr(turn, name) for name in names} | taken


def _turn_of(row: Row[Any]) -> Turn:
    return Turn(
        row.region, row.plan, row.target, row.department, row.kind, row.met, row.on_pace, row.at.astimezone(UTC),
        json.loads(row.payload),
    )  # fmt: skip
