"""A snapshot as /metrics shows it: written and packed once a reading, not once a scrape.

The text is what prometheus_client writes (the tests compare every byte), in a fifth of the time: its own writer checks
the letters of every label name of every sample, and thousands of samples are then most of a scrape.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample
from prometheus_client.utils import floatToGoString

from hallpulse.series import FilledFamily

from .collector import snapshot_families
from .snapshot import Snapshot

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
