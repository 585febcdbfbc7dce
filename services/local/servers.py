"""The suite's servers. The suite runs a private one of each kind unless the environment names a server."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from hallpulse.broker import GATEWAY_PERMISSIONS, GATEWAY_USER, declare, keep_everything, open_channel
from hallpulse.nodes import each_node
from hallpulse.settings import DATABASE_SERVICES, service_database_variable, settings_from
from hallpulse.store import migrate, replace_owner_password
from hallpulse.tls import NO_FILES, TlsFiles
from services.local import probes, programs, rabbitmq
from services.local.encryption import scrape_files
from services.local.files import CannotRun
from services.local.keys import Keys, forget_previous
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
# A busy broker writes its queues to disk before it ends.
_BROKER_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Ground:
    """The data that every server is made from. given: the caller's environment; tls: certificates to encrypt with."""

    layout: SuiteDirectory
    given: Mapping[str, str]
    ports: KeptPorts
    keys: Keys
    tls: TlsFiles = NO_FILES


@dataclass(frozen=True, slots=True)
class SuiteServer:
    """A server of the suite. parts: its processes in starting order; environment: its address for the administrator.

    for_services: service → variables that replace those of `environment`; scraped: jobs for the server's own metrics.
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
    prepared = _prepared(server, logins, ground)
    part = SuitePart("database", server.command, server.is_ready, prepared, stop=signal.SIGINT, patience=30.0)
    return SuiteServer((part,), {"HALLPULSE_DATABASE_URL": server.url()}, _database_logins(logins))


def _database_logins(logins: Mapping[str, str]) -> dict[str, dict[str, str]]:
    return {name: {"HALLPULSE_DATABASE_URL": login} for name, login in logins.items()}


def _prepared(server: Postgres, logins: Mapping[str, str], ground: Ground) -> Callable[[], None]:
    def prepare() -> None:
        if previous := ground.keys.previous_database:
            replace_owner_password(replace(server, password=previous).url("postgres"), server.url("postgres"))
            forget_previous(ground.layout.keys)
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
    # The gateway's user may publish for every hall, and do nothing else.
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
    """Declare the exchanges and queues before any service starts, so that events published from then on are kept."""
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
    found = [_place_of(node) for node in each_node(url)]
    if url.startswith("amqp:") and not any(probes.speaks_amqp(*place) for place in found):
        shown = ", ".join(f"{host}:{port}" for host, port in found)
        raise CannotRun(f"no broker answers at {shown} (HALLPULSE_AMQP_URL)")


def _place_of(node_url: str) -> tuple[str, int]:
    parts = urlsplit(node_url)
    port = parts.port or _AMQP_PORTS.get(parts.scheme)
    if not parts.hostname or not port:
        raise CannotRun("HALLPULSE_AMQP_URL: expected amqp://USER:PASSWORD@HOST:PORT/VHOST")
    return parts.hostname, port


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
    """Return folder and pattern of the files that are written when something happens; none if the broker is not ours.

    These are the broker's log of its queues, where every event comes first, and the supervisor's states of the parts.
    The database's log does not serve: the database writes to it for its upkeep, too.
    """
    layout = ground.layout
    if ground.given.get("HALLPULSE_AMQP_URL"):
        return []
    return [(layout.broker, rabbitmq.WRITTEN_AHEAD), (layout.root, layout.state.name)]


def _elsewhere(
    environment: Mapping[str, str], for_services: Mapping[str, Mapping[str, str]] = MappingProxyType({})
) -> SuiteServer:
    return SuiteServer((), environment, for_services)
