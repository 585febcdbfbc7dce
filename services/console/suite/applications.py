"""The suite's own services as parts: `python -m services.NAME`, with their settings in the environment."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from hallpulse.broker.stopped import EXIT_STATUS
from services.console.suite.layout import Layout
from services.console.suite.parts import Part
from services.console.suite.probes import answers
from services.console.suite.processes import Command

HOST = "127.0.0.1"
GATEWAY = "gateway"
_PATIENCE = 10.0
NAMES = (GATEWAY, "ingest", "catalogue", "targets", "reports", "notices")
# What a program needs of its caller besides its settings; no proxies: all its servers are on this machine or named.
_PASSED_ON = ("PATH", "HOME", "USER", "TMPDIR", "LANG", "TZ")


@dataclass(frozen=True, slots=True)
class Application:
    name: str
    port: int
    log: Path

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def metrics_url(self) -> str:
        return f"http://{self.address}/metrics"

    def part(self, environment: Mapping[str, str], given: Mapping[str, str], directory: Path) -> Part:
        probe = f"http://{self.address}/readyz" if self.name == GATEWAY else self.metrics_url
        # -P: what lies in the directory of the data is not imported.
        argv = (sys.executable, "-P", "-m", f"services.{self.name}")
        whole = _passed_on(given) | dict(environment) | {f"HALLPULSE_{self._port_variable}": str(self.port)}
        # Without a supervisor nobody would end one that hangs; what it had not finished is done again by the next.
        command = Command(argv, whole, directory, self.log, dies_by=signal.SIGKILL)
        return Part(
            self.name,
            lambda: command,
            lambda _: answers(probe),
            address=self._page,
            patience=_PATIENCE,
            halts_with=EXIT_STATUS,
        )

    @property
    def _port_variable(self) -> str:
        return "GATEWAY_PORT" if self.name == GATEWAY else "METRICS_PORT"

    @property
    def _page(self) -> str:
        return f"http://{self.address}/" if self.name == GATEWAY else ""


def applications(layout: Layout, port_of: Mapping[str, int]) -> list[Application]:
    return [Application(name, port_of[name], layout.log(name)) for name in present()]


def present() -> list[str]:
    return [name for name in NAMES if find_spec(f"services.{name}.__main__")]


def _passed_on(given: Mapping[str, str]) -> dict[str, str]:
    own = {name: value for name, value in given.items() if name in _PASSED_ON or name.startswith("HALLPULSE_")}
    return own | {"PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}
