"""Refusals as rows of the table `refused`: how they are made, read back and filtered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Row, tuple_

from hallpulse.domain.figures import region_bounds

from .tables import refused

MOST_BODY_BYTES = 64 * 1024
"""The most bytes of a body that the table keeps; the queue has all of it."""


class EnteredRefusal(NamedTuple):
    """A refusal to be entered. id: hexadecimal digits, made from routing key, publisher, reason and body.

    at: when it was refused, None for now.
    """

    id: str
    reason: str
    field: str
    detail: str
    source: str
    routing_key: str
    publisher: str
    body: bytes
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeptRefusal:
    """A refusal as read. size: of the whole body, in bytes; body: its beginning, empty once it has left the queue."""

    id: str
    region: int
    hall: str
    refused_at: datetime
    times: int
    reason: str
    field: str
    detail: str
    source: str
    routing_key: str
    publisher: str
    event_id: str | None
    size: int
    body: bytes
    outcome: str | None
    outcome_at: datetime | None
    outcome_by: str | None

    @property
    def is_whole(self) -> bool:
        return len(self.body) == self.size


READ = [refused.c[name] for name in (
    "id", "region", "hall", "refused_at", "times", "reason", "field", "detail", "source", "routing_key", "publisher",
    "event_id", "bytes", "body", "outcome", "outcome_at", "outcome_by",
)]  # fmt: skip


def kept_of(row: Row[Any]) -> KeptRefusal:
    id_, *middle = tuple(row)
    middle[12] = middle[12] or b""
    return KeptRefusal(id_.hex(), *middle)


@dataclass(frozen=True, slots=True)
class RefusedFilter:
    """A filter of refusals; None stands for any. region: with all regions below it; since, until: the time of refusal,
    `until` excluded; done: also refusals that have left the queue."""

    reason: str | None = None
    source: str | None = None
    region: int | None = None
    hall: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    done: bool = False

    def conditions(self) -> list[ColumnElement[bool]]:
        found: list[ColumnElement[bool]] = [] if self.done else [refused.c.outcome.is_(None)]
        for column, value in (
            (refused.c.reason, self.reason),
            (refused.c.source, self.source),
            (refused.c.hall, self.hall),
        ):
            if value is not None:
                found.append(column == value)
        if self.region is not None:
            found.append(refused.c.region.between(*region_bounds(self.region)))
        if self.since is not None:
            found.append(refused.c.refused_at >= self.since)
        if self.until is not None:
            found.append(refused.c.refused_at < self.until)
        return found


def after(place: tuple[datetime, int]) -> ColumnElement[bool]:
    """Return the condition of rows after one, which is given by its time and number."""
    return tuple_(refused.c.refused_at, refused.c.number) > tuple_(*place)


class _Named(msgspec.Struct):
    id: str = ""


_named = msgspec.json.Decoder(_Named)


def row_of(one: EnteredRefusal, at: datetime, times: int) -> tuple[Any, ...]:
    """Return a row in the order of the table's columns, without characters that PostgreSQL cannot store in a text."""
    region, hall, family = sender(one.routing_key, one.source)
    at = one.at or at
    texts = map(_text, (one.reason, one.field, one.detail, one.source, family, one.routing_key, one.publisher))
    body = one.body[:MOST_BODY_BYTES]
    return (
        region, _text(hall), bytes.fromhex(one.id), at, at, times, *texts, _event_id(one.body), len(one.body), body,
    )  # fmt: skip


def sender(routing_key: str, source: str) -> tuple[int, str, str]:
    """Return region, hall and family by the routing key, which no one can forge, or else by the source."""
    parts = routing_key.split(".") if routing_key else source.strip("/").split("/")
    region, hall, family, *_ = (*parts, "", "", "")
    return int(region) if len(region) == 6 and region.isascii() and region.isdecimal() else 0, hall, family


def _event_id(body: bytes) -> str | None:
    if len(body) > MOST_BODY_BYTES:
        return None
    try:
        return _text(_named.decode(body).id)[:64] or None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _text(given: str) -> str:
    return given.encode(errors="replace").decode(errors="replace").replace("\0", "\ufffd")
