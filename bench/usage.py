"""Measure how much of the machine each process took, and how much other programs took, which is noise."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
CORES = os.cpu_count() or 1


@dataclass(frozen=True)
class Usage:
    """The usage of the machine during a measurement.

    cpu: process → seconds, with all its children; others, idle: shares of the machine's time; memory: process → bytes
    at the end, with its children, shared memory counted once.
    """

    seconds: float
    cpu: Mapping[str, float]
    others: float
    idle: float
    memory: Mapping[str, int] = field(default_factory=dict)


class Meter:
    """Measures the usage from its creation to `read`."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = pids
        self._began = time.monotonic()
        self._cpu = _cpu_of(pids)
        self._busy, self._idle = _machine()

    def read(self) -> Usage:
        seconds = time.monotonic() - self._began
        cpu = {name: spent - self._cpu[name] for name, spent in _cpu_of(self._pids).items()}
        busy, idle = _machine()
        whole = seconds * CORES
        others = (busy - self._busy - sum(cpu.values())) / whole
        return Usage(seconds, cpu, max(0.0, others), (idle - self._idle) / whole, _memory_of(self._pids))


def _cpu_of(pids: Mapping[str, int]) -> dict[str, float]:
    spent, children = _processes()

    def whole(pid: int) -> float:
        return spent.get(pid, 0.0) + sum(whole(child) for child in children.get(pid, ()))

    return {name: whole(pid) for name, pid in pids.items()}


def _memory_of(pids: Mapping[str, int]) -> dict[str, int]:
    _, children = _processes()

    def whole(pid: int) -> int:
        return _proportional(pid) + sum(whole(child) for child in children.get(pid, ()))

    return {name: whole(pid) for name, pid in pids.items()}


def _proportional(pid: int) -> int:
    """Return a process's bytes of memory, with its share of shared memory; 0 if it has ended or is not readable."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:")), 0)


def _processes() -> tuple[dict[int, float], dict[int, list[int]]]:
    """Return pid → CPU seconds, with those of ended children, and pid → pids of its children."""
    spent, children = {}, dict[int, list[int]]()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        spent[int(entry.name)] = sum(map(int, fields[11:15])) / _TICKS
        children.setdefault(int(fields[1]), []).append(int(entry.name))
    return spent, children


def _machine() -> tuple[float, float]:
    """Return the busy and the idle seconds of all cores since the machine started."""
    user, nice, system, idle, waiting, *rest = map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:])
    return (user + nice + system + sum(rest[:3])) / _TICKS, (idle + waiting) / _TICKS
