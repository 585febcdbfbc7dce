"""The supervisor in the background: it tells whoever started it how the start goes, through a pipe."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from services.console.suite.errors import CannotRun
from services.console.suite.files import private_directory
from services.console.suite.layout import Layout
from services.console.suite.supervisor import Say

READY, FAILED = "ready", "failed: "
_MODULE = "services.console.suite"


def start(layout: Layout, say: Say) -> None:
    """Returns when the suite is ready. Raises CannotRun, in the supervisor's own words, where it does not get there."""
    private_directory(layout.root)
    reading, writing = os.pipe()
    with open(reading, encoding="utf-8") as told:
        _spawn(layout, writing)
        os.close(writing)
        for line in map(str.rstrip, told):
            if line == READY:
                return
            if line.startswith(FAILED):
                raise CannotRun(line.removeprefix(FAILED))
            say(line)
    raise CannotRun(f"the supervisor ended without a word (log: {layout.log('supervisor')})")


def _spawn(layout: Layout, writing: int) -> None:
    log_path: Path = layout.log("supervisor")
    argv = [sys.executable, "-P", "-m", _MODULE, str(layout.root), str(writing)]
    try:
        log_path.parent.mkdir(mode=0o700, exist_ok=True)
        with log_path.open("ab") as log:
            subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(writing,), start_new_session=True
            )
    except OSError as error:
        raise CannotRun(f"cannot write {log_path}: {error.strerror}") from None
