"""A suite from start to end. A directory has at most one supervisor; processes that an earlier one left end first."""

from __future__ import annotations

import fcntl
import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path

from services.local import process_groups, state
from services.local.composition import Suite, compose
from services.local.files import CannotRun, private_directory, write_private
from services.local.process_groups import Identity
from services.local.state import PartState, SuiteState
from services.local.suite_directory import SuiteDirectory
from services.local.supervisor import DROP, WAKE, Say, Supervisor

_SUPERVISOR_PATIENCE = 90.0


def run(layout: SuiteDirectory, given: Mapping[str, str], say: Say) -> None:
    """Start the suite, report "ready", and stay until asked to stop.

    Raises CannotRun, with nothing left running, if it cannot start.
    """
    private_directory(layout.root)
    lock = _hold(layout)
    try:
        layout.prepare()
        _end_leftovers(layout)
        me = _me()
        state.write(layout.state, SuiteState(me, ()))
        suite = compose(layout, given)
        Supervisor(layout, me, say).run(suite.stages, lambda: _announce(layout, suite, say))
    finally:
        _withdraw(layout)
        os.close(lock)


def down(layout: SuiteDirectory, say: Say, drop: bool = False) -> bool:
    """End a suite and its remaining processes; return False if nothing ran. Other processes are not touched.

    drop: end it at once, because its data will be deleted.
    """
    known = state.read(layout.state)
    if known is None:
        return False
    ended = known.is_alive()
    if ended:
        say(f"ending the suite (pid {known.supervisor.pid})")
        process_groups.end(known.supervisor, DROP if drop else signal.SIGTERM, _SUPERVISOR_PATIENCE)
    leftovers = _end_parts(known)
    _withdraw(layout)
    return ended or leftovers


def wake(layout: SuiteDirectory) -> bool:
    """Restart the parts that wait for a person or keep failing; return False if no suite runs in this directory."""
    known = running(layout)
    if known is not None:
        os.kill(known.supervisor.pid, WAKE)
    return known is not None


def running(layout: SuiteDirectory) -> SuiteState | None:
    """Return the state of the running suite; None if no supervisor lives."""
    known = state.read(layout.state)
    return known if known is not None and known.is_alive() else None


def _hold(layout: SuiteDirectory) -> int:
    """Lock the directory and return the lock's descriptor.

    Raises CannotRun if another suite runs here: the two would share their data.
    """
    try:
        lock = os.open(layout.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CannotRun(f"cannot write {layout.lock}: {error.strerror}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise CannotRun(
            f"a suite already runs in {layout.root}: see `hallpulse status`, end it with `hallpulse down`"
        ) from None
    return lock


def _me() -> Identity:
    me = process_groups.identity_of(os.getpid())
    if me is None:
        raise CannotRun("/proc does not tell of this process: the suite needs Linux")
    return me


def _end_leftovers(layout: SuiteDirectory) -> None:
    """End the processes of a killed supervisor. They end by themselves, but perhaps have not yet."""
    known = state.read(layout.state)
    if known is not None:
        _end_parts(known)
    _withdraw(layout)


def _end_parts(known: SuiteState) -> bool:
    """End the parts that still run, in the opposite order of their start; return whether there were any."""
    leftovers: list[tuple[PartState, Identity]] = [
        (part, part.process) for part in reversed(known.parts) if part.process and part.process.is_alive()
    ]
    for part, process in leftovers:
        process_groups.end(process, signal.Signals(part.stop), part.patience)
    return bool(leftovers)


def _announce(layout: SuiteDirectory, suite: Suite, say: Say) -> None:
    _write_json(layout.environment, suite.environment)
    _write_json(layout.endpoints, suite.endpoints)
    say("ready")


def _write_json(path: Path, content: Mapping[str, object]) -> None:
    write_private(path, json.dumps(content, indent=1))


def _withdraw(layout: SuiteDirectory) -> None:
    for file in (layout.endpoints, layout.environment, layout.state):
        file.unlink(missing_ok=True)
