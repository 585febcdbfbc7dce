"""A snapshot as /metrics shows it: written and packed once a reading, not once a scrape.

The text is what prometheus_client writes (the tests compare every byte), in a fifth of the time: its own writer checks
the letters of every label name of every sample, and thousands of samples are then most of a scrape.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import gzip_accepted
from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample
from prometheus_client.utils import floatToGoString

from hallpulse.metrics import FilledFamily
from services.targets.collector import snapshot_families
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
        """Unpacked for who takes no gzip, which Prometheus does."""
        return zlib.decompressobj(_RAW).decompress(self.deflated)

    def gzipped(self, more: bytes) -> bytes:
        """Text and more in one member of gzip (RFC 1952): many readers stop after the first."""
        rest = zlib.compressobj(1, wbits=_RAW)
        checksum = zlib.crc32(more, self.checksum)
        size = (self.length + len(more)) & 0xFFFFFFFF
        return b"".join(
            (_GZIP_HEADER, self.deflated, rest.compress(more), rest.flush(), struct.pack("<LL", checksum, size))
        )


def page_of(snapshot: Snapshot) -> Page:
    text = exposition(snapshot_families(snapshot))
    packer = zlib.compressobj(1, wbits=_RAW)
    return Page(packer.compress(text) + packer.flush(zlib.Z_FULL_FLUSH), zlib.crc32(text), len(text))


CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ALIKE_BELOW = 1_000_000


def exposition(families: Iterable[Metric | FilledFamily]) -> bytes:
    """Gauges, counters and histograms with plain names, in the text format 0.0.4."""
    return "".join(line for family in families for line in _lines(family)).encode()


def _lines(family: Metric | FilledFamily) -> Iterator[str]:
    if isinstance(family, FilledFamily):
        yield _head(family.name, family.documentation, family.kind)
        yield from _rows(family)
    else:
        name = f"{family.name}_total" if family.type == "counter" else family.name
        yield _head(name, family.documentation, family.type)
        yield from map(_sample, family.samples)


def _head(name: str, documentation: str, kind: str) -> str:
    return f"# HELP {name} {_help(documentation)}\n# TYPE {name} {kind}\n"


def _rows(family: FilledFamily) -> Iterator[str]:
    """The names of the labels, and which comes first, are found out once for all rows."""
    patterns = {name: _pattern(name, labels) for name, labels in family.labels.items()}
    for name, labels, value in family.rows:
        pattern, order = patterns[name]
        yield pattern % (*[_escaped(labels[index]) for index in order], _number(value))


def _pattern(name: str, labels: Sequence[str]) -> tuple[str, list[int]]:
    order = sorted(range(len(labels)), key=labels.__getitem__)
    named = ",".join(f'{labels[index]}="%s"' for index in order)
    return (f"{name}{{{named}}} %s\n" if labels else f"{name} %s\n"), order


def _sample(sample: Sample) -> str:
    if not sample.labels:
        return f"{sample.name} {_number(sample.value)}\n"
    labels = ",".join([f'{label}="{_escaped(value)}"' for label, value in sorted(sample.labels.items())])
    return f"{sample.name}{{{labels}}} {_number(sample.value)}\n"


def _number(value: float) -> str:
    """Below a million Python and Go write numbers alike."""
    if -_ALIKE_BELOW < value < _ALIKE_BELOW:
        return repr(float(value))
    return str(floatToGoString(value))  # type: ignore[no-untyped-call]


def _help(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


@lru_cache(maxsize=8_192)
def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


STILL_SECONDS = 60.0
"""A timer that has not begun a reading for so long stands still, or its reading hangs."""

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
StartResponse = Callable[[str, Headers], Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


def application(registry: CollectorRegistry, page: Callable[[], Page], attempts: Attempts) -> Application:
    """A WSGI application. registry: what is collected anew for every scrape, which must be little; page: the rest."""

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
    """Alive while the timer turns: a database that is away is no reason to be restarted."""
    silence = attempts.silent_for()
    if silence > STILL_SECONDS:
        return "503 Service Unavailable", f"no reading has begun for {silence:.0f} s"
    return "200 OK", "ok"
