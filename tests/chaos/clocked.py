"""`python -m tests.chaos.clocked MODULE`: run a module with a wall clock that can be stepped while it runs.

The step stands in a file, in nanoseconds. It is made where Python reads the wall clock; the monotonic clock goes on
as it does when somebody sets a machine's clock. (libfaketime 0.9.10, Debian's, lets the monotonic clock jump too, or
else makes `time.sleep` fail.)
"""

from __future__ import annotations

import ctypes
import gc
import mmap
import os
import runpy
import struct
import sys
import time
from datetime import date, datetime, tzinfo
from pathlib import Path
from typing import Any

VARIABLE = "HALLPULSE_CHAOS_CLOCK"
_FORM = struct.Struct("q")


class Clock:
    """The file through which another process's clock is stepped."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.step(0)

    def step(self, seconds: float) -> None:
        """So far from the true time, from now on."""
        with self.file.open("r+b" if self.file.exists() else "wb") as held:
            held.write(_FORM.pack(int(seconds * 1_000_000_000)))


def follow(file: Path) -> None:
    """Make this process's clock the one that the file says."""
    with file.open("rb") as held:
        view = mmap.mmap(held.fileno(), 0, prot=mmap.PROT_READ)
    true_nanoseconds, from_timestamp = time.time_ns, datetime.fromtimestamp

    def time_ns() -> int:
        return true_nanoseconds() + int(_FORM.unpack_from(view)[0])

    def now(_: type[datetime], tz: tzinfo | None = None) -> datetime:
        return from_timestamp(time_ns() / 1e9, tz)

    time.time_ns = time_ns
    time.time = lambda: time_ns() / 1e9
    _replace(datetime, now=now, today=now)
    _replace(date, today=lambda _: now(datetime).date())


def _replace(kind: type, **methods: Any) -> None:
    """Other class methods for a class of the interpreter, which everybody has imported by name."""
    gc.get_referents(kind.__dict__)[0].update({name: classmethod(method) for name, method in methods.items()})
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(kind))


if __name__ == "__main__":
    follow(Path(os.environ[VARIABLE]))
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
