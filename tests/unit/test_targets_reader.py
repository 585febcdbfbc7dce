"""The service and the process that reads for it: what crosses, and what happens when one of the two ends."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

import pytest

from hallpulse.domain.errors import Halt, Unavailable
from hallpulse.domain.figures import Figure
from services.targets.page import Page
from services.targets.reader import Asked, Read, Reader, Started, answer_all, read, receive, send, starting
from services.targets.readings import Attempts, TargetReadings
from tests.moments import StatedStore
from tests.unit.targets_ground import CATALOGUE, desk_of

CANNED = """
import socket, sys, os
from services.targets.reader import Read, receive, send
from services.targets.page import Page
channel = socket.socket(fileno=int(sys.argv[1]))
channel.setblocking(True)
try:
    while True:
        receive(channel)
        send(channel, Read(Page(str(os.getpid()).encode(), 0, 0), []))
except EOFError:
    pass
"""
MET = {"settled_item_share": Figure(93, 100)}
SHORT = {"settled_item_share": Figure(60, 100)}


@pytest.fixture
def processes() -> Iterator[Reader]:
    program = (sys.executable, "-c", CANNED)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with closing(Reader(starting(environment, program), Attempts(time.time))) as reader:
        yield reader


class NoProcess:
    def kill(self) -> None: ...

    def wait(self) -> None: ...


@pytest.fixture
def threaded() -> Iterator[Callable[[TargetReadings], Reader]]:
    """A reader whose other side is a thread over a desk of stated figures."""
    channels: list[socket.socket] = []

    def over(desk: TargetReadings) -> Reader:
        def start() -> Started:
            ours, theirs = socket.socketpair()
            channels.extend((ours, theirs))
            threading.Thread(target=answer_all, args=(desk, theirs), daemon=True).start()
            return NoProcess(), ours  # type: ignore[return-value]

        return Reader(start, Attempts(time.time))

    yield over
    for channel in channels:
        channel.close()


def due(reader: Reader) -> Sequence[str]:
    change = reader.next_due()
    return [] if change is None else [change.kind, str(change.announced.key.department)]


def test_a_page_is_what_the_desk_reads(threaded: Callable[[TargetReadings], Reader]) -> None:
    reader = threaded(desk_of(StatedStore(own=CATALOGUE)))
    assert reader.page == Page()
    reader.refresh()
    assert b"hallpulse_indicator_ratio" in reader.page.text
    assert reader.page.length == len(reader.page.text)


@pytest.mark.parametrize("error", [Unavailable, Halt])
def test_an_error_is_raised_here_and_keeps_what_there_was(
    threaded: Callable[[TargetReadings], Reader], error: type[Exception]
) -> None:
    figures = StatedStore(own=CATALOGUE)
    reader = threaded(desk_of(figures))
    reader.refresh()
    before = reader.page

    figures.fault = error("database: no answer")
    with pytest.raises(error, match=r"^database: no answer$"):
        reader.refresh()
    assert reader.page is before
    figures.fault = None
    reader.refresh()
    assert reader.page is not before


def test_a_change_is_due_until_it_is_told_and_then_no_more(threaded: Callable[[TargetReadings], Reader]) -> None:
    figures = StatedStore(own={**CATALOGUE, **MET})
    reader = threaded(desk_of(figures))
    reader.refresh()
    assert due(reader) == []
    figures.own = {**CATALOGUE, **SHORT}
    for _ in range(2):
        reader.refresh()
        assert due(reader) == ["target_breached", "None"]
    change = reader.next_due()
    assert change is not None
    reader.told(change)
    assert due(reader) == []
    reader.refresh()
    assert due(reader) == []
    figures.own = {**CATALOGUE, **MET}
    reader.refresh()
    assert due(reader) == ["target_recovered", "None"]


def test_a_breach_that_is_being_sent_stays_due_and_its_recovery_follows(
    threaded: Callable[[TargetReadings], Reader],
) -> None:
    """The broker may have the breach already when its confirmation is lost."""
    figures = StatedStore(own={**CATALOGUE, **MET})
    reader = threaded(desk_of(figures))
    reader.refresh()
    figures.own = {**CATALOGUE, **SHORT}
    reader.refresh()
    breach = reader.next_due()
    assert breach is not None
    figures.own = {**CATALOGUE, **MET}
    reader.refresh()
    assert reader.next_due() == breach
    reader.told(breach)
    assert due(reader) == []
    reader.refresh()
    assert due(reader) == ["target_recovered", "None"]


def test_what_is_told_while_a_reading_is_under_way_is_not_due_again() -> None:
    ours, theirs = socket.socketpair()
    figures = StatedStore(own={**CATALOGUE, **MET})
    desk = desk_of(figures)
    first = read(desk, Asked([]))
    figures.own = {**CATALOGUE, **SHORT}
    second = read(desk, Asked([]))

    reader = Reader(lambda: (NoProcess(), ours), Attempts(time.time))  # type: ignore[arg-type, return-value]
    for answer in (first, second):
        send(theirs, answer)
        reader.refresh()
    change = reader.next_due()
    assert change is not None
    receive(theirs)
    receive(theirs)

    def answer_meanwhile() -> None:
        assert receive(theirs) == Asked([])
        reader.told(change)
        send(theirs, second)

    meanwhile = threading.Thread(target=answer_meanwhile)
    meanwhile.start()
    reader.refresh()
    meanwhile.join()
    assert reader.next_due() is None
    send(theirs, Read(Page(), []))
    reader.refresh()
    assert receive(theirs) == Asked([change.announced])
    theirs.close()
    reader.close()


def test_a_process_that_has_ended_is_started_again_for_the_next_reading(processes: Reader) -> None:
    processes.refresh()
    page = processes.page
    os.kill(int(page.deflated), 9)
    with pytest.raises(Unavailable, match="the reading process has ended"):
        processes.refresh()
    assert processes.page is page
    processes.refresh()
    assert processes.page.deflated != page.deflated


def test_closing_ends_the_process_and_starts_no_other(processes: Reader) -> None:
    processes.refresh()
    pid = int(processes.page.deflated)
    processes.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    processes.refresh()
    assert int(processes.page.deflated) == pid


def test_a_program_that_cannot_run_is_an_outage() -> None:
    program = (sys.executable, "-c", "")
    with closing(Reader(starting(os.environ, program), Attempts(time.time))) as reader:
        for _ in range(2):
            with pytest.raises(Unavailable):
                reader.refresh()
