"""Cells against the sums of what the cases of their hall add."""

from __future__ import annotations

from collections import Counter, defaultdict

from sqlalchemy import Connection

from .findings import Findings, key_of
from .folding import HallSums
from .reading import stored
from .tasks import Task

_LENGTH = len(key_of("cells"))


class CellCheck:
    """Hall by hall, so that the sums of one hall at a time are in memory."""

    def __init__(self, connection: Connection, findings: Findings) -> None:
        self._connection = connection
        self._findings = findings
        self._checked: dict[int, list[str]] = defaultdict(list)

    def hall(self, hall: HallSums) -> None:
        """All cases of a hall have been read."""
        rebuilt = {tuple(row[:_LENGTH]): tuple(row) for row in hall.sums.rows()}
        cells = stored(self._connection, "cells", "region = %s AND hall = %s", (hall.region, hall.hall))
        self._findings.compare("cells", cells, rebuilt)
        self._checked[hall.region].append(hall.hall)

    def rest(self, region: int) -> None:
        """All halls of a region have been checked: the cells of others have no cases."""
        where = "region = %s AND hall <> ALL(%s::text[])"
        cells = stored(self._connection, "cells", where, (region, self._checked.pop(region, [])))
        self._findings.compare("cells", cells, {})


class SplitHalls:
    """Halls whose cases are read in parts, by several tasks: each is checked when its last part has come."""

    def __init__(self, check: CellCheck) -> None:
        self._check = check
        self._waiting: dict[int, dict[str, HallSums]] = defaultdict(dict)
        self._parts: Counter[tuple[int, str]] = Counter()
        self._ended: Counter[int] = Counter()

    def add(self, task: Task, hall: HallSums) -> None:
        waiting = self._waiting[hall.region]
        known = waiting.setdefault(hall.hall, hall)
        if known is not hall:
            known.sums.take_over(hall.sums)
        self._parts[hall.region, hall.hall] += 1
        if self._parts[hall.region, hall.hall] == task.parts:
            self._check.hall(waiting.pop(hall.hall))

    def end(self, task: Task) -> None:
        """The task is done; with the last one of a region, also halls are that had no case in some part."""
        (region,) = task.regions
        self._ended[region] += 1
        if self._ended[region] == task.parts:
            for hall in self._waiting.pop(region, {}).values():
                self._check.hall(hall)
            self._check.rest(region)
