"""CloudEvents in binary mode over HTTP: attributes in `ce-` headers, data as the body; made structured here.

Source: CloudEvents HTTP protocol binding 1.0.2, section 3.1.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote

import msgspec

_PREFIX = "ce-"


def is_binary(names: Iterable[str]) -> bool:
    return f"{_PREFIX}specversion" in names


def structured(headers: Iterable[tuple[str, str]], body: bytes) -> bytes:
    """The same event as one JSON object; what is wrong with it is found when that is decoded."""
    members = [
        _member(name[len(_PREFIX) :], msgspec.json.encode(unquote(value.strip('"'))))
        for name, value in headers
        if name.startswith(_PREFIX)
    ]
    if body.strip():
        members.append(_member("data", body))
    return b"{" + b",".join(members) + b"}"


def _member(name: str, value: bytes) -> bytes:
    return msgspec.json.encode(name) + b":" + value
