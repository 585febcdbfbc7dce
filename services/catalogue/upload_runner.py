"""Work on uploaded files: each has a separate process, few run at a time, and each has a time limit.

The gateway stores the file in the database and asks for the work by RPC. The call returns when the work has begun; its
progress and its result stand in the database (`hallpulse.store.Uploads`).
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import eventlet
from eventlet import tpool
from eventlet.green import subprocess as green
from eventlet.semaphore import Semaphore

from hallpulse.domain.errors import Unavailable
from hallpulse.store import Uploads

from .upload_work import without_secrets

MOST_AT_ONCE = 2
SECONDS = {"reading": 300.0, "importing": 1800.0}
"""Longest time that a process may take, in seconds, by the upload's state."""
WAITING_SIGN_SECONDS = 5.0
_MODULE = "services.catalogue.upload_work"
_ENDED = (
    "读取这个文件的程序中止了：文件异常，或所需的内存、时间超出限度；可拆成几个文件，或用命令行导入",
    "the reading of this file was ended: it is damaged, or needs more memory or time than is given; split it",
)
_log = logging.getLogger("services")


class UploadRunner:
    """Begins the work on uploads; each method returns as soon as the work has begun.

    environment: environment variables for the processes; those that only read files do not get the broker's address.
    work: a replacement for the process, called with the upload's number, a folder and the upload's state; it returns
    whether the result was written to the upload.
    """

    def __init__(
        self, uploads: Uploads, environment: Mapping[str, str], work: Callable[[int, Path, str], bool] | None = None
    ) -> None:
        self._uploads = uploads
        self._environment = {**environment, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self._free = Semaphore(MOST_AT_ONCE)
        self._work = work or self._in_a_process

    def read(self, number: int, answers: Mapping[str, str] | None) -> None:
        """Begin to read the file with these answers, or with the stored ones if None. Raise UploadBusy, Unavailable."""
        self._begin(number, "reading", answers)

    def import_(self, number: int) -> None:
        """Begin to import an upload that is ready. Raise UploadBusy, Unavailable."""
        self._begin(number, "importing", None)

    def _begin(self, number: int, state: Any, answers: Mapping[str, str] | None) -> None:
        tpool.execute(self._uploads.begin, number, state, answers, _now())
        eventlet.spawn_n(self._run, number, state)

    def _run(self, number: int, state: str) -> None:
        try:
            while not self._free.acquire(timeout=WAITING_SIGN_SECONDS):
                tpool.execute(self._uploads.tell, number, _now())
            try:
                tpool.execute(self._uploads.tell, number, _now(), state=state)
                self._run_in_a_folder(number, state)
            finally:
                self._free.release()
        except Unavailable as error:  # without signs of work, the upload is shown as failed
            _log.warning("upload %d: %s", number, error)

    def _run_in_a_folder(self, number: int, state: str) -> None:
        folder = Path(tempfile.mkdtemp(prefix="hallpulse-upload-"))
        try:
            if not self._work(number, folder, state):
                tpool.execute(self._uploads.fail, number, _ENDED)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _in_a_process(self, number: int, folder: Path, state: str) -> bool:
        environment = self._environment if state == "importing" else without_secrets(self._environment)
        process = green.Popen(
            (sys.executable, "-P", "-m", _MODULE, str(number), str(folder)),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=environment, start_new_session=True,
        )  # fmt: skip
        try:
            return bool(process.wait(SECONDS[state]) == 0)
        except subprocess.TimeoutExpired:
            return False
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _now() -> datetime:
    return datetime.now(UTC)
