"""Refused events: the event's own bytes and why, on a queue that loses nothing."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from hallpulse.contract.refusal import Refusal

REASON, DETAIL, FIELD, SOURCE, REFUSED_AT = "x-reason", "x-detail", "x-field", "x-source", "x-refused-at"
ROUTING_KEY, USER = "x-routing-key", "x-user"
DEAD_LETTERED = "dead-lettered"
"""The x-reason of what no ingest refused: the broker took it off a partition, under a limit that is not ours."""
ON_BEHALF = "on-behalf-of:"
"""Before REGION.HALL in the property app_id of a message that a user which may speak for any hall sends for that one.

Whoever consumes holds the message to that hall, whatever its routing key and its body say.
"""
HEADERS = (REASON, DETAIL, FIELD, SOURCE, REFUSED_AT, ROUTING_KEY, USER)


class Letter(NamedTuple):
    """A refusal and how its message came: what `hall.refused` keeps. user_id: as of `Delivery`."""

    refusal: Refusal
    routing_key: str
    user_id: str


def values_of(letter: Letter, at: str) -> tuple[str, ...]:
    """What the headers of a refused event say, in the order of HEADERS."""
    refusal = letter.refusal
    return (
        str(refusal.reason), refusal.detail, refusal.field, refusal.source, at, letter.routing_key, letter.user_id,
    )  # fmt: skip


def id_of(letter: Letter) -> str:
    """A refusal's id, in 32 hexadecimal digits: the same whenever the same is refused again, and on every copy."""
    refusal = letter.refusal
    return id_from(str(refusal.reason), letter.routing_key, letter.user_id, refusal.body)


def id_from(reason: str, routing_key: str, user: str, body: bytes) -> str:
    """The id from what the headers and the body of a copy say."""
    digest = hashlib.sha256()
    for part in (reason, routing_key, user):
        raw = part.encode(errors="replace")
        digest.update(len(raw).to_bytes(4, "big") + raw)
    digest.update(body)
    return digest.hexdigest()[:32]
