"""A small disk of its own for a server's data, so that it can be filled without harm to the machine: a tmpfs.

The run has a mount namespace of its own (`own_mounts`): nobody else sees these disks, and they go when it ends,
however it ends.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

MIB = 1024**2
_INSIDE = "HALLPULSE_CHAOS_MOUNTS"


def own_mounts(argv: Sequence[str]) -> bool:
    """Whether disks can be mounted. Starts this program again in a mount namespace where it is not yet in one."""
    if os.environ.get(_INSIDE):
        return os.environ[_INSIDE] == "own"
    possible = os.geteuid() == 0 and _said("unshare", "--mount", "--propagation", "private", "true")
    os.environ[_INSIDE] = "own" if possible else "none"
    if possible:
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, *argv])
    return False


def _said(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


class Disk:
    """A directory; a disk of its own where `mebibytes` are given."""

    def __init__(self, directory: Path, mebibytes: int | None) -> None:
        self.directory = directory
        self._mounted = bool(mebibytes)
        self._ballast = directory / "ballast"
        directory.mkdir()
        if mebibytes:
            options = f"size={mebibytes}m,mode=755"
            subprocess.run(["mount", "-t", "tmpfs", "-o", options, "hallpulse-chaos", str(directory)], check=True)

    @property
    def free(self) -> int:
        found = os.statvfs(self.directory)
        return found.f_bavail * found.f_frsize

    def fill(self, leave: int = 0) -> int:
        """Take all room but so many bytes; how many bytes that took."""
        began = self.free
        with self._ballast.open("ab") as ballast:
            while (more := self.free - leave) > 0:
                try:
                    os.posix_fallocate(ballast.fileno(), ballast.tell(), min(more, 4 * MIB))
                except OSError:
                    break
                ballast.seek(0, os.SEEK_END)
        return began - self.free

    def empty(self) -> None:
        self._ballast.unlink(missing_ok=True)

    def release(self) -> None:
        """Let its directory be deleted."""
        if self._mounted:
            subprocess.run(["umount", "--lazy", str(self.directory)], check=False)
