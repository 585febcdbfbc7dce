"""Messages of halls that forge: half of them name another hall, a region or a hall that is not registered."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from hallpulse.contract.decode import BATCH_TYPE, EVENT_TYPE
from hallpulse.store import Grant
from services.gateway.events import take_in
from tests.fuzz.messages import REGION
from tests.fuzz.mutations import body_of, fresh, spoilt
from tests.fuzz.values import CONTENT_TYPES

HALLS = ("hostile-1", "hostile-2", "hostile-3")
FAMILIES = ("case", "tally", "heartbeat")
STRANGERS = ("/222424/nobody", "/110105/hall-1", "/222400/hall-1", "/222424/hall-99")
AHEAD_SECONDS = 5
"""By so much some times are too far ahead when they are sent, and no longer when they are sent again."""
Event = dict[str, Any]
_ids = re.compile(
    rb'"id"\s*:\s*"((?:[^"\\\x00-\x1f\x80-\xff]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4}|[\xc2-\xf4][\x80-\xbf]+)*)"'
).findall
"""As they are written in JSON."""


class Forged(NamedTuple):
    """sender: whose keys it is sent with; identified: with the property user_id; by_gateway: with its token."""

    sender: str
    routing_key: str
    content_type: str | None
    identified: bool
    by_gateway: bool
    body: bytes


def messages(seed: int, count: int, honest: Sequence[Event]) -> Iterator[Forged]:
    """As many as that; honest: events that they overheard, whose ids and sources they use."""
    dice = random.Random(seed)
    sources = sorted({event["source"] for event in honest})
    sent = 0
    while sent < count:
        sender = dice.choice(HALLS)
        body, is_batch = _body(dice, sender, sources, honest)
        kind = dice.choice((*CONTENT_TYPES, BATCH_TYPE)) if dice.random() < 0.15 else (EVENT_TYPE, BATCH_TYPE)[is_batch]
        sent += 1
        if dice.random() < 0.2:
            yield from _posted(sender, body, kind)
        else:
            key = f"{REGION}.{sender}.{dice.choice(FAMILIES) if dice.random() < 0.1 else _family(body)}"
            yield Forged(sender, key, kind, dice.random() > 0.05, False, body)


def _posted(sender: str, body: bytes, kind: str | None) -> Iterator[Forged]:
    """What the gateway makes of it, if it takes it in at all."""
    if kind is None or not kind.lower().startswith(("application/cloudevents", "application/json")):
        return
    grant = Grant("hall", REGION, sender, families=FAMILIES)
    for message in take_in(body, kind, grant, time.time_ns() // 1000).messages:
        yield Forged(sender, message.routing_key, message.content_type, True, True, message.body)


def _body(dice: random.Random, sender: str, sources: Sequence[str], honest: Sequence[Event]) -> tuple[bytes, bool]:
    if dice.random() > 0.1:
        return _event(dice, sender, sources, honest), False
    parts = [_event(dice, sender, sources, honest) for _ in range(dice.choice((1, 2, 5, 10)))]
    return b"[" + b",".join(part for part in parts if len(part) < 100_000) + b"]", True


def _event(dice: random.Random, sender: str, sources: Sequence[str], honest: Sequence[Event]) -> bytes:
    """Half of them name somebody else, and a part of those what an honest hall said, changed or not."""
    own = f"/{REGION}/{sender}"
    if dice.random() < 0.5:
        return _timed(dice, own)
    if dice.random() < 0.4:
        overheard = dict(dice.choice(honest))
        if dice.random() < 0.5:
            overheard |= {"source": dice.choice((own, overheard["source"])), "time": _ahead()}
        return body_of(dice, overheard)
    others = (*sources, *(f"/{REGION}/{hall}" for hall in HALLS if hall != sender), *STRANGERS)
    return _timed(dice, dice.choice(others))


def _timed(dice: random.Random, source: str) -> bytes:
    if dice.random() < 0.2:
        return body_of(dice, fresh(dice, source) | {"time": _ahead()})
    return spoilt(dice, source)


def _ahead() -> str:
    return datetime.fromtimestamp(time.time() + 86_400 + AHEAD_SECONDS, UTC).isoformat()


def _family(body: bytes) -> str:
    return next((family for family in FAMILIES if f'"hall.{family}.'.encode() in body), "case")


def ids_in(body: bytes) -> set[str]:
    """The ids that a message, an event or a batch of good and broken ones, could be stored by."""
    return {json.loads(f'"{written.decode(errors="replace")}"', strict=False) for written in _ids(body)}
