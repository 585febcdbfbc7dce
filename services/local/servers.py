"""The suite's servers: private ones, except those that the environment names."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from hallpulse.broker import GATEWAY_PERMISSIONS, GATEWAY_USER, declare, keep_everything, open_channel
from hallpulse.settings import DATABASE_SERVICES, service_database_variable, settings_from
from hallpulse.store import migrate
from hallpulse.tls import NO_FILES, TlsFiles
from services.local import probes, programs, rabbitmq
from services.local.encryption import scrape_files
from services.local.files import CannotRun
from services.local.keys import Keys
from services.local.monitoring import BROKER, Alertmanager, Prometheus, ScrapeJob
from services.local.pace import Pace, last_written
from services.local.parts import SuitePart
from services.local.ports import KeptPorts
from services.local.postgres import Postgres
from services.local.process_groups import Command
from services.local.rabbitmq import OPERATOR, BrokerPorts, RabbitMQ, User
from services.local.rendering import Alerts
from services.local.suite_directory import SuiteDirectory

PORT_NAMES = (
    "gateway",
    "prometheus",
    "alertmanager",
    "database",
    "broker",
    "broker-management",
    "broker-metrics",
    "broker-distribution",
    "broker-mapper",
)
_AMQP_PORTS = {"amqp": 5672, "amqps": 5671}
# A busy broker writes its queues to disk before it goes.
_BROKER_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Ground:
    """The common base of every server. given: the caller's environment; tls: certificates to encrypt with."""

    layout: SuiteDirectory
    given: Mapping[str, str]
    ports: KeptPorts
    keys: Keys
    tls: TlsFiles = NO_FILES


@dataclass(frozen=True, slots=True)
class SuiteServer:
    """A server of the suite. parts: in starting order; environment: its administrator's address, for commands.

    for_services: service → its address instead; scraped: the server's own metrics.
    """

    parts: tuple[SuitePart, ...]
    environment: Mapping[str, str]
    for_services: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    scraped: tuple[ScrapeJob, ...] = ()


def database(ground: Ground) -> SuiteServer:
    url = ground.given.get("HALLPULSE_DATABASE_URL")
    if url:
        named = {name: ground.given.get(service_database_variable(name), "") for name in DATABASE_SERVICES}
        logins = {name: login for name, login in named.items() if login}
        migrate(url, logins)
        return _elsewhere({"HALLPULSE_DATABASE_URL": url}, _database_logins(logins))
    layout = ground.layout
    server = Postgres(layout.database, layout.log("database"), ground.ports.take("database"), ground.keys.database)
    programs.postgres_programs()
    logins = {name: server.service_url(name, ground.keys.of_service(name)) for name in DATABASE_SERVICES}
    prepared = _prepared(server, logins)
    part = SuitePart("database", server.command, server.is_ready, prepared, stop=signal.SIGINT, patience=30.0)
    return SuiteServer((part,), {"HALLPULSE_DATABASE_URL": server.url()}, _database_logins(logins))


def _database_logins(logins: Mapping[str, str]) -> dict[str, dict[str, str]]:
    return {name: {"HALLPULSE_DATABASE_URL": login} for name, login in logins.items()}


def _prepared(server: Postgres, logins: Mapping[str, str]) -> Callable[[], None]:
    def prepare() -> None:
        server.ensure_database()
        migrate(server.url(), logins)

    return prepare


def broker(ground: Ground) -> SuiteServer:
    url = ground.given.get("HALLPULSE_AMQP_URL")
    if url:
        _check_broker(url)
        _declare({"HALLPULSE_AMQP_URL": url}, ground)
        return _elsewhere({"HALLPULSE_AMQP_URL": url})
    programs.rabbitmq_server()
    programs.epmd()
    operator = User(OPERATOR, ground.keys.operator, tags="administrator")
    # It may speak for every hall, and do nothing else.
    gateway = User(GATEWAY_USER, ground.keys.gateway, GATEWAY_PERMISSIONS)
    log = ground.layout.log("broker")
    shown = scrape_files(ground.layout.scraping)
    server = RabbitMQ(ground.layout.broker, log, _broker_ports(ground), (operator, gateway), ground.tls, shown.server)
    environment = {
        "HALLPULSE_AMQP_URL": server.amqp_url(operator),
        "HALLPULSE_MANAGEMENT_URL": server.management_url(operator),
    }
    scraped = (ScrapeJob(BROKER, [f"{server.host}:{server.ports.metrics}"], shown.client),)
    parts = _broker_parts(server, lambda: _declare(environment, ground))
    return SuiteServer(parts, environment, {"gateway": {"HALLPULSE_AMQP_URL": server.amqp_url(gateway)}}, scraped)


def _declare(urls: Mapping[str, str], ground: Ground) -> None:
    """Declare the topology before any service starts, so that events published once the suite is ready find the
    exchange.
    """
    named = {name: value for name, value in ground.given.items() if name.startswith("HALLPULSE_")}
    trusted = {"HALLPULSE_TLS_CA": ground.tls.ca} if ground.tls.ca else {}
    settings = settings_from({**named, **trusted, **urls, "HALLPULSE_DATABASE_URL": "any"})
    with open_channel(settings.amqp_url) as channel:
        declare(channel, settings.partitions)
    if settings.management_url:
        keep_everything(settings.management_url, settings.amqp_url)


def _broker_ports(ground: Ground) -> BrokerPorts:
    take = ground.ports.take
    return BrokerPorts(
        amqp=take("broker"),
        management=take("broker-management"),
        metrics=take("broker-metrics"),
        distribution=take("broker-distribution"),
        mapper=take("broker-mapper"),
    )


def _broker_parts(server: RabbitMQ, on_ready: Callable[[], None]) -> tuple[SuitePart, SuitePart]:
    mapper = SuitePart("broker-mapper", server.mapper_command, lambda _: server.mapper_is_ready())
    return mapper, SuitePart("broker", server.command, lambda _: server.is_ready(), on_ready, patience=_BROKER_PATIENCE)


def _check_broker(url: str) -> None:
    parts = urlsplit(url)
    port = parts.port or _AMQP_PORTS.get(parts.scheme)
    if not parts.hostname or not port:
        raise CannotRun("HALLPULSE_AMQP_URL: expected amqp://USER:PASSWORD@HOST:PORT/VHOST")
    if parts.scheme == "amqp" and not probes.speaks_amqp(parts.hostname, port):
        raise CannotRun(f"no broker answers at {parts.hostname}:{port} (HALLPULSE_AMQP_URL)")


def alertmanager(ground: Ground, alerts: Alerts) -> SuiteServer:
    url = ground.given.get("HALLPULSE_ALERTMANAGER_URL")
    if url:
        return _elsewhere({"HALLPULSE_ALERTMANAGER_URL": url})
    programs.alertmanager()
    layout, port = ground.layout, ground.ports.take("alertmanager")
    log, keys = layout.log("alertmanager"), ground.keys
    server = Alertmanager(layout.alertmanager, log, port, keys.alertmanager, keys.alertmanager_path, alerts.routing)
    part = SuitePart("alertmanager", server.command, lambda _: server.is_ready(), address=server.page)
    return SuiteServer((part,), {"HALLPULSE_ALERTMANAGER_URL": server.url})


def prometheus(ground: Ground, alerts: Alerts, scraped: Sequence[ScrapeJob], alertmanager_url: str) -> SuiteServer:
    url = ground.given.get("HALLPULSE_PROMETHEUS_URL")
    if url:
        return _elsewhere({"HALLPULSE_PROMETHEUS_URL": url})
    programs.prometheus()
    layout, port = ground.layout, ground.ports.take("prometheus")
    log, password = layout.log("prometheus"), ground.keys.prometheus
    server = Prometheus(layout.prometheus, log, port, password, scraped, alerts.rules, alertmanager_url)
    logs = _logs(ground)
    pace = Pace(lambda: last_written(logs), server.turn)

    def command() -> Command:
        pace.restart()
        return server.command()

    part = SuitePart("prometheus", command, lambda _: server.is_ready(), beat=pace.beat, address=server.page)
    return SuiteServer((part,), {"HALLPULSE_PROMETHEUS_URL": server.url, "HALLPULSE_RULES": str(server.rules_folder)})


def _logs(ground: Ground) -> list[tuple[Path, str]]:
    """Return where the private broker writes what is queued, and the supervisor the states of the parts.

    Every event is queued first. The database's own log is written to at other times too, when it tidies up.
    """
    layout = ground.layout
    if ground.given.get("HALLPULSE_AMQP_URL"):
        return []
    return [(layout.broker, rabbitmq.WRITTEN_AHEAD), (layout.root, layout.state.name)]


def _elsewhere(
    environment: Mapping[str, str], for_services: Mapping[str, Mapping[str, str]] = MappingProxyType({})
) -> SuiteServer:
    return SuiteServer((), environment, for_services)
