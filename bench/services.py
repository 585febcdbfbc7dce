"""The suite's own services, started as the suite starts them, each beside the servers of a round."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

from bench.streams import CHECKOUT
from services.console.suite import ports


@contextlib.contextmanager
def service(name: str, **settings: str) -> Iterator[subprocess.Popen[str]]:
    """`python -m services.NAME` that has said it is ready. settings: HALLPULSE_… variables in lower case."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HALLPULSE_")}
    own = {f"HALLPULSE_{setting.upper()}": value for setting, value in settings.items()}
    command = [sys.executable, "-m", f"services.{name}"]
    process = subprocess.Popen(command, cwd=CHECKOUT, env=kept | own, stderr=subprocess.PIPE, text=True)
    try:
        _wait_ready(process, f"{name}: ready")
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def free_port() -> str:
    return str(ports.choose(["port"])["port"])


def _wait_ready(process: subprocess.Popen[str], ready: str) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith(ready):
            threading.Thread(target=_pass_on, args=(process,), daemon=True).start()
            return
        print(line, end="", file=sys.stderr)
    raise RuntimeError(f"it ended before it said {ready!r}")


def _pass_on(process: subprocess.Popen[str]) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        print(line, end="", file=sys.stderr)
