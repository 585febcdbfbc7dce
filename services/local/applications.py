"""The suite's services as parts: each runs as `python -m services.NAME` and finds its settings in the environment.

A service gets only the secrets that it needs: neither the administrator's address nor another service's password.
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
from services.local.monitoring import ScrapeJob
from services.local.parts import SuitePart
from services.local.probes import answers
from services.local.process_groups import Command
from services.local.suite_directory import SuiteDirectory

HOST = "127.0.0.1"
GATEWAY = "gateway"
_PATIENCE = 10.0
NAMES = (GATEWAY, "ingest", "catalogue", "targets", "reports", "notices")
# Variables that a service inherits besides its settings. No proxy: all servers are on this machine or named by address.
_PASSED_ON = ("PATH", "HOME", "USER", "TMPDIR", "LANG", "TZ")


_BUT_THE_GATEWAY = tuple(name for name in NAMES if name != GATEWAY)
SECRETS: Mapping[str, tuple[str, ...]] = {
    "HALLPULSE_READ_TOKEN": (GATEWAY, "notices"),
    "HALLPULSE_NOTICES_TOKEN": ("notices",),
    "HALLPULSE_METRICS_TOKEN": _BUT_THE_GATEWAY,
    "HALLPULSE_MANAGEMENT_URL": (),
    "HALLPULSE_PREVIOUS_DATABASE_URL": (),
    "HALLPULSE_PREVIOUS_MANAGEMENT_URL": (),
    "HALLPULSE_GATEWAY_AMQP_URL": (),
    "HALLPULSE_PROMETHEUS_URL": (),
    "HALLPULSE_ALERTMANAGER_URL": ("notices",),
    "HALLPULSE_INGEST_METRICS_URL": (GATEWAY,),
    "HALLPULSE_OIDC_CLIENT_SECRET": (GATEWAY,),
    "HALLPULSE_GRAFANA_URL": (),
    "HALLPULSE_GRAFANA_TOKEN": (),
    **{service_database_variable(name): () for name in DATABASE_SERVICES},
}
"""Secret variable → the services that get it. The addresses of database and broker, secret too, are set a service."""


@dataclass(frozen=True, slots=True)
class Application:
    """A service of the suite. tls: its certificate for HTTPS; metrics_token: opens its metrics, "" for the gateway."""

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
        """The URL of the service's metrics for programs, with the token that opens them."""
        shown = f"?token={self.metrics_token}" if self.metrics_token else ""
        return f"{self.url}/metrics{shown}"

    @property
    def job(self) -> ScrapeJob:
        """Return the scrape job for its metrics."""
        return ScrapeJob(self.name, [self.address], TlsFiles(self.tls.ca), self.metrics_token)

    def part(self, environment: Mapping[str, str], given: Mapping[str, str], directory: Path) -> SuitePart:
        probe = f"{self.url}/readyz" if self.name == GATEWAY else f"{self.url}/healthz"
        trusted = client_context(TlsFiles(self.tls.ca)) if self.tls.cert else None
        # -P: do not import modules from the current directory, which holds the data.
        argv = (sys.executable, "-P", "-m", f"services.{self.name}")
        own = {"HALLPULSE_TLS_CERT": self.tls.cert, "HALLPULSE_TLS_KEY": self.tls.key}
        own[f"HALLPULSE_{self._port_variable}"] = str(self.port)
        whole = told(self.name, _passed_on(given) | dict(environment)) | own
        # SIGKILL, because a service that hangs would outlive its supervisor. The next start repeats unfinished work.
        command = Command(argv, whole, directory, self.log, dies_by=signal.SIGKILL)
        return SuitePart(
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


def applications(
    layout: SuiteDirectory, port_of: Mapping[str, int], tls: TlsFiles, metrics_token: str
) -> list[Application]:
    """Return the suite's services.

    Only the gateway can be reached from outside; the others serve their metrics on the loopback address, in plain text.
    The gateway's own metrics (requests by documented route) are open, as the contract says.
    """
    return [
        Application(name, port_of[name], layout.log(name), tls)
        if name == GATEWAY
        else Application(name, port_of[name], layout.log(name), metrics_token=metrics_token)
        for name in present()
    ]


def told(name: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without the secrets that a service does not need.

    A variable NAME_FILE, the file that holds the secret NAME, is withheld together with NAME.
    """
    withheld = {variable for variable, services in SECRETS.items() if name not in services}
    return {key: value for key, value in environment.items() if key.removesuffix("_FILE") not in withheld}


def present() -> list[str]:
    return [name for name in NAMES if find_spec(f"services.{name}.__main__")]


def _passed_on(given: Mapping[str, str]) -> dict[str, str]:
    own = {name: value for name, value in given.items() if name in _PASSED_ON or name.startswith("HALLPULSE_")}
    return own | {"PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}
