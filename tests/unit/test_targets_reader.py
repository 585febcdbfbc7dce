"""The service and the process that reads for it: what crosses, and what happens when one of the two ends."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import cast

import pytest

from hallpulse.domain.errors import Halt, Unavailable
from hallpulse.domain.figures import Figure
from hallpulse.subprocess import Subprocess
from services.targets.exposition import Page
from services.targets.reader import Asked, Failed, Read, Reader, ReadingProcess, read, starting
from services.targets.readings import Attempts, TargetReadings
from tests.moments import StatedStore
from tests.unit.targets_ground import CATALOGUE, readings_of

CHILD = "tests.unit.targets_child"
MET = {"settled_item_share": Figure(93, 100)}
SHORT = {"settled_item_share": Figure(60, 100)}


class InThisProcess:
    """The other side without a process: it answers when its answer is waited for."""

    def __init__(self, readings: TargetReadings) -> None:
        self._readings = readings
        self._asked: queue.Queue[Asked] = queue.Queue()

    def send(self, message: object) -> None:
        assert isinstance(message, Asked)
        self._asked.put(message)

    def receive(self) -> Read | Failed:
        return read(self._readings, self._asked.get_nowait())

    def end(self) -> None: ...


def reader_over(figures: StatedStore) -> Reader:
    process = InThisProcess(readings_of(figures))
    return Reader(lambda: process, Attempts(time.time))


def due(reader: Reader) -> Sequence[str]:
    change = reader.next_due()
    return [] if change is None else [change.kind, str(change.announced.key.department)]


def announce(reader: Reader) -> None:
    change = reader.next_due()
    assert change is not None
    reader.announced(change)


def test_a_page_is_what_is_read() -> None:
    reader = reader_over(StatedStore(own=CATALOGUE))
    assert reader.page == Page()
    reader.refresh()
    assert b"hallpulse_indicator_ratio" in reader.page.text


@pytest.mark.parametrize("error", [Unavailable, Halt])
def test_an_error_is_raised_here_and_keeps_what_there_was(error: type[Exception]) -> None:
    figures = StatedStore(own=CATALOGUE)
    reader = reader_over(figures)
    reader.refresh()
    before = reader.page

    figures.fault = error("database: no answer")
    with pytest.raises(error, match=r"^database: no answer$"):
        reader.refresh()
    assert reader.page is before
    figures.fault = None
    reader.refresh()
    assert reader.page is not before


def test_a_page_on_which_nothing_changed_does_not_cross_and_says_how_fresh_it_is() -> None:
    figures = StatedStore(own=CATALOGUE, version="1:1:")
    reader = reader_over(figures)
    for _ in range(3):
        reader.refresh()
    page, reader.attempts.taken = reader.page, None
    reader.refresh()
    assert reader.page is page
    assert reader.attempts.taken is not None
    figures.own, figures.version = {**CATALOGUE, **SHORT}, "1:2:"
    reader.refresh()
    assert b"0.6" in reader.page.text


def test_a_change_is_due_until_it_is_announced_and_then_no_more() -> None:
    figures = StatedStore(own={**CATALOGUE, **MET})
    reader = reader_over(figures)
    reader.refresh()
    assert due(reader) == []
    figures.own = {**CATALOGUE, **SHORT}
    for _ in range(2):
        reader.refresh()
        assert due(reader) == ["target_breached", "None"]
    announce(reader)
    assert due(reader) == []
    reader.refresh()
    assert due(reader) == []
    figures.own = {**CATALOGUE, **MET}
    reader.refresh()
    assert due(reader) == ["target_recovered", "None"]


def test_a_breach_that_is_being_sent_stays_due_and_its_recovery_follows() -> None:
    """The broker may have the breach already when its confirmation is lost."""
    figures = StatedStore(own={**CATALOGUE, **MET})
    reader = reader_over(figures)
    reader.refresh()
    figures.own = {**CATALOGUE, **SHORT}
    reader.refresh()
    breach = reader.next_due()
    assert breach is not None
    figures.own = {**CATALOGUE, **MET}
    reader.refresh()
    assert reader.next_due() == breach
    reader.announced(breach)
    assert due(reader) == []
    reader.refresh()
    assert due(reader) == ["target_recovered", "None"]


def test_what_is_announced_while_a_reading_is_under_way_is_not_due_again() -> None:
    figures = StatedStore(own={**CATALOGUE, **MET})
    readings, sent = readings_of(figures), list[Asked]()

    class Announcing(InThisProcess):
        """Announces what is due after the request has gone out, before the answer comes."""

        def send(self, message: object) -> None:
            super().send(message)
            sent.append(cast(Asked, message))

        def receive(self) -> Read | Failed:
            found = super().receive()
            if reader.next_due() is not None:
                announce(reader)
            return found

    process = Announcing(readings)
    reader = Reader(lambda: process, Attempts(time.time))
    reader.refresh()
    figures.own = {**CATALOGUE, **SHORT}
    reader.refresh()
    change = reader.next_due()
    assert change is not None
    reader.refresh()
    assert reader.next_due() is None
    reader.refresh()
    assert [asked.announced for asked in sent] == [[], [], [], [change.announced]]
    assert reader.next_due() is None


class Processes:
    """Real reading processes over a stated figure. started: those there were, in order."""

    def __init__(self, share: Path) -> None:
        self._share = share
        self.started: list[Subprocess[Read | Failed]] = []
        self._start = starting({**os.environ, "SHARE": str(share)}, CHILD)
        self.reader = Reader(self._start_noted, Attempts(time.time))

    def _start_noted(self) -> ReadingProcess:
        self.started.append(cast("Subprocess[Read | Failed]", self._start()))
        return self.started[-1]

    def refresh(self, percent: int) -> None:
        self._share.write_text(str(percent))
        self.reader.refresh()

    def kill(self) -> None:
        os.kill(self.started[-1].pid, 9)


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    made = Processes(tmp_path / "share")
    with closing(made.reader):
        yield made


def test_a_process_that_has_ended_is_started_again_for_the_next_reading(processes: Processes) -> None:
    processes.refresh(93)
    page = processes.reader.page
    assert b"0.93" in page.text
    processes.kill()
    with pytest.raises(Unavailable, match=r"^the reading process was killed by SIGKILL$"):
        processes.refresh(94)
    assert processes.reader.page is page
    processes.refresh(94)
    assert b"0.94" in processes.reader.page.text
    assert len(processes.started) == 2


@pytest.mark.parametrize("read_before_the_end", [True, False])
def test_a_breach_that_was_not_announced_when_its_process_was_killed_is_announced_by_the_next(
    processes: Processes, read_before_the_end: bool
) -> None:
    processes.refresh(93)
    if read_before_the_end:
        processes.refresh(60)
    processes.kill()
    with pytest.raises(Unavailable):
        processes.refresh(60)
    processes.refresh(60)
    assert due(processes.reader) == ["target_breached", "None"]
    announce(processes.reader)
    processes.refresh(60)
    assert due(processes.reader) == []


def test_what_was_announced_before_its_process_was_killed_is_not_announced_again_and_its_recovery_is(
    processes: Processes,
) -> None:
    processes.refresh(93)
    processes.refresh(60)
    announce(processes.reader)
    processes.kill()
    with pytest.raises(Unavailable):
        processes.refresh(60)
    processes.refresh(60)
    assert due(processes.reader) == []
    processes.refresh(93)
    assert due(processes.reader) == ["target_recovered", "None"]


def test_closing_ends_the_process_and_starts_no_other(processes: Processes) -> None:
    processes.refresh(93)
    processes.reader.close()
    with pytest.raises(ProcessLookupError):
        os.kill(processes.started[0].pid, 0)
    processes.refresh(94)
    assert len(processes.started) == 1
    assert b"0.93" in processes.reader.page.text


def test_closing_while_something_is_read_is_no_outage(processes: Processes, tmp_path: Path) -> None:
    processes.refresh(93)
    (tmp_path / "share").unlink()
    os.mkfifo(tmp_path / "share")  # nothing writes to it: the reading does not end
    soon = threading.Timer(0.5, processes.reader.close)
    soon.start()
    processes.reader.refresh()
    soon.join()
    assert len(processes.started) == 1


def test_a_program_that_cannot_run_is_an_outage() -> None:
    with closing(Reader(starting(os.environ, "tests.unit.no_such_module"), Attempts(time.time))) as reader:
        for _ in range(2):
            with pytest.raises(Unavailable, match=r"^the reading process ended with status 1$"):
                reader.refresh()
