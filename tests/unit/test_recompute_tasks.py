from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from hallpulse.store.recomputing.tasks import REGIONS_AT_MOST, divide

SIZES = st.dictionaries(st.integers(110_000, 659_999), st.integers(0, 10_000), max_size=80)


@given(SIZES, st.integers(1, 6))
def test_every_region_is_done_once_or_in_all_its_parts(sizes: dict[int, int], workers: int) -> None:
    tasks = divide(sizes, workers)
    parts = Counter((region, task.parts) for task in tasks for region in task.regions)
    assert {region for region, _ in parts} == set(sizes)
    assert all(done == wanted for (_, wanted), done in parts.items())
    assert len(parts) == len(sizes)
    assert sum(task.events for task in tasks) == sum(sizes.values())
    assert len({task.name for task in tasks}) == len(tasks)


@given(SIZES, st.integers(1, 6))
def test_no_other_region_lies_between_those_of_a_task(sizes: dict[int, int], workers: int) -> None:
    for task in divide(sizes, workers):
        between = [region for region in sorted(sizes) if task.regions[0] <= region <= task.regions[-1]]
        assert list(task.regions) == between
        assert len(task.regions) <= REGIONS_AT_MOST


def test_one_busy_county_keeps_all_workers_busy() -> None:
    tasks = divide({222424: 1000, 222401: 100, 222402: 100}, 4)
    assert [(task.regions, task.part, task.events) for task in tasks[:4]] == [
        ((222424,), part, 250) for part in range(4)
    ]
    assert [task.regions for task in tasks[4:]] == [(222401,), (222402,)]


def test_one_worker_has_no_use_for_parts() -> None:
    assert {task.parts for task in divide({222424: 1000}, 1)} == {1}
