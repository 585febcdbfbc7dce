"""The `hallpulse` command as a person runs it, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HALLPULSE = Path(sys.executable).with_name("hallpulse")
Done = subprocess.CompletedProcess[str]


def hallpulse(*arguments: str | Path, directory: Path, **environment: str) -> Done:
    """Called from a directory that has nothing to do with the project, without any HALLPULSE_… of the caller."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HALLPULSE_")}
    return subprocess.run(
        [HALLPULSE, *arguments, "--dir", directory],
        env=kept | environment,
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@contextmanager
def suite_at(directory: Path, **environment: str) -> Iterator[dict[str, Any]]:
    """A running suite's endpoints; afterwards it is ended and its data deleted."""
    started = hallpulse("up", "--detach", directory=directory, **environment)
    try:
        assert started.returncode == 0, started.stderr
        yield endpoints(directory)
    finally:
        hallpulse("down", "--purge", directory=directory)


def endpoints(directory: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((directory / "endpoints.json").read_text())
    return read


def processes_of(directory: Path) -> dict[str, int]:
    """Name to pid of the parts that live, and of the supervisor."""
    state = json.loads((directory / "state.json").read_text())
    parts = {part["name"]: part["process"]["pid"] for part in state["parts"] if part["process"]}
    return parts | {"supervisor": state["supervisor"]["pid"]}
