"""Section `idle`: the processor time of each part of the suite while nothing happens, in shares of one core."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.options import Options
from bench.suite import RunningSuite, suite
from services.console.usage import screen

SETTLING_SECONDS = 60.0
"""Seconds until the suite has noticed that nothing happens."""
SECONDS = 60.0
_TICKS = os.sysconf("SC_CLK_TCK")


def run(_options: Options) -> dict[str, Any]:
    """Measure a suite with a plan and a hall, once it has settled."""
    with suite() as running:
        running.add_hall(222424, "hall-1", "case,heartbeat")
        shares = idle(running, SECONDS)
    total = sum(shares.values())
    listed = sorted(shares.items(), key=lambda one: -one[1])
    screen().print(f"idle: {total:.1%} of a core · " + " · ".join(f"{name} {share:.1%}" for name, share in listed))
    return {"of_a_core": round(total, 4), "parts": {name: round(share, 4) for name, share in listed}}


def idle(running: RunningSuite, seconds: float) -> dict[str, float]:
    """Return part → share of a core over this many seconds, with all its child processes."""
    time.sleep(SETTLING_SECONDS)
    before, began = used(running.pids), time.monotonic()
    time.sleep(seconds)
    after, took = used(running.pids), time.monotonic() - began
    return {name: (after[name] - before.get(name, 0.0)) / took for name in after}


def used(pids: Mapping[str, int]) -> dict[str, float]:
    """Return part → processor seconds of its processes so far, including ended ones that were waited for."""
    found = {int(entry.name): fields for entry in Path("/proc").glob("[0-9]*") if (fields := _fields(entry))}
    part_of = {pid: name for name, pid in pids.items()}
    sums = dict.fromkeys(pids, 0.0)
    for pid, fields in found.items():
        above = pid
        while above not in part_of and above in found:
            above = int(found[above][1])
        if above in part_of:
            sums[part_of[above]] += sum(map(int, fields[11:15])) / _TICKS
    return sums


def _fields(process: Path) -> list[str] | None:
    """Return the fields after the command in /proc/PID/stat (state, parent, …); None if the process has ended."""
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
