"""Messages as halls may send them: within their rights at the broker, and without any other."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any, NamedTuple

from hallpulse.contract.decode import BATCH_TYPE, EVENT_TYPE
from hallpulse.contract.events import Family
from tests.fuzz.mutations import body_of, fresh, spoilt
from tests.fuzz.values import CONTENT_TYPES, anything

REGION = 222424
HALLS = ("hall-1", "hall-2", "hall-3", "window-a")
FAMILIES = tuple(family.value for family in Family)
_REMEMBERED = 500


class Sent(NamedTuple):
    """hall: whose broker user publishes it; identified: with the property user_id; parts: the events of a batch."""

    hall: str
    family: str
    content_type: str | None
    identified: bool
    body: bytes
    parts: tuple[bytes, ...] = ()
    headers: dict[str, Any] | None = None

    @property
    def routing_key(self) -> str:
        return f"{REGION}.{self.hall}.{self.family}"


def messages(seed: int, count: int) -> Iterator[Sent]:
    """The same ones for the same seed."""
    dice = random.Random(seed)
    earlier: list[Sent] = []
    for _ in range(count):
        sent = _again(dice, earlier) if earlier and dice.random() < 0.05 else _new(dice)
        if len(sent.body) < 10_000:
            earlier.append(sent)
            del earlier[:-_REMEMBERED]
        yield sent


def _new(dice: random.Random) -> Sent:
    hall = dice.choice(HALLS)
    source = f"/{REGION}/{hall}"
    headers = {"a": {"b": [1, None, True, "x" * 300]}, "x-reason": "forged"} if dice.random() < 0.02 else None
    identified = dice.random() > 0.02
    if dice.random() < 0.15:
        body, parts = _batch(dice, source)
        kind = dice.choice(CONTENT_TYPES) if dice.random() < 0.05 else BATCH_TYPE
        return Sent(hall, _family(dice, parts[0] if parts else b""), kind, identified, body, parts, headers)
    body = spoilt(dice, source)
    no_array = body.lstrip()[:1] != b"["  # or nobody could tell its events
    kind = dice.choice((*CONTENT_TYPES, BATCH_TYPE)) if no_array and dice.random() < 0.05 else EVENT_TYPE
    return Sent(hall, _family(dice, body), kind, identified, body, headers=headers)


def _again(dice: random.Random, earlier: list[Sent]) -> Sent:
    """The very same message, or its id with other content."""
    sent = dice.choice(earlier)
    if sent.parts or dice.random() < 0.6:
        return sent
    try:
        event = json.loads(sent.body)
        event["time"] = "2023-05-05T05:05:05+08:00"
        return sent._replace(body=body_of(dice, event))
    except (ValueError, TypeError, RecursionError):
        return sent


def _batch(dice: random.Random, source: str) -> tuple[bytes, tuple[bytes, ...]]:
    """Mostly of one family, good ones among the bad; seldom none at all, too many, or no array."""
    size = dice.choice((1, 2, 3, 5, 10, 20)) if dice.random() > 0.01 else dice.choice((0, 1000, 1001))
    first = fresh(dice, source)
    parts = [body_of(dice, first)]
    while len(parts) < size:
        event = fresh(dice, source)
        if dice.random() < 0.3 and size < 1000:
            parts.append(_json(spoilt(dice, source)) or body_of(dice, event))
        elif event["type"].split(".")[1] == first["type"].split(".")[1]:
            parts.append(body_of(dice, event))
    chance = dice.random()
    if chance < 0.02:
        value = anything(dice)
        parts = [json.dumps(one).encode() for one in value] if isinstance(value, list) else []
        return json.dumps(value).encode(), tuple(parts)
    opening, between, closing = (b"[", b",", b"]") if chance > 0.1 else (b" [ ", b" ,\n", b"\t]")
    end = closing if chance < 0.95 else dice.choice((b"", b",]", b"]]", b",{]"))
    return opening + between.join(parts[:size]) + end, tuple(parts[:size])


def _json(body: bytes) -> bytes | None:
    """The value alone, where it surely is one: of a batch that is no JSON nobody can tell the events.

    Not a very large one: the broker itself turns away a message above 16 MiB.
    """
    if len(body) > 1 << 20:
        return None
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return None
    return body.strip(b" \t\r\n").removeprefix(b"\xef\xbb\xbf")


def _family(dice: random.Random, body: bytes) -> str:
    """The event's own, mostly."""
    own = next((family for family in FAMILIES if f'"hall.{family}.'.encode() in body), "case")
    return own if dice.random() > 0.03 else dice.choice(FAMILIES)
