"""A certificate authority of a test, with its files as `hallpulse certs` writes them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hallpulse.tls import TlsFiles
from services.local.certificates import make_certificates


@dataclass(frozen=True)
class Authority:
    folder: Path

    @property
    def certificate(self) -> bytes:
        """The server's."""
        return (self.folder / "server.pem").read_bytes()

    @property
    def trust(self) -> TlsFiles:
        return TlsFiles(str(self.folder / "ca.pem"))

    @property
    def server(self) -> TlsFiles:
        return TlsFiles(self.trust.ca, str(self.folder / "server.pem"), str(self.folder / "server.key"))


def authority(folder: Path, lasts: timedelta = timedelta(days=1)) -> Authority:
    folder.mkdir()
    for name, content in make_certificates([], datetime.now(UTC), lasts).files().items():
        (folder / name).write_bytes(content)
    return Authority(folder)
