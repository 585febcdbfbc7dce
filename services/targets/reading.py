"""`python -m services.targets.reading DESCRIPTOR`: the process that reads and writes the page, for the one that serves.

A reading of a province keeps an interpreter busy for a second of every two; other work in it would wait.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from socket import socket

from hallpulse.domain.errors import HallpulseError, Halt
from hallpulse.plans import load_plans
from hallpulse.settings import settings_from
from hallpulse.store import open_store

from .desk import TargetDesk
from .page import page_of
from .reader import Asked, Due, Failed, Read, receive, send


def read(desk: TargetDesk, asked: Asked) -> Read | Failed:
    """What was read, or Unavailable or Halt as a value."""
    desk.told(asked.told)
    try:
        snapshot = desk.refresh()
    except HallpulseError as error:
        return Failed(isinstance(error, Halt), str(error))
    return Read(page_of(snapshot), [Due(change.kind, change.key, change.payload()) for change in desk.due()])


def answer_all(desk: TargetDesk, channel: socket) -> None:
    """Until the other side has ended."""
    try:
        while isinstance(asked := receive(channel), Asked):
            send(channel, read(desk, asked))
    except (EOFError, OSError):
        return


def run(descriptor: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal, to both; the service ends this process itself
    with socket(fileno=descriptor) as channel:
        channel.setblocking(True)  # the other side's framework has made it one that does not wait
        settings = settings_from(os.environ)
        store = open_store(settings.database_url, pool_size=1, service="targets")
        answer_all(TargetDesk(store, load_plans(settings.plans), time.time), channel)


if __name__ == "__main__":
    run(int(sys.argv[1]))
