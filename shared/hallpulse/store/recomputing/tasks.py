"""The division of the work: neighbouring regions form one task; the cases of a very large region form several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

TASKS_A_WORKER = 8
REGIONS_AT_MOST = 32
"""The most regions of a task, which keeps their catalogues in memory."""


class Task(msgspec.Struct, frozen=True, tag=True):
    """All derived rows of some regions, or of one region with one part of its cases.

    regions: all that have rows, from the first to the last; events: about how many the task reads.
    """

    regions: tuple[int, ...]
    events: int
    part: int = 0
    parts: int = 1

    @property
    def name(self) -> str:
        return f"{self.regions[0]}-{self.part}"

    @property
    def where(self) -> str:
        """The SQL condition of the regions' rows in any table."""
        if len(self.regions) == 1:
            return f"region = {self.regions[0]}"
        return f"region BETWEEN {self.regions[0]} AND {self.regions[-1]}"

    @property
    def where_cases(self) -> str:
        """The SQL condition of the task's cases in any table with a case_id."""
        if self.parts == 1:
            return self.where
        return f"{self.where} AND mod(hashtext(case_id) & 2147483647, {self.parts}) = {self.part}"


def divide(sizes: Mapping[int, int], workers: int) -> list[Task]:
    """Return tasks for a number of workers, the largest first. sizes: region → events, for every region with any rows.

    The tasks are few, since each also reads what lies between its rows in the table. A region with more than half of a
    worker's share is divided among all workers.
    """
    total = sum(sizes.values())
    large = {region for region, events in sizes.items() if workers > 1 and 2 * workers * events > total}
    parts = [
        Task((region,), sizes[region] * (part + 1) // workers - sizes[region] * part // workers, part, workers)
        for region in sorted(large)
        for part in range(workers)
    ]
    enough = total // (TASKS_A_WORKER * workers)
    return parts + sorted(_neighbours(sizes, large, enough), key=lambda task: -task.events)


def _neighbours(sizes: Mapping[int, int], large: set[int], enough: int) -> Iterator[Task]:
    together: list[int] = []
    for region in sorted(sizes):
        if region not in large:
            together.append(region)
        held = sum(sizes[one] for one in together)
        if together and (region in large or held >= enough or len(together) == REGIONS_AT_MOST):
            yield Task(tuple(together), held)
            together = []
    if together:
        yield Task(tuple(together), sum(sizes[one] for one in together))
