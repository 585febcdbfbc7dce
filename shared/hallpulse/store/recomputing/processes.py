"""Workers as processes of their own: a task each, messages as they come, and none outlives the one who asked."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait

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
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, place), name="recompute", daemon=True)
        self._process.start()
        theirs.close()

    def give(self, task: Task) -> None:
        self.task = task
        with suppress(BrokenPipeError):  # what became of it is found out by `receive`
            self.pipe.send(task)

    def receive(self) -> Message:
        try:
            message: Message | HallpulseError = self.pipe.recv()
        except (EOFError, ConnectionResetError):
            raise Unavailable(f"recompute: a worker process {self._fate()} before its work was done") from None
        if isinstance(message, HallpulseError):
            raise message
        return message

    def end(self) -> None:
        self.pipe.close()
        self._process.terminate()
        self._process.join()

    def _fate(self) -> str:
        self._process.join()
        code = self._process.exitcode or 0
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"


def _serve(pipe: Connection, place: Workplace) -> None:
    """What a process does: tasks until the pipe is closed, which it also is when the other side has died."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a person ends the one who asked, who ends this one
    gc.disable()  # nothing made here refers to itself
    with suppress(EOFError, BrokenPipeError):
        try:
            with worker_at(place) as worker:
                while True:
                    for message in worker.do(pipe.recv()):
                        pipe.send(message)
        except HallpulseError as error:
            pipe.send(error)
