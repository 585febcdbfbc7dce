"""One running part: start it, watch it, restart it when it dies."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from services.local import process_groups
from services.local.parts import Restarts, SuitePart
from services.local.process_groups import Identity
from services.local.state import FAILING, HALTED, RESTARTING, RUNNING, STARTING, PartState

_FAULT = re.compile(r"FATAL|PANIC|error|exception", re.IGNORECASE)
_LINES_LOOKED_AT, _LONGEST_LINE = 200, 700


@dataclass(slots=True)
class Child:
    """A part's process and state. Methods take `now` in monotonic seconds; due: when a dead part starts again."""

    part: SuitePart
    state: str = STARTING
    restarts: Restarts = field(default_factory=Restarts)
    due: float = 0.0
    _process: subprocess.Popen[bytes] | None = None
    _identity: Identity | None = None
    _log: Path | None = None
    _log_offset: int = 0
    _started: float = 0.0
    _since: float = field(default_factory=time.time)
    _exit_status: int | None = None
    _first_death: float = 0.0

    def start(self, now: float) -> None:
        command = self.part.command()
        self._log = command.log
        self._log_offset = command.log.stat().st_size if command.log.exists() else 0
        self._process = process_groups.spawn(command)
        self._identity = process_groups.identity_of(self._process.pid)
        self._started = now
        self._becomes(STARTING)

    def died(self) -> bool:
        """Return True once if the process has died, and end the rest of its process group."""
        if self._process is None or self._process.poll() is None:
            return False
        process_groups.kill_group(self._process.pid)
        self._exit_status, self._process, self._identity = self._process.returncode, None, None
        return True

    def became_ready(self) -> bool:
        if self.state != STARTING or self._process is None or not self.part.ready(self._process.pid):
            return False
        self._becomes(RUNNING)
        return True

    def beat(self, now: float) -> None:
        """Call the part's `beat` if its process runs."""
        if self.state == RUNNING and self._process is not None:
            self.part.beat(self._process.pid, now)

    @property
    def wants_a_person(self) -> bool:
        return self._exit_status is not None and self._exit_status == self.part.halts_with

    def halt(self) -> None:
        self._becomes(HALTED)

    def plan_restart(self, now: float) -> None:
        pause = self.restarts.pause_after(now - self._started)
        self.due = now + pause
        if self.restarts.in_a_row == 1:
            self._first_death = time.time()
        self._becomes(FAILING if self.restarts.is_failing else RESTARTING)

    def is_due(self, now: float) -> bool:
        return self.state in (RESTARTING, FAILING) and now >= self.due

    def recovered(self, now: float) -> bool:
        """Return True once if the part was failing and has now run for a minute; it is then no longer failing."""
        if self.state != RUNNING or not self.restarts.is_failing or not self.restarts.lived_well(now - self._started):
            return False
        self.restarts.in_a_row = 0
        return True

    def ask_to_stop(self, by: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(by)

    def wait_until_gone(self) -> None:
        """Wait for the process to end; kill it after the part's `patience`."""
        if self._process is None:
            return
        try:
            self._process.wait(self.part.patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        process_groups.kill_group(self._process.pid)
        self._process = self._identity = None

    def why(self) -> str:
        """Return in one line why the process ended: its last message in the log, or its exit status."""
        if self._log is None:
            return "never started"
        said = _telling_line(self._log, self._log_offset) or f"exit status {self._exit_status}, no message"
        return f"{said} (log: {self._log})"

    def snapshot(self) -> PartState:
        part = self.part
        return PartState(
            name=part.name,
            state=self.state,
            process=self._identity,
            since=self._since,
            restarts=self.restarts.total,
            exit_status=self._exit_status,
            address=part.address,
            stop=int(part.stop),
            patience=part.patience,
            why=self.why() if self.state in (FAILING, HALTED) else "",
            failing_since=self._first_death if self.restarts.is_failing else 0.0,
            next_try=time.time() + self.due - time.monotonic() if self.state in (RESTARTING, FAILING) else 0.0,
        )

    def _becomes(self, state: str) -> None:
        self.state, self._since = state, time.time()


def _telling_line(log: Path, offset: int) -> str:
    """Return the last line written after `offset` that reports an error, else the last line."""
    with log.open("rb") as lines:
        lines.seek(offset)
        raw = deque((line for line in lines if line.strip()), maxlen=_LINES_LOOKED_AT)
    said = [" ".join(line.decode(errors="replace").split()) for line in raw]
    faults = [line for line in said if _FAULT.search(line)]
    return (faults or said or [""])[-1][:_LONGEST_LINE]
