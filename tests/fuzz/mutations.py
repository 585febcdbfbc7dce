"""Events of the contract, each spoilt in one way that knows its structure; some are left as they are."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable
from typing import Any

from hallpulse.contract.decode import MAX_BODY
from hallpulse.contract.events import EventType
from hallpulse.contract.examples import example
from tests.fuzz.values import LITERALS, SOURCES, TEXTS, TIMES, anything, nested

Event = dict[str, Any]
KINDS = tuple(EventType)
_HERE = "\U000f0000here"
"""Stands where bytes go that no JSON writer would write."""


def fresh(dice: random.Random, source: str) -> Event:
    """A valid event of any type, with an id of its own; cases, items and days come again and again."""
    event = example(dice.choice(KINDS))
    event["id"], event["source"] = str(uuid.UUID(int=dice.getrandbits(128))), source
    event["time"] = f"2023-{dice.randrange(1, 13):02}-{dice.randrange(1, 29):02}T{dice.randrange(24):02}:30:00+08:00"
    data = event.get("data", {})
    for field, values in (("case_id", "case"), ("item_code", "item")):
        if field in data:
            data[field] = f"{values}-{dice.randrange(200)}"
    if "date" in data:
        data["date"] = f"2023-{dice.randrange(1, 13):02}-{dice.randrange(1, 29):02}"
    if "revision" in data:
        data["revision"] = dice.randrange(1000)
    if "event_id" in data:
        data["event_id"] = str(uuid.UUID(int=dice.getrandbits(128)))
    return event


def body_of(dice: random.Random, event: Event) -> bytes:
    """Written in one of the ways in which JSON may be written."""
    style: dict[str, Any] = dice.choice(({}, {"separators": (",", ":")}, {"indent": 1}, {"sort_keys": True}))
    return json.dumps(event, ensure_ascii=dice.random() < 0.3, **style).encode(errors="surrogatepass")


def place(dice: random.Random, event: Event) -> Event:
    """The envelope or, more often, the data."""
    data = event.get("data")
    return data if isinstance(data, dict) and data and dice.random() < 0.65 else event


def unspoilt(dice: random.Random, event: Event) -> bytes:
    return body_of(dice, event)


def dropped(dice: random.Random, event: Event) -> bytes:
    there = place(dice, event)
    del there[dice.choice(sorted(there))]
    return body_of(dice, event)


def added(dice: random.Random, event: Event) -> bytes:
    name = dice.choice((*TEXTS, "ext", "traceparent", "subject", "datacontenttype", "dataschema", "x" * 21))
    place(dice, event)[name] = anything(dice)
    return body_of(dice, event)


def retyped(dice: random.Random, event: Event) -> bytes:
    there = place(dice, event)
    there[dice.choice(sorted(there))] = anything(dice)
    return body_of(dice, event)


def misplaced(dice: random.Random, event: Event) -> bytes:
    """Another type's data, or the whole event in its own data."""
    event["data"] = dice.choice(
        (example(dice.choice(KINDS)).get("data"), dict(event), [event.get("data")], json.dumps(event))
    )
    return body_of(dice, event)


def misdated(dice: random.Random, event: Event) -> bytes:
    there = event.get("data", {})
    dated = [name for name in ("date", "effective_from", "period") if name in there]
    if dated and dice.random() < 0.5:
        there[dice.choice(dated)] = dice.choice(
            ("2023-02-30", "2023-13-01", "2023", "2023-1-1", "20230101", "9999-12-31", *TEXTS)
        )
    else:
        event["time"] = dice.choice(TIMES)
    return body_of(dice, event)


def missourced(dice: random.Random, event: Event) -> bytes:
    event["source"] = dice.choice(SOURCES)
    return body_of(dice, event)


def misnamed(dice: random.Random, event: Event) -> bytes:
    event[dice.choice(("id", "type", "specversion"))] = dice.choice(
        (*TEXTS, "x" * 64, "x" * 65, "1.1", "hall.case.received.v2")
    )
    return body_of(dice, event)


def personal(dice: random.Random, event: Event) -> bytes:
    number = dice.choice(("13800138000", "+86 138 0013 8000", "11010519491231002X", "１３８００１３８０００"))
    text = dice.choice(("{}", "tel {}", "{} 号", "x{}"))
    there = place(dice, event)
    there[dice.choice(sorted(there))] = text.format(number)
    return body_of(dice, event)


def with_literal(dice: random.Random, event: Event) -> bytes:
    """Numbers without end, half a surrogate, bytes that are no UTF-8, what only JavaScript takes."""
    return _in_its_place(dice, event, dice.choice(LITERALS))


def deep(dice: random.Random, event: Event) -> bytes:
    return _in_its_place(dice, event, nested(dice))


def _in_its_place(dice: random.Random, event: Event, literal: bytes) -> bytes:
    there = place(dice, event)
    there[dice.choice(sorted(there))] = _HERE
    return (
        json.dumps(event, ensure_ascii=False)
        .encode()
        .replace(json.dumps(_HERE, ensure_ascii=False).encode(), literal, 1)
    )


def doubled(dice: random.Random, event: Event) -> bytes:
    """A name given twice, with the same value or another."""
    there = place(dice, event)
    name = dice.choice(sorted(there))
    value = there[name] if dice.random() < 0.4 else anything(dice)
    pair = f"{json.dumps(name)}: {json.dumps(value)}, "
    return json.dumps(event).replace(f"{json.dumps(name)}:", f"{pair}{json.dumps(name)}:", 1).encode()


def scratched(dice: random.Random, event: Event) -> bytes:
    """Some bytes changed, cut out or put in."""
    body = bytearray(body_of(dice, event))
    for _ in range(dice.choice((1, 1, 2, 8))):
        at = dice.randrange(len(body) + 1)
        put = dice.choice(
            (b"", b'"', b",", b":", b"{", b"}", b"[", b"]", b"\\", b"\0", b"\xff", b" ", dice.randbytes(3))
        )
        body[at : at + dice.choice((0, 1, 1, 5))] = put
    return bytes(body)


def framed(dice: random.Random, event: Event) -> bytes:
    """Cut off, twice over, with something before or behind it, in another encoding."""
    body, text = body_of(dice, event), json.dumps(event)
    return dice.choice((
        body[: dice.randrange(len(body))], body + body, b"\xef\xbb\xbf" + body, body + b"\0", b" \n" + body + b"\r\n",
        body + b"//", text.encode("utf-16"), text.encode("utf-32-le"), b"data=" + body, b"null", b'"' + body + b'"',
        b"",
    ))  # fmt: skip


def oversized(dice: random.Random, event: Event) -> bytes:
    """Fields at and above their limits; seldom a body at and above that of a message."""
    size, filler = (
        dice.choice((64, 65, 300, 301, 500, 501, 1000, 1001, 8192, 70_000)),
        dice.choice(("x", "汉", "1", '"')),
    )
    if dice.random() < 0.01:
        size, filler = MAX_BODY - len(json.dumps(event)) + dice.choice((-100, 100)), "x"
    there = place(dice, event)
    there[dice.choice((*sorted(there), "reason", "subject"))] = filler * size
    return body_of(dice, event)


def raw(dice: random.Random, _: Event) -> bytes:
    """Bytes that were never an event."""
    tokens = (
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b":",
        b",",
        b"null",
        b"true",
        b"1e9",
        b'"type"',
        b'"data"',
        b"\\u0000",
        b" ",
        b"\xe6",
    )
    if dice.random() < 0.5:
        return b"".join(dice.choice(tokens) for _ in range(dice.randrange(60)))
    return dice.randbytes(dice.choice((0, 1, 3, 40, 300, 5000)))


SPOILERS: tuple[Callable[[random.Random, Event], bytes], ...] = (
    unspoilt, unspoilt, unspoilt, unspoilt, dropped, added, retyped, retyped, misplaced, misdated, missourced, misnamed,
    personal, with_literal, deep, doubled, scratched, scratched, framed, oversized, raw,
)  # fmt: skip


def spoilt(dice: random.Random, source: str) -> bytes:
    return dice.choice(SPOILERS)(dice, fresh(dice, source))
