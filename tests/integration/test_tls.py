"""Encryption on real servers: what it lets through, and that nothing else is let through."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest
from sqlalchemy import create_engine, make_url, text

from hallpulse.broker import declare, open_channel
from hallpulse.broker.management import BrokerUsers
from hallpulse.domain.errors import HallpulseError
from hallpulse.publisher import Publisher
from hallpulse.publisher.confirmed_channel import ConfirmedChannel
from hallpulse.store import hash_of, migrate, open_store
from hallpulse.tls import client_context, trusting
from services.local import ports
from services.local.process_groups import wait_until
from tests.authority import Authority, authority
from tests.consuming import consuming, decoder
from tests.gateway_process import ROOT
from tests.hall_events import changed
from tests.moments import ask
from tests.servers import BrokerServer, PostgresServer, Vhost, broker_server
from tests.tls_database import programs_of_the_distribution, tls_database

SERVICES = ("gateway", "ingest", "catalogue", "notices")
BINARIES = programs_of_the_distribution()
needs_postgres = pytest.mark.skipif(BINARIES is None, reason="needs PostgreSQL with TLS: apt-get install postgresql")


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("tls") / "ours")


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("tls") / "others")


@pytest.fixture(scope="module")
def broker(ours: Authority) -> Iterator[BrokerServer]:
    with broker_server(ours.server) as server:
        yield server


@pytest.fixture(scope="module")
def vhost(broker: BrokerServer, ours: Authority) -> Iterator[Vhost]:
    with broker.fresh_vhost() as fresh:
        amqp, management = (trusting(url, ours.trust.ca) for url in (fresh.amqp_url, fresh.management_url))
        with open_channel(amqp) as channel:
            declare(channel, 2)
        yield replace(fresh, amqp_url=amqp, management_url=management)


@pytest.fixture(scope="module")
def database(ours: Authority, postgres: PostgresServer) -> Iterator[str]:
    """Of PostgreSQL with TLS where there is one; else the services' test does without."""
    with ExitStack() as stack:
        if BINARIES is not None:
            plain = stack.enter_context(tls_database(BINARIES, ours))
            url = f"{plain}?sslmode=verify-full&sslrootcert={ours.trust.ca}"
        else:
            url = stack.enter_context(postgres.fresh_database())
        migrate(url)
        yield url


@dataclass(frozen=True)
class Service:
    process: subprocess.Popen[str]
    log: Path
    port: int

    def client(self, scheme: str, ca: str) -> httpx.Client:
        trusted = ssl.create_default_context(cafile=ca)
        return httpx.Client(base_url=f"{scheme}://127.0.0.1:{self.port}", verify=trusted, trust_env=False)

    def get(self, scheme: str, path: str, ca: str) -> httpx.Response:
        with self.client(scheme, ca) as client:
            return client.get(path)


def started(name: str, folder: Path, settings: Mapping[str, str]) -> Service:
    port, log = ports.choose([name])[name], folder / f"{name}.log"
    variable = "HALLPULSE_GATEWAY_PORT" if name == "gateway" else "HALLPULSE_METRICS_PORT"
    environment = {**os.environ, **settings, variable: str(port), "PYTHONPATH": f"{ROOT / 'shared'}:{ROOT}"}
    with log.open("w") as stderr:
        argv = [sys.executable, "-m", f"services.{name}"]
        return Service(subprocess.Popen(argv, cwd=ROOT, env=environment, stderr=stderr, text=True), log, port)


@pytest.fixture(scope="module")
def all_services(
    vhost: Vhost, database: str, ours: Authority, others: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[dict[str, Service], dict[str, Service]]]:
    """Started at the same time, which is quicker: those of `services` and of `strangers`."""
    folder, elsewhere = tmp_path_factory.mktemp("services"), tmp_path_factory.mktemp("strangers")
    settings = {
        "HALLPULSE_AMQP_URL": vhost.amqp_url.partition("?")[0],
        "HALLPULSE_DATABASE_URL": database,
        "HALLPULSE_TLS_CA": ours.server.ca,
        "HALLPULSE_PARTITIONS": "2",
        "HALLPULSE_CALENDARS": str(folder),
    }
    encrypted = settings | {"HALLPULSE_TLS_CERT": ours.server.cert, "HALLPULSE_TLS_KEY": ours.server.key}
    running = {name: started(name, folder, encrypted) for name in SERVICES}
    misled = settings | {"HALLPULSE_TLS_CA": others.trust.ca}
    strangers = {name: started(name, elsewhere, misled) for name in ("gateway", "catalogue")}
    try:
        yield running, strangers
    finally:
        for one in (*running.values(), *strangers.values()):
            one.process.send_signal(signal.SIGTERM)
        for one in (*running.values(), *strangers.values()):
            one.process.wait(30)


@pytest.fixture
def services(all_services: tuple[dict[str, Service], dict[str, Service]]) -> dict[str, Service]:
    """With a certificate, a broker and a database that they trust; ready."""
    running, _ = all_services
    for one in running.values():
        assert wait_until(lambda one=one: "ready" in one.log.read_text() or one.process.poll() is not None, 120)
    return running


@pytest.fixture
def strangers(all_services: tuple[dict[str, Service], dict[str, Service]]) -> dict[str, Service]:
    """Told to trust an authority that is not the broker's."""
    return all_services[1]


def fault(attempt: Callable[[], object]) -> str:
    """The one line with which it is refused."""
    with pytest.raises(HallpulseError) as refused:
        attempt()
    assert "\n" not in str(refused.value)
    return str(refused.value)


def opened(url: str) -> None:
    with open_channel(url):
        pass


def test_events_reach_the_consumer_through_an_encrypted_broker(vhost: Vhost, broker: BrokerServer) -> None:
    """More than fits into what is read at once."""
    with broker.fresh_vhost() as other:
        url = vhost.amqp_url.replace(vhost.name, other.name).replace(vhost.password, other.password)
        with open_channel(url) as channel:
            declare(channel, 2)
        password = BrokerUsers(vhost.management_url, other.name).put(222424, "hall-1", ["case"])
        hall_url = url.replace(f"{other.user}:{other.password}", f"222424.hall-1:{password}")
        with Publisher(hall_url) as publisher:
            for number in range(3000):
                publisher.send(changed(source="/222424/hall-1", id=f"e{number}"))
        with consuming(replace(other, amqp_url=url), decode=decoder("nobody")) as running:
            assert wait_until(lambda: len(running.ids) == 3000, 20)


@pytest.mark.attack
def test_the_broker_hears_nobody_in_plain_text(vhost: Vhost, broker: BrokerServer) -> None:
    plain = vhost.amqp_url.replace("amqps:", "amqp:").partition("?")[0]
    assert fault(lambda: opened(plain)).startswith("broker: ")
    pipeline = ConfirmedChannel(plain)
    assert fault(lambda: pipeline.start(10)).startswith("broker at 127.0.0.1:")
    management = broker.management_url.replace("https:", "http:")
    assert fault(lambda: BrokerUsers(management).remove(222424, "nobody")).startswith("broker management: ")


@pytest.mark.attack
def test_a_broker_of_another_authority_or_another_name_gets_no_password(vhost: Vhost, others: Authority) -> None:
    plain = vhost.amqp_url.partition("?")[0]
    for url in (trusting(plain, others.trust.ca), plain):
        assert "certificate verify failed" in fault(lambda url=url: opened(url))
        pipeline = ConfirmedChannel(url)
        assert "certificate verify failed" in fault(lambda pipeline=pipeline: pipeline.start(10))
    assert "not valid for '127.1'" in fault(lambda: opened(vhost.amqp_url.replace("@127.0.0.1:", "@127.1:")))
    management = trusting(vhost.management_url.partition("?")[0], others.trust.ca)
    assert "certificate verify failed" in fault(lambda: BrokerUsers(management).remove(222424, "nobody"))


def test_a_client_may_show_a_certificate_but_not_a_strangers(vhost: Vhost, ours: Authority, others: Authority) -> None:
    for who, comes_in in ((ours, True), (others, False)):
        url = f"{vhost.amqp_url}&certfile={who.folder / 'client.pem'}&keyfile={who.folder / 'client.key'}"
        if comes_in:
            opened(url)
        else:
            assert fault(lambda url=url: opened(url)).startswith("broker: ")


@pytest.mark.attack
def test_the_broker_takes_nothing_older_than_tls_1_2(broker: BrokerServer, ours: Authority) -> None:
    ports_ = broker.server.ports
    for port in (ports_.amqp, ports_.management):
        old = client_context(ours.trust)
        old.set_ciphers("DEFAULT:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="TLSv1"):
            old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        with socket.create_connection(("127.0.0.1", port)) as plain, pytest.raises(ssl.SSLError, match=r"(?i)version"):
            old.wrap_socket(plain, server_hostname="127.0.0.1")


@pytest.mark.attack
@pytest.mark.parametrize("name", SERVICES)
def test_a_service_with_a_certificate_answers_over_https_alone(
    services: dict[str, Service], ours: Authority, others: Authority, name: str
) -> None:
    service = services[name]
    with pytest.raises(httpx.TransportError):
        service.get("http", "/metrics", ours.trust.ca)
    with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
        service.get("https", "/metrics", others.trust.ca)
    assert service.get("https", "/metrics", ours.trust.ca).status_code == 200
    assert service.process.poll() is None
    assert len(service.log.read_text().splitlines()) == 1, service.log.read_text()
    assert "ready" in service.log.read_text()


def test_an_event_posted_over_https_is_stored(services: dict[str, Service], database: str, ours: Authority) -> None:
    store = open_store(database)
    store.halls.add(222424, "hall-1", ["case"], hash_of("token"))
    with services["gateway"].client("https", ours.trust.ca) as client:
        assert client.get("/readyz").json() == {"status": "ready", "broker": True, "database": True}
        headers = {"authorization": "Bearer token", "content-type": "application/cloudevents+json"}
        posted = client.post("/v1/events", json=changed(source="/222424/hall-1"), headers=headers)
    assert posted.status_code == 202, posted.text
    assert wait_until(lambda: ask(store).event_counts(222424) == {"hall-1": 1}, 20)
    store.close()


@pytest.mark.parametrize("name", ["gateway", "catalogue"])
def test_a_service_that_does_not_know_the_brokers_authority_says_so_in_one_line(
    strangers: dict[str, Service], name: str
) -> None:
    service = strangers[name]
    assert service.process.wait(30) == 1
    (line,) = service.log.read_text().splitlines()
    assert line.startswith(f"{name}: broker")
    assert "certificate verify failed" in line


@pytest.mark.attack
@needs_postgres
def test_the_database_takes_encrypted_connections_alone(database: str, others: Authority) -> None:
    url = make_url(database)
    engine = create_engine(url.set(drivername="postgresql+psycopg"))
    with engine.connect() as connection:
        mine = text("SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        assert connection.execute(mine).one() == (True, "TLSv1.3")
    engine.dispose()
    for query, said in (
        ({"sslmode": "disable"}, "no encryption"),
        ({"sslmode": "verify-full", "sslrootcert": others.trust.ca}, "certificate verify failed"),
        ({"sslmode": "verify-full", "sslrootcert": "/none/ca.pem"}, 'file "/none/ca.pem" does not exist'),
    ):
        store = open_store(url.set(query=query).render_as_string(hide_password=False))
        assert said in fault(store.ping)
        store.close()
