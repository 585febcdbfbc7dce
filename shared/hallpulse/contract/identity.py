"""The publisher of a message and its rights, which are checked before anything else.

A body that is no valid event is still searched for the sender that it names: a forgery must not hide behind another
fault. The search only chooses the reason of the refusal; every accepted event was decoded strictly.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from hallpulse.contract.events import EventType, Family, HallEvent
from hallpulse.contract.reasons import Reason, Refusal, Refused, printable
from hallpulse.contract.validation import has_too_many_values, place

Hall = tuple[int, str]
"""A hall's region (county code) and name."""
_FAMILY_NAMES = frozenset(family.value for family in Family)
_FAMILY = re.compile(r"hall\.([a-z]+)\.").match
_MOST_PARSED = 4 * 1024 * 1024
_ESCAPED = re.compile(r"\\u00([2-7][0-9A-Fa-f])")
_NAMED = re.compile(r'"(source|type)\\*"\s*:\s*\\*"([^"\\]{0,100})').findall


class Claim(NamedTuple):
    """The sender that a message claims to have.

    sources: every source in the message; a batch or a forgery may have several; families: those of its event types.
    """

    sources: frozenset[str]
    families: frozenset[str]
    source: str
    """The first source, made fit for a header; empty if none can be read."""


class _Pairs(list[tuple[str, Any]]):
    """A JSON object with names that were given twice."""


def claim_of(body: bytes) -> Claim:
    """Return the sources and families that a body names, be it an event, a batch or a damaged one; never raises."""
    found = [(name, value) for name, value in _named(body) if isinstance(value, str)]
    sources = [value for name, value in found if name == "source"]
    families = {match[1] for name, value in found if name == "type" and (match := _FAMILY(value))}
    return Claim(frozenset(sources), frozenset(families & _FAMILY_NAMES), printable(sources[0]) if sources else "")


def hall_named(source: str) -> Hall | None:
    """Return the hall of a `source`; None if it does not have the form /REGION/HALL."""
    try:
        return place(source)
    except Refused:
        return None


class _Sender(msgspec.Struct):
    source: Any = None
    type: Any = None


_sender_in = msgspec.json.Decoder(_Sender).decode


def _named(body: bytes) -> Iterator[tuple[str, Any]]:
    if body.count(b'"source"') < 2 and body.count(b'"type"') < 2 and b"\\" not in body:
        with suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            sender = _sender_in(body)  # thirty times as fast as below; no name is there twice or escaped
            yield from (("source", sender.source), ("type", sender.type))
            return
    text = body.decode(json.detect_encoding(body), errors="replace")
    is_long = len(body) > _MOST_PARSED or has_too_many_values(body)  # such a body is searched as text, which is quick
    try:
        value = None if is_long else json.loads(text, strict=False, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError):
        value = None
    events = value if isinstance(value, list) and not isinstance(value, _Pairs) else [value]
    objects = [event for event in events if isinstance(event, _Pairs)]
    if objects:
        yield from (pair for pairs in objects for pair in pairs if pair[0] in ("source", "type"))
    else:
        unescaped = _ESCAPED.sub(lambda escape: chr(int(escape[1], 16)), text)
        yield from _NAMED(unescaped.replace("\\/", "/"))


IDENTITY = frozenset({Reason.PUBLISHER_UNIDENTIFIED, Reason.SOURCE_MISMATCH, Reason.ROUTING_MISMATCH})
"""Reasons of a refusal because of who sent the event."""
REFUSED, DENIED = "refused", "denied"
"""Last words of routing keys, after the hall of the token, under which the gateway passes on events that it refused.

No event has these families, so the ingest refuses these events too. `denied`: refused because of who sent them.
"""
DESK = "declarations"
"""The name used as the hall of figures that departments and the bureau declare at the gateway.

It is no real hall, so coverage does not count it.
"""
_COUNTY_USER = re.compile(r"county\.([0-9]{6})").fullmatch
IMPORTING = "hallpulse import"
"""The property app_id of messages in which an import repeats records of the past."""
FOR = " for "
"""Stands between a gateway's user and the hall, as REGION.HALL, that it speaks for: no other hall is accepted then."""
IMPORTED = " importing"
"""Follows the user's name if its program imports records of the past (`importing`, `told_apart`)."""

_FAMILY_OF = {kind.value: kind.family.value for kind in EventType}
_FAMILIES = tuple(_FAMILY_OF.get(number, "") for number in range(max(_FAMILY_OF) + 1))
"""Families by the event type's number, as plain text: hashing a member of an enumeration is slow."""


class PublisherIdentity(NamedTuple):
    """A publisher and the events that it may send, as the broker or the registry vouches for them.

    hall: the only hall whose events it may send, or None; families: the only families that it may send;
    allowed: hall and families together, each as (region, hall, family), empty if every event is refused;
    fault: why it may send nothing, or None; foreign: the reason for refusing another hall's event;
    field, expected: field and detail of the refusal of another family, whose name replaces `{family}`.
    """

    hall: Hall | None
    families: frozenset[str]
    allowed: frozenset[tuple[int, str, str]]
    fault: Reason | None
    foreign: Reason
    field: str
    expected: str

    def check(self, event: HallEvent) -> None:
        """Raise Refused if this publisher may not send this event, or not under its routing key."""
        family = _FAMILIES[event.type]
        if (event.region, event.hall, family) not in self.allowed:
            self._check((f"/{event.region}/{event.hall}",), (family,))
            raise self._misrouted(family)

    def refusal(self, body: bytes) -> Refusal | None:
        """Return the refusal of an undecoded body if this publisher may not send the sources or families it names."""
        claim = claim_of(body)
        try:
            self._check(claim.sources, claim.families)
        except Refused as refused:
            return refused.refusal(body, claim.source)
        return None

    def _check(self, sources: Iterable[str], families: Collection[str]) -> None:
        if self.fault is Reason.PUBLISHER_UNIDENTIFIED:
            raise Refused(self.fault, "", "expected the property user_id, checked by the broker")
        is_foreign = any(hall not in (None, self.hall) for hall in map(hall_named, sources))
        if self.fault is Reason.SOURCE_MISMATCH or (is_foreign and self.foreign is Reason.SOURCE_MISMATCH):
            raise Refused(Reason.SOURCE_MISMATCH, "source", "expected the source of the hall that publishes")
        if is_foreign:
            raise Refused(self.foreign, "", "expected the routing key of the event's source")
        if self.fault or (self.families and not self.families.issuperset(families)):
            raise self._misrouted(min(families, default="FAMILY"))

    def _misrouted(self, family: str) -> Refused:
        return Refused(Reason.ROUTING_MISMATCH, self.field, self.expected.format(family=family))


@lru_cache(maxsize=8192)
def publisher_identity(routing_key: str, user_id: str | None, gateway_users: frozenset[str]) -> PublisherIdentity:
    """Return the publisher of a message, by what the broker vouches for.

    user_id: the property that the broker checked: a hall's user, a county's (`county_user`), or a gateway's, which FOR
    and a hall may follow; gateway_users: broker users that may speak for any hall.
    """
    name, _, family = routing_key.rpartition(".")
    hall, is_bound = sender_of(routing_key, user_id, gateway_users), True
    if user_id in gateway_users:
        is_bound = family in (REFUSED, DENIED)
    fault = None
    if not user_id:
        fault = Reason.PUBLISHER_UNIDENTIFIED
    elif hall is None and is_bound:
        fault = Reason.SOURCE_MISMATCH
    elif hall is None or hall_of(name) != hall or family not in (*_FAMILY_NAMES, REFUSED):
        fault = Reason.ROUTING_MISMATCH
    families = _FAMILY_NAMES & {family}
    return PublisherIdentity(
        hall=hall,
        families=families,
        allowed=frozenset((*hall, family) for family in families) if hall and not fault else frozenset(),
        fault=fault,
        foreign=Reason.SOURCE_MISMATCH if is_bound else Reason.ROUTING_MISMATCH,
        field="",
        expected=f"expected routing key {user_name(*hall) if hall else 'REGION.HALL'}.{{family}}",
    )


def is_hall(name: str) -> bool:
    """Return whether a broker user, or a routing key without its family, is `REGION.HALL`."""
    return hall_of(name) is not None


def granted(hall: Hall, families: Collection[str]) -> PublisherIdentity:
    """Return the identity of a registered hall, which may send events of the families that it was granted."""
    return PublisherIdentity(
        hall=hall,
        families=frozenset(families) or frozenset({"none"}),
        allowed=frozenset((*hall, family) for family in families),
        fault=None,
        foreign=Reason.SOURCE_MISMATCH,
        field="type",
        expected=f"expected a family granted to this hall ({', '.join(families) or 'none'}), got {{family}}",
    )


def importing(user: str | None, app: str) -> str | None:
    """Return a message's user, followed by IMPORTED if its program imports records of the past.

    Halls and counties cannot claim this: their users are returned unchanged, whatever `app` says.
    """
    if not user or app != IMPORTING or hall_of(user) is not None or county_of(user) is not None:
        return user
    return user + IMPORTED


def told_apart(user_id: str | None) -> tuple[str | None, bool]:
    """Return a message's user without IMPORTED, and whether IMPORTED was there."""
    if user_id is None or not user_id.endswith(IMPORTED):
        return user_id, False
    return user_id.removesuffix(IMPORTED), True


def sender_of(routing_key: str, user_id: str | None, gateway_users: frozenset[str]) -> Hall | None:
    """Return the hall that a message comes from: the user's own, or the one that it speaks for; None if there is none.

    A gateway names the hall after its own name (FOR) or else by the routing key. A county's suite names it by the
    routing key, and only halls of that county.
    """
    county = county_of(user_id or "")
    if county is not None:
        hall = hall_of(routing_key.rpartition(".")[0])
        return hall if hall is not None and hall[0] == county else None
    if user_id in gateway_users:
        return hall_of(routing_key.rpartition(".")[0])
    user, _, named = (user_id or "").rpartition(FOR)
    return hall_of(named if user in gateway_users else user_id or "")


def user_name(region: int, hall: str) -> str:
    """Return the broker user of a hall, which also begins its routing keys: REGION.HALL."""
    return f"{region}.{hall}"


def county_user(region: int) -> str:
    """Return the broker user of a county's suite at the suite above it; it speaks for halls of that county only."""
    return f"county.{region}"


def county_of(user: str) -> int | None:
    """Return the county of a `county_user`; None for any other user."""
    match = _COUNTY_USER(user)
    hall = hall_named(f"/{match[1]}/hall") if match else None
    return hall[0] if hall else None


def hall_of(name: str) -> Hall | None:
    """Return the hall that REGION.HALL names; None if the name has another form."""
    region, _, hall = name.partition(".")
    return hall_named(f"/{region}/{hall}")
