"""The user that PostgreSQL runs as, since it refuses to run as root, and how it reaches its files.

If an ordinary user starts the suite, PostgreSQL runs as that user, like everything else. If root starts it, PostgreSQL
runs under a uid that no user of the machine has. The machine is not changed: no user is made and no directory is opened
to others. (As `nobody` it would share its files and signals with every other process of that user.) If a directory on
the way to its files is closed to others (a checkout under /root), the process keeps the one capability that it needs to
pass.
"""

from __future__ import annotations

import os
import pwd
import random
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_UNPRIVILEGED = "nobody"
# Neither distributions nor systemd assign these uids.
_NUMBERS = range(60_578, 61_184)
# initdb looks for its neighbouring programs with access(2), which would ignore the capability without this bit.
_KEEPS = ("--securebits=+no_setuid_fixup",)
_READ_SEARCH, _OVERRIDE = ("dac_read_search", 2), ("dac_override", 1)


@dataclass(frozen=True, slots=True)
class RunAs:
    """The user that a program runs as. privileges: setpriv(1) options that change to it; empty for the present user."""

    uid: int
    gid: int
    privileges: tuple[str, ...] = ()


def run_as(reads: Iterable[Path], number: int | None = None) -> RunAs:
    """Return the user for a program that must reach the paths `reads`.

    number: the uid if root starts the program, None for that of `nobody`.
    """
    if os.geteuid() != 0:
        return RunAs(os.geteuid(), os.getegid())
    user = pwd.getpwnam(_UNPRIVILEGED)
    uid, gid = (user.pw_uid, user.pw_gid) if number is None else (number, number)
    return RunAs(uid, gid, _options(uid, gid, _capability_for(list(reads))))


def run_as_named(reads: Iterable[Path]) -> RunAs:
    """Return the user for a program that must run as a user with a name: under root, `nobody` with a capability.

    The capability keeps the other processes of `nobody` out: the kernel hides a process from processes with fewer
    capabilities.
    """
    who = run_as(reads)
    capability = _capability_for(list(reads)) or (_READ_SEARCH[0] if _holds(_READ_SEARCH[1]) else "")
    return RunAs(who.uid, who.gid, _options(who.uid, who.gid, capability)) if who.privileges else who


def number_for(directory: Path) -> int | None:
    """Return a uid to own a directory: the present owner's if it is one of ours, else one that is not in use.

    Return None if this process is not root, or if the machine has no such uid (a container that maps few).
    """
    if os.geteuid() != 0:
        return None
    owner = directory.stat().st_uid
    if owner in _NUMBERS:
        return owner
    taken = {user.pw_uid for user in pwd.getpwall()} | {_owner(path) for path in Path("/proc").glob("[0-9]*")}
    free = [number for number in _NUMBERS if number not in taken and _is_mapped(number)]
    return random.choice(free) if free else None


def _owner(path: Path) -> int:
    try:
        return path.stat().st_uid
    except OSError:  # it has ended
        return 0


def _is_mapped(number: int) -> bool:
    lines = Path("/proc/self/uid_map").read_text().splitlines()
    spans = [(int(first), int(count)) for first, _, count in map(str.split, lines)]
    return any(first <= number < first + count for first, count in spans)


def _options(uid: int, gid: int, capability: str) -> tuple[str, ...]:
    kept = (*_KEEPS, f"--inh-caps=+{capability}", f"--ambient-caps=+{capability}") if capability else ()
    return (f"--reuid={uid}", f"--regid={gid}", "--clear-groups", *kept)


def _capability_for(paths: list[Path]) -> str:
    if all(_open_to_others(path) for path in paths):
        return ""
    may_execute = all(_has(path, stat.S_IXOTH) for path in paths if path.is_file())
    wanted, bit = _READ_SEARCH
    return wanted if may_execute and _holds(bit) else _OVERRIDE[0]


def _open_to_others(path: Path) -> bool:
    return all(_has(part, stat.S_IXOTH) for part in (path, *path.resolve().parents))


def _has(path: Path, mode: int) -> bool:
    return bool(path.stat().st_mode & mode)


def _holds(bit: int) -> bool:
    lines = Path("/proc/self/status").read_text().splitlines()
    effective = next(line.split()[1] for line in lines if line.startswith("CapEff"))
    return bool(int(effective, 16) >> bit & 1)
