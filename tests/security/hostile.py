"""`python -m tests.security.hostile`: hostile halls that send rubbish as fast as the broker takes it, until killed.

Standard input: a JSON list of {"url", "user", "key", "kind", "seed"}, one of each hall.
"""

from __future__ import annotations

import contextlib
import json
import random
import sys
import threading
from collections.abc import Callable
from typing import Any

import pika
from pika.exceptions import AMQPError
from pika.frame import Body, Header
from pika.spec import Basic

from hallpulse.broker import EVENTS
from hallpulse.contract.decode import BATCH_TYPE, EVENT_TYPE
from tests.hall_events import changed

CHUNK = 200
"""So many messages are made and written to the socket at once."""
_FRAME = 120_000


def _raw(event: object) -> bytes:
    return json.dumps(event, ensure_ascii=False).encode()


def _event(key: str, dice: random.Random, **attributes: Any) -> dict[str, Any]:
    region, hall, _ = key.split(".")
    number = f"{dice.getrandbits(80):020x}"
    data = {"case_id": f"case-{number}"}
    return changed(data=data, **{"id": number, "source": f"/{region}/{hall}", **attributes})


def _future(key: str, dice: random.Random) -> bytes:
    return _raw(_event(key, dice, time="2099-01-01T00:00:00+08:00"))


def _forged(key: str, dice: random.Random) -> bytes:
    """Of another hall, under its own key: refused because of who sends it."""
    return _raw(_event(key, dice, source="/222424/honest-0"))


def _not_json(key: str, dice: random.Random) -> bytes:
    return key.encode() + dice.randbytes(200)


def _unknown(key: str, dice: random.Random) -> bytes:
    event = _event(key, dice)
    return _raw(event | {"data": event["data"] | {"colour": dice.random()}})


def _reused(key: str, dice: random.Random) -> bytes:
    """One id for ever other content: found out by the database alone."""
    return _raw(_event(key, dice, id="always-the-same"))


def _batch(key: str, dice: random.Random) -> bytes:
    return _raw([_event(key, dice, time="2099-01-01T00:00:00+08:00") for _ in range(100)])


def _turncoat(key: str, dice: random.Random) -> bytes:
    """Half right, for as long as its half is believed; many cases."""
    return _raw(_event(key, dice)) if dice.random() < 0.3 else _future(key, dice)


def _large(key: str, dice: random.Random) -> bytes:
    return _raw(_event(key, dice, subject="x" * 300_000))


KINDS: dict[str, Callable[[str, random.Random], bytes]] = {
    "future": _future,
    "forged": _forged,
    "not-json": _not_json,
    "unknown-field": _unknown,
    "id-reused": _reused,
    "batch": _batch,
    "half": _turncoat,
    "large": _large,
    "anonymous": _future,
}


def flood(url: str, user: str, key: str, kind: str, seed: int) -> None:
    """Send until the process ends, with a new connection where the broker cuts one."""
    dice = random.Random(seed)
    while True:
        with contextlib.suppress(AMQPError, OSError):
            connection = pika.BlockingConnection(pika.URLParameters(url))
            channel = connection.channel()
            while True:
                chunk = b"".join(_frames(channel.channel_number, user, key, kind, dice) for _ in range(CHUNK))
                connection._impl._adapter_emit_data(chunk)
                connection._flush_output()


def _frames(channel: int, user: str, key: str, kind: str, dice: random.Random) -> bytes:
    body = KINDS[kind](key, dice)
    properties = pika.BasicProperties(
        content_type=BATCH_TYPE if kind == "batch" else EVENT_TYPE,
        delivery_mode=2,
        user_id=None if kind == "anonymous" else user,
    )
    frames = [
        pika.frame.Method(channel, Basic.Publish(exchange=EVENTS, routing_key=key)),
        Header(channel, len(body), properties),
        *(Body(channel, body[start : start + _FRAME]) for start in range(0, len(body), _FRAME)),
    ]
    return b"".join(frame.marshal() for frame in frames)


def main() -> None:
    threads = [threading.Thread(target=flood, kwargs=hall, daemon=True) for hall in json.load(sys.stdin)]
    for thread in threads:
        thread.start()
    print("flooding", flush=True)
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
