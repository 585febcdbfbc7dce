"""Workers as processes of their own: a task each, messages as they come, and none outlives the one who asked."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait

from hallpulse.companion import Companion
from hallpulse.domain.errors import HallpulseError, Unavailable

from .tasks import Task
from .worker import Finished, Message, Workplace, worker_at

EVENTS_A_WORKER = 250_000
"""With fewer, what a second process saves is less than what starting it takes."""
WORKERS_AT_MOST = 16
"""Each takes two connections to the database."""


Answer = tuple[Task, Message]


def workers_for(events: int) -> int:
    """How many processes are worth while."""
    return min(1 + events // EVENTS_A_WORKER, len(os.sched_getaffinity(0)), WORKERS_AT_MOST)


class Alone:
    """This very process does all tasks."""

    size = 1

    def __init__(self, place: Workplace) -> None:
        self._place = place

    def do(self, tasks: Sequence[Task]) -> Iterator[Answer]:
        with worker_at(self._place) as worker:
            for task in tasks:
                for message in worker.do(task):
                    yield task, message


class Team:
    """So many processes, which begin to start at once."""

    def __init__(self, place: Workplace, workers: int) -> None:
        self.size = workers
        self._members = [_Member(place) for _ in range(workers)]

    def do(self, tasks: Sequence[Task]) -> Iterator[Answer]:
        """Tasks in their order, messages as they come.

        Raises what a worker raised on purpose, and Unavailable where one has ended before its work.
        """
        left = list(reversed(tasks))
        busy = {}
        for member in self._members[: len(tasks)]:
            member.give(left.pop())
            busy[member.pipe] = member
        while busy:
            for pipe in wait(list(busy)):
                assert isinstance(pipe, Connection)
                member = busy[pipe]
                task, message = member.task, member.receive()
                yield task, message
                if isinstance(message, Finished) and left:
                    member.give(left.pop())
                elif isinstance(message, Finished):
                    del busy[pipe]

    def end(self) -> None:
        for member in self._members:
            member.end()


@contextmanager
def team_at(place: Workplace, workers: int) -> Iterator[Alone | Team]:
    """Whoever does the tasks; no process is left at the end, whatever it is."""
    if workers == 1:
        yield Alone(place)
        return
    team = Team(place, workers)
    try:
        yield team
    finally:
        team.end()


class _Member:
    def __init__(self, place: Workplace) -> None:
        self._companion = Companion(__package__)
        self.pipe = self._companion.pipe
        self.give(place)

    def give(self, what: Task | Workplace) -> None:
        if isinstance(what, Task):
            self.task = what
        with suppress(BrokenPipeError):  # what became of it is found out by `receive`
            self.pipe.send(what)

    def receive(self) -> Message:
        try:
            message: Message | HallpulseError = self.pipe.recv()
        except (EOFError, ConnectionResetError):
            fate = self._companion.fate()
            raise Unavailable(f"recompute: a worker process {fate} before its work was done") from None
        if isinstance(message, HallpulseError):
            raise message
        return message

    def end(self) -> None:
        self._companion.end()


def serve(pipe: Connection) -> None:
    """What a process does: tasks until the pipe is closed, which it also is when the other side has died."""
    gc.disable()  # nothing made here refers to itself
    with suppress(EOFError, BrokenPipeError):
        try:
            with worker_at(pipe.recv()) as worker:
                while True:
                    for message in worker.do(pipe.recv()):
                        pipe.send(message)
        except HallpulseError as error:
            pipe.send(error)
