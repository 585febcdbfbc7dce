"""The answer to a scrape: the snapshot's text, packed once a reading, and behind it what is true when it is asked for.

Packing at each scrape would cost 1.7 ms a megabyte (docs/decisions/0011-a-process-that-reads.md).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import gzip_accepted

from services.targets.exposition import exposition, snapshot_families
from services.targets.readings import Attempts, Snapshot

_RAW = -zlib.MAX_WBITS
"""Deflate without header and trailer."""
_GZIP_HEADER = b"\x1f\x8b\x08" + bytes(6) + b"\xff"


@dataclass(frozen=True, slots=True)
class Page:
    """A text, deflated up to a byte's boundary, so that more can be put behind it; its CRC-32 and length in bytes."""

    deflated: bytes = b""
    checksum: int = 0
    length: int = 0

    @property
    def text(self) -> bytes:
        """The text, for a client that takes no gzip; Prometheus does."""
        return zlib.decompressobj(_RAW).decompress(self.deflated)

    def gzipped(self, more: bytes) -> bytes:
        """Return text and more in one member of gzip (RFC 1952): many readers stop after the first."""
        rest = zlib.compressobj(1, wbits=_RAW)
        checksum = zlib.crc32(more, self.checksum)
        size = (self.length + len(more)) & 0xFFFFFFFF
        return b"".join(
            (_GZIP_HEADER, self.deflated, rest.compress(more), rest.flush(), struct.pack("<LL", checksum, size))
        )


def page_of(snapshot: Snapshot) -> Page:
    """Return the snapshot's page."""
    text = exposition(snapshot_families(snapshot))
    packer = zlib.compressobj(1, wbits=_RAW)
    return Page(packer.compress(text) + packer.flush(zlib.Z_FULL_FLUSH), zlib.crc32(text), len(text))


CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
STILL_SECONDS = 60.0
"""A timer that has not begun a reading for this long stands still, or its reading hangs."""

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
StartResponse = Callable[[str, Headers], Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


def application(registry: CollectorRegistry, page: Callable[[], Page], attempts: Attempts) -> Application:
    """Return a WSGI application. registry: what is collected for every scrape, which must be little; page: the rest."""

    def answer(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "/")
        if path == "/metrics":
            headers, body = _metrics(registry, page(), environ.get("HTTP_ACCEPT_ENCODING", ""))
            start_response("200 OK", headers)
            return [body]
        status, text = _health(attempts) if path == "/healthz" else ("404 Not Found", "expected /metrics or /healthz")
        start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
        return [f"{text}\n".encode()]

    return answer


def _metrics(registry: CollectorRegistry, page: Page, accepted: str) -> tuple[Headers, bytes]:
    live = exposition(registry.collect())
    headers = [("Content-Type", CONTENT_TYPE), ("Vary", "Accept-Encoding")]
    if gzip_accepted(accepted):
        body = page.gzipped(live)
        headers.append(("Content-Encoding", "gzip"))
    else:
        body = page.text + live
    return [*headers, ("Content-Length", str(len(body)))], body


def _health(attempts: Attempts) -> tuple[str, str]:
    """Alive while the timer turns: a database that is down is no reason to be restarted."""
    silence = attempts.silent_for()
    if silence > STILL_SECONDS:
        return "503 Service Unavailable", f"no reading has begun for {silence:.0f} s"
    return "200 OK", "ok"
