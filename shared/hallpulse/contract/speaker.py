"""Who publishes a message, and what it may say."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from .events import EventType, Family, HallEvent
from .reasons import Reason
from .refusal import Refused
from .rules import place

_FAMILY_OF: dict[int, Family] = {kind.value: kind.family for kind in EventType}
_FAMILIES = tuple(_FAMILY_OF.get(number) for number in range(max(_FAMILY_OF) + 1))
"""By number, since hashing a member of an enumeration is slow."""


class Speaker(NamedTuple):
    """What the broker vouches for: the routing key, and the user that published.

    user: the region and hall that the user stands for; for_all: it is a gateway, which may speak for any hall.
    """

    key: tuple[int, str, str] | None
    user: tuple[int, str] | None
    identified: bool
    for_all: bool

    def check(self, event: HallEvent) -> None:
        """Raises Refused where this speaker may not say this event, or not under this routing key."""
        if not self.identified:
            raise Refused(Reason.PUBLISHER_UNIDENTIFIED, "", "expected the property user_id, checked by the broker")
        if not self.for_all and (event.region, event.hall) != self.user:
            raise Refused(Reason.SOURCE_MISMATCH, "source", "expected the source of the hall that publishes")
        if (event.region, event.hall, _FAMILIES[event.type]) != self.key:
            family = _FAMILIES[event.type]
            raise Refused(Reason.ROUTING_MISMATCH, "", f"expected routing key {event.region}.{event.hall}.{family}")


@lru_cache(maxsize=8192)
def speaker(routing_key: str, user_id: str | None, gateway_users: frozenset[str]) -> Speaker:
    name, _, family = routing_key.rpartition(".")
    hall = _hall(name)
    return Speaker(
        key=None if hall is None else (*hall, family),
        user=_hall(user_id or ""),
        identified=bool(user_id),
        for_all=user_id in gateway_users,
    )


def is_hall(name: str) -> bool:
    """Whether a broker user, or a routing key without its family, is `REGION.HALL`."""
    return _hall(name) is not None


def _hall(name: str) -> tuple[int, str] | None:
    """Region and hall of `REGION.HALL`."""
    region, _, hall = name.partition(".")
    try:
        return place(f"/{region}/{hall}")
    except Refused:
        return None
