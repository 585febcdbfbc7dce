"""Read who a body says it is from, also where it is no event: a forgery must not hide behind another fault.

A reading only chooses the reason of a refusal. What is accepted was decoded strictly.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from .events import Family
from .refusal import Refused, printable
from .rules import has_too_many_values, place

Hall = tuple[int, str]
"""Region and name."""
_FAMILIES = frozenset(family.value for family in Family)
_FAMILY = re.compile(r"hall\.([a-z]+)\.").match
_MOST_PARSED = 4 * 1024 * 1024
_ESCAPED = re.compile(r"\\u00([2-7][0-9A-Fa-f])")
_NAMED = re.compile(r'"(source|type)\\*"\s*:\s*\\*"([^"\\]{0,100})').findall


class Claim(NamedTuple):
    """sources: every source that is given, twice or by several events; families: those of the types that are given."""

    sources: frozenset[str]
    families: frozenset[str]
    source: str
    """The first one, fit for a header; empty where none can be read."""


class _Pairs(list[tuple[str, Any]]):
    """A JSON object with names that were given twice."""


def claim_of(body: bytes) -> Claim:
    """The sources and families that an event, a batch or the remains of either name; never raises."""
    found = [(name, value) for name, value in _named(body) if isinstance(value, str)]
    sources = [value for name, value in found if name == "source"]
    families = {match[1] for name, value in found if name == "type" and (match := _FAMILY(value))}
    return Claim(frozenset(sources), frozenset(families & _FAMILIES), printable(sources[0]) if sources else "")


def hall_named(source: str) -> Hall | None:
    """The hall of a `source`; None where it has the form of none."""
    try:
        return place(source)
    except Refused:
        return None


def _named(body: bytes) -> Iterator[tuple[str, Any]]:
    text = body.decode(json.detect_encoding(body), errors="replace")
    is_long = len(body) > _MOST_PARSED or has_too_many_values(body)  # then searched as text, which is quick
    try:
        value = None if is_long else json.loads(text, strict=False, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError):
        value = None
    events = value if isinstance(value, list) and not isinstance(value, _Pairs) else [value]
    objects = [event for event in events if isinstance(event, _Pairs)]
    if objects:
        yield from (pair for pairs in objects for pair in pairs if pair[0] in ("source", "type"))
    else:
        unescaped = _ESCAPED.sub(lambda escape: chr(int(escape[1], 16)), text)
        yield from _NAMED(unescaped.replace("\\/", "/"))
