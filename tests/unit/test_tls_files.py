"""What TLS lets through, between two ends of one process; and the files that a URL names."""

from __future__ import annotations

import socket
import ssl
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from hallpulse.domain.errors import Halt
from hallpulse.settings import SettingsError, settings_from
from hallpulse.tls import (
    NO_FILES,
    TlsFiles,
    client_context,
    encrypted,
    secured,
    server_context,
    split_files,
    trusting,
)
from tests.authority import Authority, authority

OURS = TlsFiles("/etc/hall/ca.pem", "/etc/hall/own.pem", "/etc/hall/own.key")
BROKER = "amqps://222424.hall-1:p%3Fw@broker:5671/%2F"


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("tls") / "ours")


@contextmanager
def answering(files: TlsFiles) -> Iterator[int]:
    """A server that says hello to each who gets through to it; its port."""

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    connection.recv(1)
                    connection.sendall(b"hello")
                except OSError:
                    continue

    with encrypted(socket.create_server(("127.0.0.1", 0)), files) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def asked(port: int, context: ssl.SSLContext, host: str = "127.0.0.1") -> bytes:
    with socket.create_connection(("127.0.0.1", port), 5) as plain:
        plain.settimeout(5)
        with context.wrap_socket(plain, server_hostname=host) as connection:
            connection.sendall(b"?")
            return connection.recv(5)


def test_a_certificate_of_the_host_from_a_known_authority_is_let_through(ours: Authority) -> None:
    with answering(ours.server) as port:
        assert asked(port, client_context(ours.trust)) == b"hello"
        assert asked(port, client_context(ours.trust), "localhost") == b"hello"


def test_another_authority_another_host_and_an_old_certificate_are_refused(ours: Authority, tmp_path: Path) -> None:
    others = authority(tmp_path / "others")
    expired = authority(tmp_path / "expired", lasts=timedelta(seconds=-1))
    with answering(ours.server) as port:
        with pytest.raises(ssl.SSLCertVerificationError, match=r"self-signed|unable to get local issuer"):
            asked(port, client_context(others.trust))
        with pytest.raises(ssl.SSLCertVerificationError, match=r"self-signed|unable to get local issuer"):
            asked(port, client_context(NO_FILES))
        with pytest.raises(ssl.SSLCertVerificationError, match=r"not valid for 'broker\.example'"):
            asked(port, client_context(ours.trust), "broker.example")
    with answering(expired.server) as port, pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        asked(port, client_context(expired.trust))


def test_a_server_takes_nothing_older_than_tls_1_2(ours: Authority) -> None:
    old = client_context(ours.trust)
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with answering(ours.server) as port, pytest.raises(ssl.SSLError, match=r"(?i)alert protocol version"):
        asked(port, old)
    assert client_context(ours.trust).minimum_version == ssl.TLSVersion.TLSv1_2


def test_who_manages_no_handshake_holds_nobody_up(ours: Authority) -> None:
    with answering(ours.server) as port:
        with socket.create_connection(("127.0.0.1", port)) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert asked(port, client_context(ours.trust)) == b"hello"


def test_a_url_names_its_files_as_the_brokers_own_clients_have_it() -> None:
    named = f"{BROKER}?cacertfile={OURS.ca}&heartbeat=5&certfile={OURS.cert}&keyfile={OURS.key}"
    assert split_files(named) == (f"{BROKER}?heartbeat=5", OURS)


def test_a_url_that_names_no_authority_takes_the_one_of_the_settings() -> None:
    assert split_files(trusting(BROKER, "/a b/汪清.pem")) == (BROKER, TlsFiles("/a b/汪清.pem"))
    assert split_files(trusting("https://a:b@broker:15671", OURS.ca))[1] == TlsFiles(OURS.ca)
    assert trusting(f"{BROKER}?cacertfile=/own.pem", OURS.ca) == f"{BROKER}?cacertfile=/own.pem"
    assert trusting(BROKER, "") == BROKER


@pytest.mark.parametrize("url", ["amqp://a:b@broker/%2F", "http://a:b@broker", "", "amqp://[", "nonsense"])
def test_an_unencrypted_url_stays_as_it_is(url: str) -> None:
    assert trusting(url, OURS.ca) == url
    assert split_files(url) == (url, NO_FILES)
    assert secured(url) == (url, None)


def test_settings_put_the_authority_into_the_brokers_urls() -> None:
    files = {"HALLPULSE_TLS_CA": OURS.ca, "HALLPULSE_TLS_CERT": OURS.cert, "HALLPULSE_TLS_KEY": OURS.key}
    database = "postgresql://a:b@database/hallpulse?sslmode=verify-full&sslrootcert=/ca.pem"
    settings = settings_from({"HALLPULSE_AMQP_URL": BROKER, "HALLPULSE_DATABASE_URL": database, **files})
    assert split_files(settings.amqp_url) == (BROKER, TlsFiles(OURS.ca))
    assert settings.tls == OURS
    assert settings.database_url == database
    with pytest.raises(SettingsError, match="HALLPULSE_TLS_CERT, HALLPULSE_TLS_KEY: expected both or neither"):
        settings_from({"HALLPULSE_AMQP_URL": BROKER, "HALLPULSE_DATABASE_URL": "x", "HALLPULSE_TLS_KEY": "/key"})


def test_files_that_cannot_be_used_are_named_in_one_line(ours: Authority, tmp_path: Path) -> None:
    others = authority(tmp_path / "others")
    (tmp_path / "empty.pem").touch()
    for files, said in (
        (TlsFiles("/none/ca.pem"), "TLS: /none/ca.pem: No such file or directory"),
        (TlsFiles(str(tmp_path / "empty.pem")), "empty.pem: expected PEM files"),
        (TlsFiles(cert=ours.server.cert, key=others.server.key), "server.key: expected PEM files that belong together"),
        (TlsFiles(cert="/none.pem", key="/none.key"), "TLS: /none.pem with /none.key: No such file or directory"),
    ):
        with pytest.raises(Halt) as halt:
            client_context(files)
        assert said in str(halt.value)
        assert "\n" not in str(halt.value)
    with pytest.raises(Halt, match="No such file"):
        server_context(TlsFiles(cert="/none.pem", key="/none.key"))
