"""The suite, composed of its parts and their settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from services.boards import Links
from services.local import applications, keys, servers
from services.local.applications import Application
from services.local.encryption import tls_files
from services.local.files import CannotRun, private_directory, write_private
from services.local.monitoring import without_login
from services.local.parts import SuitePart
from services.local.ports import KeptPorts, is_free
from services.local.rendering import Alerts, rendered_alerts
from services.local.servers import Ground, SuiteServer
from services.local.suite_directory import CHECKOUT, SuiteDirectory

NOTICES = "notices"
_NAMES = (*servers.PORT_NAMES, *(name for name in applications.NAMES if name != applications.GATEWAY))


@dataclass(frozen=True, slots=True)
class Suite:
    """The suite's parts.

    stages: groups of parts, each started when the previous group is ready; environment: settings for services and
    commands; endpoints: the content of `.run/endpoints.json`.
    """

    stages: tuple[tuple[SuitePart, ...], ...]
    environment: Mapping[str, str]
    endpoints: Mapping[str, object]


def compose(layout: SuiteDirectory, given: Mapping[str, str]) -> Suite:
    """Return the suite, before anything is started. Raises CannotRun if a program is missing or a port is taken."""
    kept = keys.kept(layout.keys)  # first, because the keys mark the directory as this suite's
    tls = tls_files(layout.tls, given)
    ground = Ground(layout, given, KeptPorts(layout.ports, _NAMES), kept, tls)
    found = _applications(ground)
    database, broker = servers.database(ground), servers.broker(ground)
    monitoring = _monitoring(ground, found, broker)
    environment = _environment(ground, found, (database, broker, *monitoring))
    ingest = next(one for one in found if one.name == "ingest")
    environment["HALLPULSE_INGEST_METRICS_URL"] = ingest.metrics_url
    # The broker's port mapper starts first; without it the broker would start another one.
    beside = (*broker.parts[1:], *database.parts, *(part for server in monitoring for part in server.parts))
    services = tuple(_part(application, ground, environment, (database, broker)) for application in found)
    stages = tuple(filter(None, (broker.parts[:1], beside, services)))
    return Suite(stages, environment, _endpoints(found, environment) | ({"ca": tls.ca} if tls.ca else {}))


def _applications(ground: Ground) -> list[Application]:
    ports = {name: _port(ground, name) for name in applications.present()}
    return applications.applications(ground.layout, ports, ground.tls, ground.keys.metrics)


def _port(ground: Ground, name: str) -> int:
    own = ground.given.get("HALLPULSE_GATEWAY_PORT")
    if name != applications.GATEWAY or not own:
        return ground.ports.take(name)
    if not own.isdigit() or not is_free(int(own)):
        raise CannotRun(f"HALLPULSE_GATEWAY_PORT: expected a free port, got {own!r}")
    return int(own)


def _part(
    application: Application, ground: Ground, common: Mapping[str, str], all_servers: tuple[SuiteServer, ...]
) -> SuitePart:
    environment = dict(common)
    if application.name == applications.GATEWAY:
        environment["HALLPULSE_SUITE_STATE"] = str(ground.layout.state)
    for server in all_servers:
        environment |= server.for_services.get(application.name, {})
    return application.part(environment, ground.given, ground.layout.root)


def _monitoring(ground: Ground, found: list[Application], broker: SuiteServer) -> tuple[SuiteServer, SuiteServer]:
    alerts = _alerts(ground, _gateway_url(found))
    alertmanager = servers.alertmanager(ground, alerts)
    scraped = [*(one.job for one in found), *broker.scraped]
    url = alertmanager.environment["HALLPULSE_ALERTMANAGER_URL"]
    return alertmanager, servers.prometheus(ground, alerts, scraped, url)


def _alerts(ground: Ground, gateway: str) -> Alerts:
    pace = ground.given.get("HALLPULSE_INTERVALS") or "demo"
    receiver = f"http://{applications.HOST}:{_port(ground, NOTICES)}/v1/alerts"
    token_file = private_directory(ground.layout.alertmanager) / "notices.token"
    write_private(token_file, ground.keys.notices)
    gateway = ground.given.get("HALLPULSE_PUBLIC_URL") or gateway
    links = Links(gateway=gateway, grafana=ground.given.get("HALLPULSE_GRAFANA_URL", "").rstrip("/"))
    return rendered_alerts(_plans(ground.given), pace, receiver, links, str(token_file))


def _environment(ground: Ground, found: list[Application], all_servers: tuple[SuiteServer, ...]) -> dict[str, str]:
    environment = {
        "HALLPULSE_PLANS": str(_plans(ground.given)),
        "HALLPULSE_CALENDARS": str(_from_checkout(ground.given, "CALENDARS", "calendars")),
        "HALLPULSE_READ_TOKEN": ground.given.get("HALLPULSE_READ_TOKEN") or ground.keys.token,
        "HALLPULSE_NOTICES_TOKEN": ground.keys.notices,
        "HALLPULSE_METRICS_TOKEN": ground.keys.metrics,
        "HALLPULSE_NOTICES_URL": f"http://{applications.HOST}:{_port(ground, NOTICES)}",
        "HALLPULSE_GATEWAY_PORT": str(_port(ground, applications.GATEWAY)),
        "HALLPULSE_PUBLIC_URL": ground.given.get("HALLPULSE_PUBLIC_URL") or _gateway_url(found),
        "HALLPULSE_REPORTS_DIR": str(_reports(ground)),
        "HALLPULSE_BOUNDARIES": str(_boundaries(ground)),
    }
    if ground.tls.ca:
        environment["HALLPULSE_TLS_CA"] = ground.tls.ca
    for server in all_servers:
        environment |= server.environment
    return environment


def _reports(ground: Ground) -> Path:
    own = ground.given.get("HALLPULSE_REPORTS_DIR")
    return Path(own).absolute() if own else private_directory(ground.layout.reports)


def _boundaries(ground: Ground) -> Path:
    """Return the folder for boundaries, which need not be there."""
    return Path(ground.given.get("HALLPULSE_BOUNDARIES") or ground.layout.boundaries).absolute()


def _plans(given: Mapping[str, str]) -> Path:
    return _from_checkout(given, "PLANS", "plans")


def _from_checkout(given: Mapping[str, str], variable: str, name: str) -> Path:
    """Return the absolute path that the variable names, or of `name` in the checkout.

    It must be absolute, because services and commands run in other directories.
    """
    return Path(given.get(f"HALLPULSE_{variable}") or CHECKOUT / name).absolute()


def _endpoints(found: list[Application], environment: Mapping[str, str]) -> dict[str, object]:
    """Return the content of `.run/endpoints.json`, as the contract describes it.

    The URLs of the database, metrics, Prometheus and Alertmanager include their passwords.
    """
    return {
        "amqp": without_login(environment["HALLPULSE_AMQP_URL"]),
        "database": environment["HALLPULSE_DATABASE_URL"],
        "gateway": _gateway_url(found),
        "token": environment["HALLPULSE_READ_TOKEN"],
        "metrics": [application.metrics_url for application in found],
        "prometheus": environment["HALLPULSE_PROMETHEUS_URL"],
        "alertmanager": environment["HALLPULSE_ALERTMANAGER_URL"],
        "notices": environment["HALLPULSE_NOTICES_URL"],
    }


def _gateway_url(found: list[Application]) -> str:
    return next(application.url for application in found if application.name == applications.GATEWAY)
