"""Encryption on real servers: what it lets through, and that nothing else is let through."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hallpulse.broker import declare, open_channel
from hallpulse.broker.users import BrokerUsers
from hallpulse.domain.errors import HallpulseError
from hallpulse.publisher import Publisher
from hallpulse.tls import TlsFiles, with_files
from services.console.certificates import make_certificates
from services.console.commands.certs import certificate_files
from tests.consuming import consuming, decoder
from tests.hall_events import changed
from tests.ingesting import wait_until
from tests.servers import BrokerServer, Vhost, broker_server


@dataclass(frozen=True)
class Authority:
    """A test authority's files, as `hallpulse certs` writes them."""

    folder: Path

    @property
    def trust(self) -> TlsFiles:
        return TlsFiles(str(self.folder / "ca.pem"))

    @property
    def server(self) -> TlsFiles:
        return TlsFiles(self.trust.ca, str(self.folder / "server.pem"), str(self.folder / "server.key"))


def authority(folder: Path, lasts: timedelta = timedelta(days=1)) -> Authority:
    folder.mkdir()
    for name, content in certificate_files(make_certificates([], datetime.now(UTC), lasts)).items():
        (folder / name).write_bytes(content)
    return Authority(folder)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("tls") / "ours")


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("tls") / "others")


@pytest.fixture(scope="module")
def tls_broker(ours: Authority) -> Iterator[BrokerServer]:
    with broker_server(ours.server) as server:
        yield server


@pytest.fixture
def tls_vhost(tls_broker: BrokerServer, ours: Authority) -> Iterator[Vhost]:
    with tls_broker.fresh_vhost() as fresh:
        yield Vhost(
            fresh.name,
            with_files(fresh.amqp_url, ours.trust),
            fresh.user,
            fresh.password,
            with_files(fresh.management_url, ours.trust),
        )


def fault(attempt: Callable[[], object]) -> str:
    """The one line with which it is refused."""
    with pytest.raises(HallpulseError) as refused:
        attempt()
    assert "\n" not in str(refused.value)
    return str(refused.value)


def opened(url: str) -> None:
    with open_channel(url):
        pass


def test_events_reach_the_consumer_over_an_encrypted_broker(tls_vhost: Vhost) -> None:
    with open_channel(tls_vhost.amqp_url) as channel:
        declare(channel, 2)
    password = BrokerUsers(tls_vhost.management_url, tls_vhost.name).put(222424, "hall-1", ["case"])
    url = tls_vhost.amqp_url.replace(f"{tls_vhost.user}:{tls_vhost.password}", f"222424.hall-1:{password}")
    with Publisher(url) as publisher:
        for number in range(2000):
            publisher.send(changed(source="/222424/hall-1", id=f"e{number}"))
    with consuming(tls_vhost, decode=decoder("nobody")) as running:
        wait_until(lambda: len(running.ids) == 2000)


def test_the_broker_hears_nobody_in_plain_text(tls_vhost: Vhost) -> None:
    plain = tls_vhost.amqp_url.replace("amqps:", "amqp:").partition("?")[0]
    print(fault(lambda: opened(plain)))
