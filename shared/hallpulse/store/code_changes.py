"""Declare that a county's code ends or gives a part away (撤并), and take such a declaration back.

The catalogue of a code that ends has no version from that day on: its timelines are made again, and the cases that they
touch folded again, in the transaction that declares it. All is in the audit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, Engine, text

from hallpulse.contract.events import Family
from hallpulse.domain.case import CaseEvent
from hallpulse.domain.errors import Halt
from hallpulse.domain.succession import Ended, Succession, ended_codes, fault_of
from hallpulse.store.in_force import ContextCache
from hallpulse.store.item_versions import rebuild_items
from hallpulse.store.locks import lock_everything
from hallpulse.store.merge import add_cases_of, refold_all

from .audit import AuditEntry, write
from .cases import CaseKey
from .database import transaction
from .in_force import read_successions


@dataclass(frozen=True, slots=True)
class CodeChange:
    """The outcome of a declaration.

    items: how many items have another timeline; cases: how many cases were folded again; later: stored events of the
    ended code from the day on, which stay as they were reported; halls: how many were closed from the day on.
    """

    items: int
    cases: int
    later: int
    halls: int


class CodeChanges:
    """The changes of region codes. Every method raises Unavailable if the database cannot be reached."""

    def __init__(self, engine: Engine, actor: str) -> None:
        self._engine = engine
        self._actor = actor

    def ended(self) -> dict[int, Ended]:
        """Return the codes that end, each with its day and successors."""
        return ended_codes(self.list())

    def declare(self, new: Sequence[Succession]) -> CodeChange:
        """Declare the successors of one code from one day on. Raises Halt where they contradict what is known."""
        first = new[0]
        with transaction(self._engine) as connection:
            lock_everything(connection)
            if fault := fault_of(read_successions(connection), new):
                raise Halt(f"region: {fault}")
            connection.execute(_INSERT, [_row(one) for one in new])
            halls = _close_halls(connection, first.region, first.day) if first.ends else 0
            items, cases = _end_catalogue(connection, first.region)
            later = connection.scalar(_LATER, {"region": first.region, "day": first.day}) if first.ends else 0
            action = "region.end" if first.ends else "region.split"
            write(connection, self._actor, AuditEntry(action, str(first.region), first.region, _told(new)))
            return CodeChange(items, cases, int(later or 0), halls)

    def withdraw(self, region: int) -> list[Succession]:
        """Take back what was declared of a code as one that ends or gives a part away; return it."""
        with transaction(self._engine) as connection:
            lock_everything(connection)
            gone = [one for one in read_successions(connection) if one.region == region]
            if gone:
                connection.execute(text("DELETE FROM successions WHERE region = :region"), {"region": region})
                for day in {one.day for one in gone if one.ends}:
                    connection.execute(_OPEN, {"region": region, "day": day})
                _end_catalogue(connection, region)
                write(connection, self._actor, AuditEntry("region.withdraw", str(region), region, _told(gone)))
            return gone

    def list(self) -> list[Succession]:
        """Return what was declared, in order of days and codes."""
        with transaction(self._engine) as connection:
            return read_successions(connection)


_INSERT = text(
    "INSERT INTO successions (region, successor, day, ends, document, reason)"
    " VALUES (:region, :successor, :day, :ends, :document, :reason)"
)
_LATER = text("SELECT sum(events) FROM hall_days WHERE region = :region AND day >= :day")
_CLOSE = text(
    "INSERT INTO hall_facts (region, hall, closed)"
    " SELECT region, hall, :day FROM (SELECT region, hall FROM halls UNION SELECT region, hall FROM hall_days) known"
    " WHERE region = :region ON CONFLICT (region, hall) DO UPDATE SET closed = :day"
    " WHERE hall_facts.closed IS NULL OR hall_facts.closed > :day"
)
_OPEN = text("UPDATE hall_facts SET closed = NULL WHERE region = :region AND closed = :day")
_ITEMS = text("SELECT DISTINCT entity FROM ledger WHERE region = :region AND family = :family")


def _row(one: Succession) -> dict[str, object]:
    return {
        "region": one.region, "successor": one.successor, "day": one.day, "ends": one.ends,
        "document": one.document, "reason": one.reason,
    }  # fmt: skip


def _told(listed: Sequence[Succession]) -> dict[str, object]:
    first = listed[0]
    successors = [str(one.successor) for one in listed]
    return {"to": successors, "from": first.day.isoformat(), "document": first.document, "reason": first.reason}


def _close_halls(connection: Connection, region: int, day: date) -> int:
    return connection.execute(_CLOSE, {"region": region, "day": day}).rowcount


def _end_catalogue(connection: Connection, region: int) -> tuple[int, int]:
    """Make the timelines of a region's items again; return how many changed, and how many cases were folded again."""
    rows = connection.execute(_ITEMS, {"region": region, "family": Family.ITEM.value})
    changed = rebuild_items(connection, [(region, code) for (code,) in rows])
    touched: dict[CaseKey, list[CaseEvent]] = {}
    cases = add_cases_of(connection, changed, touched)
    refold_all(connection, touched, ContextCache().begin(connection, [region]))
    return len(changed), cases
