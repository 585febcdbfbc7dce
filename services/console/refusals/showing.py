"""A refused event for the eye: its headers and the beginning of its body, numbers of persons hidden."""

from __future__ import annotations

from collections.abc import Iterable

from rich.markup import escape
from rich.table import Table

from hallpulse.broker.replay import RefusedEvent
from hallpulse.contract.masking import escaped, fit_to_show
from hallpulse.contract.refusal import Refusal

BEGINNING = 2000
_MORE = 200
"""Looked at behind the beginning, so that a number that is cut there is known for one."""


def shown(event: RefusedEvent) -> dict[str, object]:
    """Whatever the publisher could choose is masked."""
    return {
        "id": event.id,
        "refused_at": event.refused_at,
        "reason": event.reason,
        "field": fit_to_show(event.field),
        "expected": fit_to_show(event.detail),
        "source": fit_to_show(event.source),
        "routing_key": fit_to_show(event.routing_key),
        "user": fit_to_show(event.user),
        "bytes": len(event.body),
        "body": text_of(event.body[: BEGINNING + _MORE])[:BEGINNING],
    }


def text_of(body: bytes) -> str:
    return fit_to_show(body.decode("utf-8", "replace"))


def revealed(body: bytes, *, is_terminal: bool) -> bytes | str:
    """The body as it came; for a terminal with what it would obey, and what is no UTF-8, written as `\\x1b`."""
    return escaped(body.decode("utf-8", "backslashreplace")) if is_terminal else body


def withheld_line(event: RefusedEvent, refusal: Refusal) -> str:
    """Who sent what, and why it is not sent again."""
    names = (event.user or "-", event.routing_key or "-", refusal.source or event.source or "-", refusal.detail)
    user, key, source, detail = (" ".join(fit_to_show(name).split()) for name in names)
    return f"withheld {event.id}: user {user}, routing key {key}, source {source}: {refusal.reason}: {detail}"


def table_of(events: Iterable[RefusedEvent]) -> Table:
    table = Table("id", "时间 refused at", "来源 source", "原因 reason", "字段 field", "应为 expected")
    for event in events:
        source, field, detail = (escape(fit_to_show(text)) for text in (event.source, event.field, event.detail))
        table.add_row(event.id, event.refused_at[:19], source, event.reason, field, detail)
    return table
