"""Decide whether a refused event may be sent again, by the rights that its hall has now."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from hallpulse.broker.replay import RefusedMessage
from hallpulse.contract.decode import EVENT_TYPE, decode_events
from hallpulse.contract.events import HallEvent
from hallpulse.contract.identity import DENIED, REFUSED, granted, publisher_identity, sender_of, user_name
from hallpulse.contract.reasons import Reason, Refusal
from hallpulse.store.registry import Hall


class Vouched(NamedTuple):
    """An event that its sender may send now. sender: REGION.HALL; routing_key: as it came; id: of the event."""

    sender: str
    routing_key: str
    source: str
    id: str


class Vouching:
    """The senders' rights. halls: those registered now; gateway_users: broker users that may publish for any hall."""

    def __init__(self, halls: Iterable[Hall], gateway_users: frozenset[str]) -> None:
        self._families = {(hall.region, hall.hall): hall.families for hall in halls}
        self._gateway_users = gateway_users

    def judge(self, event: RefusedMessage, now: int) -> Vouched | Refusal:
        """Return the event as its sender may send it, or the refusal.

        The routing key and the user, which the broker checked, decide; the body must agree with them. now: microseconds
        since 1970-01-01 UTC.
        """
        origin = event.routing_key, event.user, self._gateway_users
        sender = sender_of(*origin)
        if sender is None and (refusal := publisher_identity(*origin).refusal(event.body)) is not None:
            return refusal
        if sender is None or sender not in self._families:
            return _refusal(event, Reason.SOURCE_MISMATCH, "source", "expected a sender that is registered")
        who = granted(sender, self._families[sender])
        (decoded,) = decode_events(event.body, content_type=EVENT_TYPE, now=now, who=who)
        if not isinstance(decoded, HallEvent):
            return decoded
        name = user_name(*sender)
        key = f"{name}.{decoded.type.family}"
        by_gateway = (f"{name}.{REFUSED}", f"{name}.{DENIED}") if event.user in self._gateway_users else ()
        if event.routing_key not in (key, *by_gateway):
            return _refusal(event, Reason.ROUTING_MISMATCH, "", f"expected that it had come by routing key {key}")
        if event.reason == Reason.ID_REUSED:
            return _refusal(event, Reason.ID_REUSED, "id", event.detail)
        return Vouched(name, key, f"/{decoded.region}/{decoded.hall}", decoded.id)


def _refusal(event: RefusedMessage, reason: Reason, field: str, detail: str) -> Refusal:
    return Refusal(reason, field, detail, event.source, event.body)
