"""A refused event for display: its reason and the beginning of its body, with personal numbers masked."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from rich.markup import escape
from rich.table import Table

from hallpulse.broker.replay import RefusedMessage
from hallpulse.contract.personal import escaped, fit_to_show
from hallpulse.contract.reasons import Refusal
from hallpulse.domain.workdays import SHANGHAI
from hallpulse.store import KeptRefusal

SHORT = 12
"""Digits of an id in the table: enough to name one event."""
BEGINNING = 2000
_MORE = 200
"""Bytes read after the beginning, so that a personal number at its end is recognised as a whole."""


def shown(event: KeptRefusal) -> dict[str, object]:
    """Return an event's fields for display. Text from the publisher is masked; times are in Asia/Shanghai."""
    seen: dict[str, object] = {
        "id": event.id,
        "refused_at": _moment(event.refused_at),
        "times": event.times,
        "reason": event.reason,
        "field": fit_to_show(event.field),
        "expected": fit_to_show(event.detail),
        "source": fit_to_show(event.source),
        "routing_key": fit_to_show(event.routing_key),
        "user": fit_to_show(event.publisher),
        "event_id": fit_to_show(event.event_id or ""),
        "bytes": event.size,
        "body": text_of(event.body[: BEGINNING + _MORE])[:BEGINNING],
    }
    if event.outcome_at is not None:
        seen |= {"outcome": event.outcome, "outcome_at": _moment(event.outcome_at), "outcome_by": event.outcome_by}
    return seen


def _moment(at: datetime) -> str:
    return at.astimezone(SHANGHAI).isoformat(timespec="milliseconds")


def text_of(body: bytes) -> str:
    return fit_to_show(body.decode("utf-8", "replace"))


def revealed(body: bytes, *, is_terminal: bool) -> bytes | str:
    r"""Return the body unmasked. For a terminal, control characters and invalid UTF-8 are escaped, as in `\x1b`."""
    return escaped(body.decode("utf-8", "backslashreplace")) if is_terminal else body


def withheld_line(event: RefusedMessage, refusal: Refusal) -> str:
    """Return one line: the event's user, routing key and source, and the reason why it is withheld."""
    names = (event.user or "-", event.routing_key or "-", refusal.source or event.source or "-", refusal.detail)
    user, key, source, detail = (" ".join(fit_to_show(name).split()) for name in names)
    return f"withheld {event.id}: user {user}, routing key {key}, source {source}: {refusal.reason}: {detail}"


def table_of(events: Iterable[KeptRefusal]) -> Table:
    table = Table("id", "时间 refused at", "来源 source", "原因 reason", "字段 field", "应为 expected")
    for event in events:
        source, field, detail = (escape(fit_to_show(text)) for text in (event.source, event.field, event.detail))
        when = event.refused_at.astimezone(SHANGHAI).isoformat(" ", "seconds")
        reason = event.reason + (f" ({event.outcome})" if event.outcome else "")
        table.add_row(event.id[:SHORT], when, source, reason, field, detail)
    return table
