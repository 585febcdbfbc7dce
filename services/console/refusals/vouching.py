"""Decide whether a refused event may be sent again, by the present rights of its hall."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from hallpulse.broker.replay import RefusedMessage
from hallpulse.contract.decode import EVENT_TYPE, decode_events
from hallpulse.contract.ended import refusal_of
from hallpulse.contract.events import HallEvent
from hallpulse.contract.identity import DENIED, REFUSED, granted, publisher_identity, sender_of, user_name
from hallpulse.contract.reasons import Reason, Refusal
from hallpulse.domain.succession import NO_ENDS, Ended
from hallpulse.store.registry import Hall


class Vouched(NamedTuple):
    """An event that its sender may send now. sender: REGION.HALL; routing_key: the sender's for this event's family."""

    sender: str
    routing_key: str
    source: str
    id: str


class Vouching:
    """Decides by the senders' rights. halls: the registered halls; gateway_users: may publish for every hall.

    ended: region codes that have ended, under which nothing new begins.
    """

    def __init__(
        self, halls: Iterable[Hall], gateway_users: frozenset[str], ended: Mapping[int, Ended] = NO_ENDS
    ) -> None:
        self._families = {(hall.region, hall.hall): hall.families for hall in halls}
        self._gateway_users = gateway_users
        self._ended = ended

    def judge(self, event: RefusedMessage, now: int) -> Vouched | Refusal:
        """Return the event as its sender may send it now, or a refusal.

        The sender is known from the routing key and the user, which the broker has checked; the body must agree with
        them. now: microseconds since 1970-01-01 UTC.
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
        refusal = refusal_of(decoded, self._ended) or self._unfit(event, name, key)
        return refusal or Vouched(name, key, f"/{decoded.region}/{decoded.hall}", decoded.id)

    def _unfit(self, event: RefusedMessage, name: str, key: str) -> Refusal | None:
        by_gateway = (f"{name}.{REFUSED}", f"{name}.{DENIED}") if event.user in self._gateway_users else ()
        if event.routing_key not in (key, *by_gateway):
            return _refusal(event, Reason.ROUTING_MISMATCH, "", f"expected that it had come by routing key {key}")
        if event.reason == Reason.ID_REUSED:
            return _refusal(event, Reason.ID_REUSED, "id", event.detail)
        return None


def _refusal(event: RefusedMessage, reason: Reason, field: str, detail: str) -> Refusal:
    return Refusal(reason, field, detail, event.source, event.body)
