"""The suite's own services as parts: `python -m services.NAME`, with their settings in the environment.

A service is told only the secrets that it needs: no administrator's address, no password of another.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from hallpulse.broker.stopped import EXIT_STATUS
from hallpulse.settings import DATABASE_SERVICES, service_database_variable
from hallpulse.tls import NO_FILES, TlsFiles, client_context
from services.local.layout import Layout
from services.local.monitoring import Job
from services.local.parts import Part
from services.local.probes import answers
from services.local.processes import Command

HOST = "127.0.0.1"
GATEWAY = "gateway"
_PATIENCE = 10.0
NAMES = (GATEWAY, "ingest", "catalogue", "targets", "reports", "notices")
# What a program needs of its caller besides its settings; no proxies: all its servers are on this machine or named.
_PASSED_ON = ("PATH", "HOME", "USER", "TMPDIR", "LANG", "TZ")


_BUT_THE_GATEWAY = tuple(name for name in NAMES if name != GATEWAY)
SECRETS: Mapping[str, tuple[str, ...]] = {
    "HALLPULSE_READ_TOKEN": (GATEWAY, "notices"),
    "HALLPULSE_NOTICES_TOKEN": ("notices",),
    "HALLPULSE_METRICS_TOKEN": _BUT_THE_GATEWAY,
    "HALLPULSE_MANAGEMENT_URL": (),
    "HALLPULSE_GATEWAY_AMQP_URL": (),
    "HALLPULSE_PROMETHEUS_URL": (),
    "HALLPULSE_ALERTMANAGER_URL": (),
    "HALLPULSE_GRAFANA_URL": (),
    "HALLPULSE_GRAFANA_TOKEN": (),
    **{service_database_variable(name): () for name in DATABASE_SERVICES},
}
"""Variable → the services that are told it; with those two by which every service finds its servers, all secrets."""


@dataclass(frozen=True, slots=True)
class Application:
    """`tls`: with a certificate it answers over HTTPS; `metrics_token`: opens its metrics, the gateway's need none."""

    name: str
    port: int
    log: Path
    tls: TlsFiles = NO_FILES
    metrics_token: str = ""

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def url(self) -> str:
        return f"{'https' if self.tls.cert else 'http'}://{self.address}"

    @property
    def metrics_url(self) -> str:
        """For programs: it holds the token that opens it."""
        shown = f"?token={self.metrics_token}" if self.metrics_token else ""
        return f"{self.url}/metrics{shown}"

    @property
    def job(self) -> Job:
        """How Prometheus fetches its metrics."""
        return Job(self.name, [self.address], TlsFiles(self.tls.ca), self.metrics_token)

    def part(self, environment: Mapping[str, str], given: Mapping[str, str], directory: Path) -> Part:
        probe = f"{self.url}/readyz" if self.name == GATEWAY else f"{self.url}/healthz"
        trusted = client_context(TlsFiles(self.tls.ca)) if self.tls.cert else None
        # -P: what lies in the directory of the data is not imported.
        argv = (sys.executable, "-P", "-m", f"services.{self.name}")
        own = {"HALLPULSE_TLS_CERT": self.tls.cert, "HALLPULSE_TLS_KEY": self.tls.key}
        own[f"HALLPULSE_{self._port_variable}"] = str(self.port)
        whole = told(self.name, _passed_on(given) | dict(environment)) | own
        # Without a supervisor nobody would end one that hangs; what it had not finished is done again by the next.
        command = Command(argv, whole, directory, self.log, dies_by=signal.SIGKILL)
        return Part(
            self.name,
            lambda: command,
            lambda _: answers(probe, trusted),
            address=self._page,
            patience=_PATIENCE,
            halts_with=EXIT_STATUS,
        )

    @property
    def _port_variable(self) -> str:
        return "GATEWAY_PORT" if self.name == GATEWAY else "METRICS_PORT"

    @property
    def _page(self) -> str:
        return f"{self.url}/" if self.name == GATEWAY else ""


def applications(layout: Layout, port_of: Mapping[str, int], tls: TlsFiles, metrics_token: str) -> list[Application]:
    """The gateway alone is asked from outside: the others show their metrics on the loopback address, in plain text.

    What its own metrics count (requests by documented route) is open, as the contract says.
    """
    return [
        Application(name, port_of[name], layout.log(name), tls)
        if name == GATEWAY
        else Application(name, port_of[name], layout.log(name), metrics_token=metrics_token)
        for name in present()
    ]


def told(name: str, environment: Mapping[str, str]) -> dict[str, str]:
    """An environment without the secrets that a service has no use for, and without the files that hold them."""
    withheld = {variable for variable, services in SECRETS.items() if name not in services}
    return {key: value for key, value in environment.items() if key.removesuffix("_FILE") not in withheld}


def present() -> list[str]:
    return [name for name in NAMES if find_spec(f"services.{name}.__main__")]


def _passed_on(given: Mapping[str, str]) -> dict[str, str]:
    own = {name: value for name, value in given.items() if name in _PASSED_ON or name.startswith("HALLPULSE_")}
    return own | {"PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}
