"""PostgreSQL refuses to run as root: who runs it instead, and how it reaches its files.

Started by an ordinary user it runs as that user, as all else does. Started by root it runs as `nobody`, without any
change to the machine: no user is made and no directory is opened to others. Where a directory on the way to its
files is closed to others (a checkout under /root), the process keeps the one capability that lets it pass.
"""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_UNPRIVILEGED = "nobody"
# Without this bit access(2), by which initdb looks for its neighbours, would leave the capability out of account.
_KEEPS = ("--securebits=+no_setuid_fixup",)
_READ_SEARCH, _OVERRIDE = ("dac_read_search", 2), ("dac_override", 1)


@dataclass(frozen=True, slots=True)
class RunAs:
    """Empty `privileges`: as the user that is already there. Else the options of setpriv(1) that make it another."""

    uid: int
    gid: int
    privileges: tuple[str, ...] = ()


def run_as(reads: Iterable[Path]) -> RunAs:
    """For a program that needs the files `reads`."""
    if os.geteuid() != 0:
        return RunAs(os.geteuid(), os.getegid())
    user = pwd.getpwnam(_UNPRIVILEGED)
    capability = _capability_for(list(reads))
    kept = (*_KEEPS, f"--inh-caps=+{capability}", f"--ambient-caps=+{capability}") if capability else ()
    who = (f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups")
    return RunAs(user.pw_uid, user.pw_gid, (*who, *kept))


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
