"""Where every event that was sent has gone: told from what lies in the database and on the refused queue alone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import pika

from hallpulse.contract.decode import EVENT_TYPE
from hallpulse.contract.reasons import Reason
from tests.fuzz.messages import REGION, Sent

Key = tuple[str, str]
"""Hall and id of an event."""


class Copy(NamedTuple):
    """A message of the refused queue."""

    body: bytes
    properties: pika.BasicProperties


@dataclass
class Account:
    """duplicates: events that were sent again and changed nothing; reasons: how often each was given."""

    stored: int = 0
    duplicates: int = 0
    refused: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    lost: list[bytes] = field(default_factory=list)
    unasked: list[object] = field(default_factory=list)
    """What is there and was never sent, or not so often."""


def account(sent: Iterable[Sent], copies: Iterable[Copy], stored: set[Key]) -> Account:
    """Each event of each message is found once: refused as its own bytes, or stored, or known already."""
    found = Account(stored=len(stored))
    refused: Counter[bytes] = Counter()
    reused: Counter[Key] = Counter()
    for copy in copies:
        reason = checked_reason(copy)
        found.refused += 1
        found.reasons[reason] += 1
        if reason == Reason.ID_REUSED:  # written anew: what it was told apart from is its content, not its bytes
            reused[key_of(json.loads(copy.body))] += 1
        else:
            refused[copy.body] += 1
    taken: Counter[Key] = Counter()
    for message in sent:
        for body in events_of(message, refused):
            if refused[body]:
                refused[body] -= 1
            elif (key := key_in(body)) in stored:
                taken[key] += 1
            else:
                found.lost.append(body)
    found.duplicates = sum(count - 1 - reused[key] for key, count in taken.items())
    found.unasked += [*refused.elements(), *(stored - taken.keys()), *(reused.keys() - taken.keys())]
    return found


def events_of(message: Sent, refused: Counter[bytes]) -> tuple[bytes, ...]:
    """A message that was refused whole, or is no batch, is one event."""
    return (message.body,) if refused[message.body] or not message.parts else message.parts


def checked_reason(copy: Copy) -> str:
    """Fails where the copy does not say, in the contract's form, why it is there."""
    headers: dict[str, Any] = copy.properties.headers or {}
    reason = Reason(headers["x-reason"])
    assert headers["x-detail"].startswith("expected "), headers
    for name in ("x-detail", "x-field", "x-source"):
        assert headers[name].isprintable(), headers
        assert "\n" not in headers[name]
    assert len(headers["x-field"]) <= 110
    assert datetime.fromisoformat(headers["x-refused-at"]).tzinfo is not None
    assert headers["x-routing-key"].startswith(f"{REGION}.")
    assert (copy.properties.content_type, copy.properties.delivery_mode) == (EVENT_TYPE, 2)
    return str(reason)


def key_of(event: dict[str, Any]) -> Key:
    return event["source"].rpartition("/")[2], event["id"]


def key_in(body: bytes) -> Key | None:
    """None where the body has no source and id that could be stored."""
    try:
        key = key_of(json.loads(body))
        key[1].encode()
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return key
