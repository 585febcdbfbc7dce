"""Ports of the loopback address. A suite chooses them once and keeps them: hall systems are configured with them."""

from __future__ import annotations

import json
import random
import socket
from collections.abc import Sequence
from pathlib import Path

from services.local.files import CannotRun, write_private

HOST = "127.0.0.1"
# Below 32768: from there on the kernel takes ports for outgoing connections.
_LOWEST, _HIGHEST = 20_000, 32_000
_ATTEMPTS = 500


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def choose(names: Sequence[str]) -> dict[str, int]:
    """Return a free port for each name. The ports are neighbours, so that they are easy to tell from another suite's.

    Raises CannotRun if no such block of ports is found.
    """
    for _ in range(_ATTEMPTS):
        first = random.randrange(_LOWEST, _HIGHEST - len(names))
        block = range(first, first + len(names))
        if all(map(is_free, block)):
            return dict(zip(names, block, strict=True))
    raise CannotRun(f"no {len(names)} neighbouring free ports on {HOST} between {_LOWEST} and {_HIGHEST}")


class KeptPorts:
    """A suite's ports, kept in a file from its first start on. A name that the file lacks gets a new port."""

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        self._path = path
        self._ports = _read(path)
        missing = [name for name in names if name not in self._ports]
        if missing:
            self._ports |= choose(missing)
            write_private(path, json.dumps(self._ports, indent=1))

    def take(self, name: str) -> int:
        """Return the port of a name. Raises CannotRun if another program uses it."""
        port = self._ports[name]
        if not is_free(port):
            raise CannotRun(
                f"port {port} ({name}) is taken by another program: "
                f"stop that one, or delete {self._path} to choose new ports"
            )
        return port


def _read(path: Path) -> dict[str, int]:
    try:
        ports = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise CannotRun(f"{path}: expected a JSON object of ports ({error}); delete it to choose new ones") from None
    if not isinstance(ports, dict) or not all(isinstance(port, int) for port in ports.values()):
        raise CannotRun(f"{path}: expected a JSON object of ports; delete it to choose new ones")
    return ports
