"""A worker does one task after the other, on connections that see the database as it was when recomputing began."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import msgspec
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.pool import NullPool

from hallpulse.domain.workdays import Calendars
from hallpulse.store.database import CONNECT_ARGUMENTS, transaction
from hallpulse.store.in_force import read_calendars
from hallpulse.store.recomputing import ledgers
from hallpulse.store.recomputing.beside_archived import see_archived
from hallpulse.store.recomputing.findings import Difference, DifferenceLog, findings_at
from hallpulse.store.recomputing.folding import CellCheck, EventsRead, HallSums, fold_cases
from hallpulse.store.recomputing.tasks import Task

_LONG_STATEMENTS = " -c statement_timeout=0"
_PLAN = " -c work_mem=64MB -c max_parallel_workers_per_gather=0 -c random_page_cost=4" + "".join(
    f" -c enable_{way}=off" for way in ("hashagg", "hashjoin", "nestloop")
)
"""Options that make queries sort and merge: rows must be in order of the cases anyway, and memory stays bounded."""


class Workplace(msgspec.Struct, frozen=True, tag=True):
    """The first message to a worker.

    snapshot: the exported snapshot of the database that it reads; spools: the directory for wrong rows, None if they
    are not put right; most: number of differences to show for each table; archived: whether archived events were put
    beside the others (`events_beside_archived`).
    """

    database_url: str
    snapshot: str
    spools: str | None
    most: int
    archived: bool = False


class Finished(msgspec.Struct, frozen=True, tag=True):
    """The last message about a task, with the differences to show."""

    differences: list[Difference]


class Failure(msgspec.Struct, frozen=True, tag=True):
    """A worker stops because of an error. again: the database does not answer; otherwise trying again cannot help."""

    again: bool
    line: str


WorkerMessage: TypeAlias = EventsRead | HallSums | Finished
"""Messages about a task: its progress; the sums of a hall whose cases are divided among tasks; its end."""


def spools_of(place: Workplace) -> Path | None:
    return None if place.spools is None else Path(place.spools)


def long_running(url: str, more: str = "") -> Engine:
    """Return an engine for statements that may take hours, without a pool of connections."""
    options = f"{CONNECT_ARGUMENTS['options']}{_LONG_STATEMENTS}{more}"
    arguments = {**CONNECT_ARGUMENTS, "options": options, "application_name": "hallpulse recompute"}
    return create_engine(url, poolclass=NullPool, connect_args=arguments)


@contextmanager
def worker_at(place: Workplace) -> Iterator[Worker]:
    """Open a worker for the block. Raises Unavailable or Halt."""
    engine = long_running(place.database_url, _PLAN).execution_options(isolation_level="REPEATABLE READ")
    with transaction(engine) as stream, transaction(engine) as aside:
        for connection in (stream, aside):
            connection.exec_driver_sql(f"SET TRANSACTION SNAPSHOT '{place.snapshot}'")
            if place.archived:
                see_archived(connection)
        yield Worker(place, stream, aside)


class Worker:
    """Compares derived rows with events, task by task, on two connections.

    stream: for long readings; aside: for queries meanwhile.
    """

    def __init__(self, place: Workplace, stream: Connection, aside: Connection) -> None:
        self._place = place
        self._stream = stream
        self._aside = aside
        self._calendars = Calendars(read_calendars(aside))

    def do(self, task: Task) -> Iterator[WorkerMessage]:
        """Compare all derived rows of the task's regions with those that follow from the events."""
        with findings_at(spools_of(self._place), task.name, self._place.most) as findings:
            timelines = {}
            for rebuilt in ledgers.rebuild(self._stream, task):
                timelines[rebuilt.region] = rebuilt.timelines
                if task.part == 0:
                    ledgers.compare(self._aside, rebuilt, findings)
            messages = fold_cases(self._stream, task, self._calendars, timelines, findings)
            yield from messages if task.parts > 1 else self._with_cells(task, messages, findings)
        yield Finished(findings.shown())

    def _with_cells(
        self, task: Task, messages: Iterable[EventsRead | HallSums], findings: DifferenceLog
    ) -> Iterator[WorkerMessage]:
        check = CellCheck(self._aside, findings)
        for message in messages:
            if isinstance(message, HallSums):
                check.hall(message)
            else:
                yield message
        for region in task.regions:
            check.rest(region)
