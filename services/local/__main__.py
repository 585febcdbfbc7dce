"""The supervisor that `hallpulse up --detach` leaves behind: `python -m services.local DIR FD`."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from hallpulse.domain.errors import HallpulseError
from hallpulse.settings import SettingsError
from services.local import detached, lifecycle
from services.local.suite_directory import SuiteDirectory


class _StartLog:
    """Writes lines to the log and, until the suite is ready, to the process that waits at the other end of the pipe."""

    def __init__(self, pipe: int) -> None:
        os.set_inheritable(pipe, False)
        self._pipe: int | None = pipe

    def say(self, line: str) -> None:
        print(time.strftime("%Y-%m-%d %H:%M:%S"), line, file=sys.stderr, flush=True)
        if self._pipe is None:
            return
        try:
            os.write(self._pipe, f"{line}\n".encode())
        except BrokenPipeError:
            self._hang_up()
        if line == detached.READY or line.startswith(detached.FAILED):
            self._hang_up()

    def _hang_up(self) -> None:
        if self._pipe is not None:
            os.close(self._pipe)
        self._pipe = None


def main(directory: str, pipe: str) -> int:
    start_log = _StartLog(int(pipe))
    try:
        lifecycle.run(SuiteDirectory(Path(directory)), os.environ, start_log.say)
    except (HallpulseError, SettingsError, OSError) as error:
        start_log.say(f"{detached.FAILED}{' '.join(str(error).split())}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
