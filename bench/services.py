"""The suite's services, each started as the suite starts it, with the servers of a round."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bench.streams import CHECKOUT
from services.local import ports


@dataclass(frozen=True)
class Service:
    """A started service. ready: set once it has printed that it is ready; ended: set once its output has ended."""

    process: subprocess.Popen[str]
    ready: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    def wait(self) -> None:
        wait_for_first([self])


@contextlib.contextmanager
def starting(name: str, **settings: str) -> Iterator[Service]:
    """Start `python -m services.NAME` and yield it at once. settings: HALLPULSE_… variables in lower case."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HALLPULSE_")}
    own = {f"HALLPULSE_{setting.upper()}": value for setting, value in settings.items()}
    command = [sys.executable, "-m", f"services.{name}"]
    process = subprocess.Popen(command, cwd=CHECKOUT, env=kept | own, stderr=subprocess.PIPE, text=True)
    started = Service(process)
    threading.Thread(target=_listen, args=(started, f"{name}: ready"), daemon=True).start()
    try:
        yield started
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@contextlib.contextmanager
def service(name: str, **settings: str) -> Iterator[Service]:
    """Start a service and yield it when it is ready. settings: HALLPULSE_… variables in lower case."""
    with starting(name, **settings) as started:
        started.wait()
        yield started


def wait_for_first(services: Sequence[Service]) -> None:
    """Wait until one of the services is ready. Raises RuntimeError if one ends before."""
    while not any(one.ready.is_set() for one in services):
        if any(one.ended.is_set() for one in services):
            raise RuntimeError("a service ended before it was ready")
        time.sleep(0.002)


def free_port() -> str:
    return str(ports.choose(["port"])["port"])


def _listen(started: Service, ready: str) -> None:
    assert started.process.stderr is not None
    for line in started.process.stderr:
        if line.startswith(ready):
            started.ready.set()
        else:
            print(line, end="", file=sys.stderr)
    started.ended.set()
