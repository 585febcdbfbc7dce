"""The pace of Prometheus: quick while anything is written, slow half a minute after, quick again at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from hallpulse.plans import load_plans
from services.boards import DEMO, OFFICE, Intervals, render_rules
from services.local.monitoring import QUICK_SECONDS, STILL_SECONDS, ScrapeJob, prometheus_configuration, slowed
from services.local.pace import STILL_AFTER_SECONDS, Pace, last_written

PLANS = load_plans(Path(__file__).parents[2] / "plans")


class Log:
    """When it was last written to, and what the pace made of it."""

    def __init__(self) -> None:
        self.written: float | None = 1.0
        self.turns: list[bool] = []
        self.pace = Pace(lambda: self.written, lambda pid, still: self.turns.append(still and pid == 7))

    def beat(self, *moments: float) -> None:
        for now in moments:
            self.pace.beat(7, now)


@pytest.fixture
def log() -> Log:
    return Log()


def test_half_a_minute_without_a_write_makes_it_slow_and_a_write_makes_it_quick(log: Log) -> None:
    log.beat(100, 115, 129)
    assert log.turns == []
    log.beat(100 + STILL_AFTER_SECONDS, 140, 250)
    assert log.turns == [True]
    log.written = 2.0
    log.beat(251, 252)
    assert log.turns == [True, False]
    log.beat(251 + STILL_AFTER_SECONDS - 1)
    assert log.turns == [True, False]
    log.beat(251 + STILL_AFTER_SECONDS)
    assert log.turns == [True, False, True]


def test_writes_all_the_time_keep_it_quick(log: Log) -> None:
    for now in range(1000):
        log.written = float(now // 20)
        log.beat(float(now))
    assert log.turns == []


def test_where_it_cannot_be_told_it_stays_quick(log: Log) -> None:
    log.written = None
    log.beat(*map(float, range(0, 1000, 5)))
    assert log.turns == []


def test_a_process_that_is_started_again_begins_quick(log: Log) -> None:
    log.beat(0, STILL_AFTER_SECONDS)
    log.pace.restart()
    assert not log.pace.still
    log.beat(500)
    assert log.turns == [True]
    log.beat(500 + STILL_AFTER_SECONDS)
    assert log.turns == [True, True]


def test_it_looks_once_a_second() -> None:
    looked: list[float] = []

    def written() -> float:
        looked.append(1.0)
        return 1.0

    pace = Pace(written, lambda *_: None)
    for tenth in range(100):
        pace.beat(7, tenth / 10)
    assert len(looked) == 10


def test_the_newest_file_of_any_log_tells_and_a_log_that_is_not_there_tells_nothing(tmp_path: Path) -> None:
    stored, queued = tmp_path / "stored", tmp_path / "queued"
    logs = [(stored, "wal/*"), (queued, "*.wal")]
    assert last_written(logs) is None
    (stored / "wal").mkdir(parents=True)
    (stored / "wal" / "1").touch()
    os.utime(stored / "wal" / "1", (50, 50))
    assert last_written(logs) is None
    queued.mkdir()
    (queued / "1.wal").touch()
    os.utime(queued / "1.wal", (70, 70))
    assert last_written(logs) == 70
    os.utime(stored / "wal" / "1", (90, 90))
    assert last_written(logs) == 90
    assert last_written([]) is None


@pytest.mark.parametrize("intervals", [DEMO, OFFICE])
def test_no_group_of_rules_is_judged_more_often_than_it_is_scraped_nor_otherwise_than_it_was(
    intervals: Intervals,
) -> None:
    for text in render_rules(PLANS, intervals).values():
        quick, still = yaml.safe_load(slowed(text, QUICK_SECONDS)), yaml.safe_load(slowed(text, STILL_SECONDS))
        assert quick == yaml.safe_load(text)
        assert quick["groups"]
        for group in quick["groups"]:
            own = int(group["interval"].removesuffix("s"))
            assert own == intervals.evaluation.total_seconds()
            group["interval"] = f"{max(own, STILL_SECONDS)}s"
        assert still == quick


@pytest.mark.parametrize("seconds", [QUICK_SECONDS, STILL_SECONDS])
def test_every_job_keeps_to_the_pace(seconds: int) -> None:
    jobs = [ScrapeJob("ingest", ["127.0.0.1:1"]), ScrapeJob("rabbitmq", ["127.0.0.1:2"])]
    written = yaml.safe_load(prometheus_configuration(jobs, "", seconds))
    assert written["global"]["scrape_interval"] == written["global"]["evaluation_interval"] == f"{seconds}s"
    (queues,) = [job for job in written["scrape_configs"] if job["job_name"] == "rabbitmq-queues"]
    assert queues["scrape_interval"] == f"{max(5, seconds)}s"
    assert not [job for job in written["scrape_configs"] if job is not queues and "scrape_interval" in job]
