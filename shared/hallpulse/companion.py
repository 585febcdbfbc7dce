"""A Python process of our own beside this one, and a pipe to it; it does not outlive the one who asked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from multiprocessing.connection import Connection, Pipe


class Companion:
    """Runs `python -m MODULE FD`, where FD is its end of the pipe (`connection_of`); starting it is not waited for.

    The module must end when its pipe does, which is also when this process has died.
    """

    def __init__(self, module: str) -> None:
        self.pipe, theirs = Pipe()
        # not multiprocessing's own processes: those run again the script that asked, whatever it does
        self._process = subprocess.Popen(
            (sys.executable, "-m", module, str(theirs.fileno())),
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            pass_fds=(theirs.fileno(),),
            process_group=0,  # a person's Ctrl-C ends the one who asked, who ends this one
        )
        theirs.close()

    def fate(self) -> str:
        """How it ended, once its pipe is closed."""
        code = self._process.wait()
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"

    def end(self) -> None:
        self.pipe.close()
        self._process.terminate()
        self._process.wait()


def connection_of(arguments: list[str]) -> Connection:
    """The companion's own end of the pipe, from its command line."""
    return Connection(int(arguments[1]))
