"""A supervisor in the background. A pipe reports its start to the command that launched it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping

from services.local.files import CannotRun, private_directory
from services.local.suite_directory import SuiteDirectory
from services.local.supervisor import Say

READY, FAILED = "ready", "failed: "
_MODULE = "services.local"


def start(layout: SuiteDirectory, given: Mapping[str, str], say: Say) -> None:
    """Start the suite and return when it is ready. Raises CannotRun with the supervisor's message if it fails."""
    private_directory(layout.root)
    reading, writing = os.pipe()
    with open(reading, encoding="utf-8") as told:
        supervisor = _spawn(layout, given, writing)
        os.close(writing)
        try:
            _listen(told, say, layout)
        except KeyboardInterrupt:
            supervisor.send_signal(signal.SIGTERM)
            raise
        finally:
            # No process waits for the supervisor from here on; `down` ends it.
            supervisor.returncode = 0


def _listen(told: Iterable[str], say: Say, layout: SuiteDirectory) -> None:
    for line in map(str.rstrip, told):
        if line == READY:
            return
        if line.startswith(FAILED):
            raise CannotRun(line.removeprefix(FAILED))
        say(line)
    raise CannotRun(f"the supervisor ended without a word (log: {layout.log('supervisor')})")


def _spawn(layout: SuiteDirectory, given: Mapping[str, str], writing: int) -> subprocess.Popen[bytes]:
    path = layout.log("supervisor")
    argv = [sys.executable, "-P", "-m", _MODULE, str(layout.root), str(writing)]
    nothing = subprocess.DEVNULL
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        with path.open("ab") as log:
            return subprocess.Popen(
                argv, env=given, stdin=nothing, stdout=log, stderr=log, pass_fds=(writing,), start_new_session=True
            )
    except OSError as error:
        raise CannotRun(f"cannot write {path}: {error.strerror}") from None
