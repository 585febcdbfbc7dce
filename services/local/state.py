"""The suite's state, written at every change: `status` shows it, and `down` ends the processes that it lists."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from services.local.files import write_private
from services.local.process_groups import Identity

RUNNING, STARTING, RESTARTING, FAILING, HALTED = "running", "starting", "restarting", "failing", "halted"
"""States of a part. Failing: it keeps dying, and the pauses get longer; halted: it ended on purpose and waits for a
person.
"""


@dataclass(frozen=True, slots=True)
class PartState:
    """A part's state. All times are in seconds since the epoch.

    process: None while it does not run; since: start of this state; exit_status: of the last process that ended, None
    if none has; stop: number of the signal for an orderly end; patience: seconds that this end may take; why: last
    message of a part that keeps dying or waits for a person; failing_since: first of the deaths in a row, 0 if it does
    not keep dying; next_try: time of the next start, 0 if none is planned.
    """

    name: str
    state: str
    process: Identity | None
    since: float
    restarts: int = 0
    exit_status: int | None = None
    address: str = ""
    stop: int = 15
    patience: float = 20.0
    why: str = ""
    failing_since: float = 0.0
    next_try: float = 0.0


@dataclass(frozen=True, slots=True)
class SuiteState:
    supervisor: Identity
    parts: tuple[PartState, ...]

    def is_alive(self) -> bool:
        return self.supervisor.is_alive()

    def leftovers(self) -> Iterable[PartState]:
        return [part for part in self.parts if part.process and part.process.is_alive()]


def write(path: Path, state: SuiteState) -> None:
    write_private(path, json.dumps(asdict(state), indent=1))


def read(path: Path) -> SuiteState | None:
    """Return the written state; None if the file is missing or damaged, as if no suite ran."""
    try:
        raw = json.loads(path.read_text())
        return SuiteState(_identity(raw["supervisor"]), tuple(_part(part) for part in raw["parts"]))
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None


def _identity(raw: dict[str, Any]) -> Identity:
    return Identity(int(raw["pid"]), str(raw["started"]))


def _part(raw: dict[str, Any]) -> PartState:
    process = raw["process"]
    return PartState(**(raw | {"process": _identity(process) if process else None}))
