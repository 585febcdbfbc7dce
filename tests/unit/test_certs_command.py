"""`hallpulse certs`: what it writes, and what it does not overwrite."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from services.console.main import cli


def certs(out: Path, *options: str) -> Result:
    return CliRunner().invoke(cli, ["certs", "--out", str(out), *options])


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def purposes(path: Path) -> list[x509.ObjectIdentifier]:
    return list(certificate(path).extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)


def test_an_authority_a_server_and_a_client_are_written_and_keys_are_private(tmp_path: Path) -> None:
    done = certs(tmp_path / "new" / "tls")
    assert done.exit_code == 0, done.output
    written = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new" / "tls").iterdir()}
    assert written == {
        "ca.pem": 0o644, "server.pem": 0o644, "client.pem": 0o644, "server.key": 0o600, "client.key": 0o600,
    }  # fmt: skip
    assert done.stdout.splitlines() == [str(tmp_path / "new" / "tls" / name) for name in (
        "ca.pem", "server.pem", "server.key", "client.pem", "client.key",
    )]  # fmt: skip
    assert purposes(tmp_path / "new" / "tls" / "server.pem") == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert purposes(tmp_path / "new" / "tls" / "client.pem") == [ExtendedKeyUsageOID.CLIENT_AUTH]


def test_it_says_loudly_that_they_are_for_tests(tmp_path: Path) -> None:
    said = certs(tmp_path / "tls", "--days", "30").stderr
    assert "仅供测试" in said
    assert "FOR TESTS ONLY: good for 30 days" in said


def test_the_servers_certificate_is_good_for_the_named_hosts_and_for_this_machine(tmp_path: Path) -> None:
    certs(tmp_path / "tls", "--host", "Broker.example.gov.cn", "--host", "192.0.2.7", "--host", "*.example.cn")
    server = certificate(tmp_path / "tls" / "server.pem")
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "broker.example.gov.cn", "*.example.cn"]
    assert list(map(str, names.get_values_for_type(x509.IPAddress))) == ["127.0.0.1", "::1", "192.0.2.7"]


def test_they_end_after_ninety_days_at_most(tmp_path: Path) -> None:
    certs(tmp_path / "tls")
    for name in ("ca", "server", "client"):
        left = certificate(tmp_path / "tls" / f"{name}.pem").not_valid_after_utc - datetime.now(UTC)
        assert timedelta(days=89) < left <= timedelta(days=90)
    assert certs(tmp_path / "other", "--days", "91").exit_code == 2


def test_what_is_there_already_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "server.key").write_text("mine")
    done = certs(tmp_path)
    assert done.exit_code == 1
    assert done.stderr == f"Error: {tmp_path} holds server.key already: choose another directory\n"
    assert [path.name for path in tmp_path.iterdir()] == ["server.key"]


@pytest.mark.parametrize("host", ["", "a b", "-a.cn", "a..cn", "a/b", "x" * 64, "https://a.cn"])
def test_what_is_no_host_is_bad_usage(tmp_path: Path, host: str) -> None:
    done = certs(tmp_path / "tls", "--host", host)
    assert done.exit_code == 2
    assert done.stderr.startswith(f"Error: --host {host}: expected a name")
    assert not (tmp_path / "tls").exists()
