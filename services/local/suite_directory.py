"""The paths of a suite's directory."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from services.local.files import CannotRun, private_directory

CHECKOUT = Path(__file__).resolve().parents[2]
_ENOUGH_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class SuiteDirectory:
    root: Path

    @property
    def endpoints(self) -> Path:
        """Addresses and keys for clients; the file exists only while the suite is ready."""
        return self.root / "endpoints.json"

    @property
    def environment(self) -> Path:
        """HALLPULSE_… variables by which services and commands find the servers."""
        return self.root / "environment.json"

    @property
    def ports(self) -> Path:
        return self.root / "ports.json"

    @property
    def keys(self) -> Path:
        return self.root / "keys.json"

    @property
    def state(self) -> Path:
        """The suite's running processes; `status` shows them and `down` ends them."""
        return self.root / "state.json"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def database(self) -> Path:
        return self.root / "database"

    @property
    def broker(self) -> Path:
        return self.root / "broker"

    @property
    def prometheus(self) -> Path:
        return self.root / "prometheus"

    @property
    def alertmanager(self) -> Path:
        return self.root / "alertmanager"

    @property
    def outbox(self) -> Path:
        """Events from `hallpulse publish` that the suite's broker has not confirmed."""
        return self.root / "outbox.sqlite"

    @property
    def reports(self) -> Path:
        """Monthly reports that were written on schedule."""
        return self.root / "reports"

    @property
    def boundaries(self) -> Path:
        """Boundaries for the page's maps; they may be put here before the suite ran for the first time."""
        return self.root / "boundaries"

    @property
    def tls(self) -> Path:
        """Certificates made for this suite; clients must trust ca.pem."""
        return self.root / "tls"

    @property
    def scraping(self) -> Path:
        """Certificates by which the broker recognises this suite's Prometheus."""
        return self.root / "scraping"

    @property
    def logs(self) -> Path:
        return self.root / "log"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def prepare(self) -> None:
        """Make the root directory. Raises CannotRun if it is not writable, holds other data or has too little space."""
        private_directory(self.root)
        if not os.access(self.root, os.W_OK | os.X_OK):
            raise CannotRun(f"{self.root} is not writable: choose another directory with --dir")
        foreign = [directory.name for directory in self._directories if directory.exists()]
        if foreign and not self.keys.exists():
            raise CannotRun(f"{self.root} holds other data ({', '.join(foreign)}): choose another directory with --dir")
        free = shutil.disk_usage(self.root).free
        if free < _ENOUGH_BYTES:
            raise CannotRun(f"only {free >> 20} MB free in {self.root}: at least {_ENOUGH_BYTES >> 20} MB are needed")

    def purge(self) -> None:
        """Delete the data, and the root directory if it is then empty. A directory without keys is left as it is."""
        if not self.keys.exists():
            return
        for directory in (*self._directories, self.boundaries):
            shutil.rmtree(directory, ignore_errors=True)
        files = (self.endpoints, self.environment, self.ports, self.state, self.lock, self.keys)
        for file in (*files, *self.logs.glob("*.log*"), *self.root.glob(f"{self.outbox.name}*")):
            file.unlink(missing_ok=True)
        for directory in (self.logs, self.root):
            if directory.is_dir() and not any(directory.iterdir()):
                directory.rmdir()

    @property
    def _directories(self) -> tuple[Path, ...]:
        return (self.database, self.broker, self.prometheus, self.alertmanager, self.tls, self.scraping, self.reports)


def default_directory() -> Path:
    """Return `.run` in the checkout that this command is from; without a checkout, in the current directory."""
    home = CHECKOUT if (CHECKOUT / "pyproject.toml").is_file() else Path.cwd()
    return home / ".run"
