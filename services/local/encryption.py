"""Encryption of the suite, with certificates that it makes itself or that the environment names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from hallpulse.tls import NO_FILES, TlsFiles
from services.local.certificates import make_certificates
from services.local.files import CannotRun, private_directory, write_private

SWITCH = "HALLPULSE_TLS"
_LASTS, _RENEWED_BEFORE = timedelta(days=90), timedelta(days=14)
_NAMED = ("HALLPULSE_TLS_CA", "HALLPULSE_TLS_CERT", "HALLPULSE_TLS_KEY")


def tls_files(directory: Path, given: Mapping[str, str]) -> TlsFiles:
    """Return the certificate files of broker and gateway; NO_FILES for plain text.

    directory: where certificates that the suite makes are kept between starts. Raises CannotRun if the variables are
    incomplete or invalid.
    """
    named = [given.get(name, "") for name in _NAMED]
    if named[1] or named[2]:
        if not all(named):
            raise CannotRun(f"{', '.join(_NAMED)}: expected all three, for the broker and the gateway")
        return TlsFiles(*(str(Path(name).absolute()) for name in named))
    switch = given.get(SWITCH) or "off"
    if switch not in ("on", "off"):
        raise CannotRun(f"{SWITCH}: expected on or off, got {switch!r}")
    return _made(directory, datetime.now(UTC)) if switch == "on" else NO_FILES


@dataclass(frozen=True, slots=True)
class ScrapeFiles:
    """Certificates for the broker's metrics. server: for the broker; client: for Prometheus, with what it trusts."""

    server: TlsFiles
    client: TlsFiles


def scrape_files(directory: Path) -> ScrapeFiles:
    """Return certificates for the broker's metrics, which have no password.

    Only a client that shows the client certificate gets an answer.
    """
    server = _made(directory, datetime.now(UTC))
    return ScrapeFiles(server, TlsFiles(server.ca, str(directory / "client.pem"), str(directory / "client.key")))


def _made(directory: Path, now: datetime) -> TlsFiles:
    """Return the files of the kept certificates; make new ones if they are missing or expire within two weeks.

    New ones have a new authority: programs that trust the old ca.pem must fetch the new one.
    """
    files = TlsFiles(*(str(directory / name) for name in ("ca.pem", "server.pem", "server.key")))
    if not _is_good(directory, now + _RENEWED_BEFORE):
        private_directory(directory)
        for name, content in make_certificates([], now, _LASTS).files().items():
            write_private(directory / name, content.decode())
    return files


def _is_good(directory: Path, until: datetime) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate((directory / "server.pem").read_bytes())
    except (OSError, ValueError):
        return False
    return certificate.not_valid_after_utc > until and all(
        (directory / name).exists() for name in ("ca.pem", "server.key", "client.pem", "client.key")
    )
