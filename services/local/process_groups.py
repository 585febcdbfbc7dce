"""The suite's processes: each is identified by pid and start time and ended with its whole process group."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from services.local import programs
from services.local.files import CannotRun

_POLL_SECONDS = 0.05
_KILL_SECONDS = 5.0
_LONG_LOG_BYTES = 16 << 20
_DEAD_STATES = "ZX"


@dataclass(frozen=True, slots=True)
class Identity:
    """A process, identified by pid, boot and start time; the pid alone may belong to another program by now."""

    pid: int
    started: str

    def is_alive(self) -> bool:
        return identity_of(self.pid) == self


@dataclass(frozen=True, slots=True)
class Command:
    """A command to run. dies_by: signal that the kernel sends to the process when the supervisor has ended in any way.

    privileges: options of setpriv(1), for a program that must not run as root.
    """

    argv: Sequence[str]
    environment: Mapping[str, str]
    directory: Path
    log: Path
    dies_by: signal.Signals = signal.SIGTERM
    privileges: Sequence[str] = ()


def identity_of(pid: int) -> Identity | None:
    """Return the identity of a living process; None if there is no such process or it is a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    if fields[0] in _DEAD_STATES:
        return None
    return Identity(pid, f"{_boot_id()}:{fields[19]}")


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8]


def spawn(command: Command) -> subprocess.Popen[bytes]:
    """Start the command in a separate process group, so that Ctrl-C at a terminal reaches only the supervisor.

    Raises CannotRun if it cannot be started.
    """
    setpriv = (str(programs.setpriv()), f"--pdeathsig={command.dies_by.name}")
    try:
        _make_room(command.log)
        with command.log.open("ab") as log:
            return subprocess.Popen(
                [*setpriv, *command.privileges, "--", *command.argv],
                env=dict(command.environment),
                cwd=command.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
    except OSError as error:
        raise CannotRun(f"cannot start {command.argv[0]} with its log {command.log}: {error.strerror}") from None


def _make_room(log: Path) -> None:
    """Rename a log of more than 16 MiB to NAME.old, over an older one, so that a new process begins a new log."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > _LONG_LOG_BYTES:
        log.replace(log.with_name(f"{log.name}.old"))


def end(identity: Identity, by: signal.Signals = signal.SIGTERM, patience: float = 20.0) -> bool:
    """End a process and the rest of its group; return False if it had to be killed after `patience` seconds.

    A process that no longer lives is sent nothing, because another program may have its pid by now.
    """
    if not identity.is_alive():
        return True
    _send(identity.pid, by)
    went = wait_until(lambda: not identity.is_alive(), patience)
    kill_group(identity.pid)
    wait_until(lambda: not identity.is_alive(), _KILL_SECONDS)
    return went


def _send(pid: int, by: signal.Signals) -> None:
    try:
        os.kill(pid, by)
    except ProcessLookupError:
        return


def kill_group(leader: int) -> None:
    """Kill a process group. Call it while the leader lives or right after: an empty group's number is used again."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True
