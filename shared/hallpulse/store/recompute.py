"""Rebuild everything derived from the stored events: to repair it, or to prove that nothing needs repair.

The rules are those of merges: the same functions fold, sum and make the rows. Only events, calendars and, for the
comparison, the derived rows are read. Several processes share the work, and all see the database at one moment. Only
rows that differ are written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection, Engine

from hallpulse.store.locks import lock_everything
from hallpulse.store.recomputing.beside_archived import archived_in_place, see_archived
from hallpulse.store.recomputing.comparing import Finished, WorkerMessage, Workplace, long_running, spools_of
from hallpulse.store.recomputing.findings import put_right
from hallpulse.store.recomputing.folding import CellCheck, SplitHalls
from hallpulse.store.recomputing.ledgers import about_how_many, compare_hall_days, count_hall_days
from hallpulse.store.recomputing.tasks import Task, divide

from .audit import AuditEntry, write
from .database import is_spread, transaction
from .recomputing.findings import Difference, DifferenceLog, findings_at
from .recomputing.folding import EventsRead, HallSums
from .recomputing.processes import team_at, workers_for

__all__ = ["Difference", "recompute"]
Progress = Callable[[int, int], None]
"""A function called with (events done, events in all)."""


def recompute(
    engine: Engine,
    actor: str,
    *,
    check: bool,
    progress: Progress | None = None,
    most: int = 100,
    workers: int | None = None,
    archive: str = "",
) -> list[Difference]:
    """Rebuild all that is derived and return up to `most` differences per table.

    check: change nothing, while merges go on; otherwise merges wait, and rows that differ are put right. On Citus
    merges wait for a check, too, since its workers have no moment in common.
    workers: number of processes that share the work; None: one for each processor, or fewer if events are few.
    archive: a folder whose files are read instead of the archived events that the database keeps packed. Raises
    Unavailable or Halt.
    """
    url = engine.url.render_as_string(hide_password=False)
    own = long_running(url)
    with transaction(own) as connection:
        alone = not check or is_spread(connection)
    if not alone:
        own = own.execution_options(isolation_level="REPEATABLE READ")
    with (
        nullcontext() if check else TemporaryDirectory(prefix="hallpulse-recompute-") as directory,
        archived_in_place(long_running(url), Path(archive) if archive else None) as archived,
    ):
        spools = None if directory is None else Path(directory)
        with transaction(own) as connection:
            if alone:
                lock_everything(connection)
            snapshot = str(connection.exec_driver_sql("SELECT pg_export_snapshot()").scalar_one())
            if archived:
                see_archived(connection)
            found = _compare(connection, Workplace(url, snapshot, directory, most, archived), progress, workers)
            if spools is not None:
                _repair(connection, spools, found, actor)
    return found


def _compare(
    connection: Connection, place: Workplace, progress: Progress | None, workers: int | None
) -> list[Difference]:
    count = workers or workers_for(about_how_many(connection))
    with findings_at(spools_of(place), "0", place.most) as findings, team_at(place, count) as team:
        sizes = count_hall_days(connection)
        compare_hall_days(connection, findings)
        tasks = divide(sizes, team.size)
        _gather(team.do(tasks), SplitHalls(CellCheck(connection, findings)), findings, _Meter(tasks, progress))
    return findings.shown()


def _gather(
    answers: Iterable[tuple[Task, WorkerMessage]], halls: SplitHalls, findings: DifferenceLog, meter: _Meter
) -> None:
    for task, message in answers:
        match message:
            case EventsRead(events):
                meter.read(task, events)
            case HallSums():
                halls.add(task, message)
            case Finished(differences):
                findings.take_over(differences)
                meter.end(task)
                if task.parts > 1:
                    halls.end(task)


class _Meter:
    """The progress of all tasks. A task's number of events is an estimate, so its end counts as all of them."""

    def __init__(self, tasks: Iterable[Task], progress: Progress | None) -> None:
        self._done = {task: 0 for task in tasks}
        self._total = sum(task.events for task in self._done)
        self._progress = progress

    def read(self, task: Task, events: int) -> None:
        self._note(task, min(task.events, self._done[task] + events))

    def end(self, task: Task) -> None:
        self._note(task, task.events)

    def _note(self, task: Task, done: int) -> None:
        self._done[task] = done
        if self._progress is not None:
            self._progress(sum(self._done.values()), self._total)


def _repair(connection: Connection, spools: Path, found: list[Difference], actor: str) -> None:
    if found:
        put_right(connection, spools)
        connection.exec_driver_sql(
            "UPDATE regions SET catalogue_version = catalogue_version + 1, figures_version = figures_version + 1"
        )
    write(connection, actor, AuditEntry("recompute.repair", detail={"differences": Counter(d.table for d in found)}))
