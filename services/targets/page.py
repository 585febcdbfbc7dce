"""What a snapshot says, as /metrics shows it: written and packed once a reading, not once a scrape."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from .collector import snapshot_families
from .exposition import exposition
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
