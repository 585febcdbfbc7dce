"""Processes that recompute, each one task at a time; none outlives the process that started them."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from select import select
from typing import Any

from hallpulse.domain.errors import HallpulseError, Halt, Unavailable
from hallpulse.store.recomputing.comparing import Failure, Finished, WorkerMessage, Workplace, worker_at
from hallpulse.store.recomputing.tasks import Task
from hallpulse.subprocess import Channel, Subprocess, SubprocessEnded

EVENTS_A_WORKER = 250_000
"""Events for each process: with fewer, starting another process takes more time than it saves."""
WORKERS_AT_MOST = 16
"""The most processes: each takes two connections to the database."""


Answer = tuple[Task, WorkerMessage]


def workers_for(events: int) -> int:
    """Return how many processes are worth starting for a number of events."""
    return min(1 + events // EVENTS_A_WORKER, len(os.sched_getaffinity(0)), WORKERS_AT_MOST)


class Alone:
    """Does all tasks in this process."""

    size = 1

    def __init__(self, place: Workplace) -> None:
        self._place = place

    def do(self, tasks: Sequence[Task]) -> Iterator[Answer]:
        with worker_at(self._place) as worker:
            for task in tasks:
                for message in worker.do(task):
                    yield task, message


class Team:
    """A number of processes; the constructor starts them without waiting."""

    def __init__(self, place: Workplace, workers: int) -> None:
        self.size = workers
        self._members = [_Member(place) for _ in range(workers)]

    def do(self, tasks: Sequence[Task]) -> Iterator[Answer]:
        """Give out tasks in their order, and yield messages as they come.

        Raises a worker's Unavailable or Halt, and Unavailable if a process ends before its work is done.
        """
        left = list(reversed(tasks))
        busy = self._members[: len(tasks)]
        for member in busy:
            member.give(left.pop())
        while busy:
            for member in select(busy, (), ())[0]:
                task, message = member.task, member.receive()
                yield task, message
                if isinstance(message, Finished) and left:
                    member.give(left.pop())
                elif isinstance(message, Finished):
                    busy.remove(member)

    def end(self) -> None:
        for member in self._members:
            member.end()


@contextmanager
def team_at(place: Workplace, workers: int) -> Iterator[Alone | Team]:
    """Open a team of processes for the tasks, or use this process alone; all are ended after the block."""
    if workers == 1:
        yield Alone(place)
        return
    team = Team(place, workers)
    try:
        yield team
    finally:
        team.end()


class _Member:
    task: Task

    def __init__(self, place: Workplace) -> None:
        self._subprocess = Subprocess[WorkerMessage | Failure](__package__, WorkerMessage | Failure)
        self._subprocess.send(place)

    def fileno(self) -> int:
        return self._subprocess.fileno()

    def give(self, task: Task) -> None:
        self.task = task
        self._subprocess.send(task)

    def receive(self) -> WorkerMessage:
        try:
            message = self._subprocess.receive()
        except SubprocessEnded as ended:
            raise Unavailable(f"recompute: a worker process {ended} before its work was done") from None
        if isinstance(message, Failure):
            raise Unavailable(message.line) if message.again else Halt(message.line)
        return message

    def end(self) -> None:
        self._subprocess.end()


def serve(channel: Channel[Any]) -> None:
    """Do the tasks that come through a channel until it ends."""
    gc.disable()  # no objects made here refer to themselves
    with suppress(EOFError, ConnectionError):
        try:
            with worker_at(channel.receive()) as worker:
                while True:
                    for message in worker.do(channel.receive()):
                        channel.send(message)
        except HallpulseError as error:
            channel.send(Failure(isinstance(error, Unavailable), str(error)))
