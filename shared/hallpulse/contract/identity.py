"""The publisher of a message, and its rights: looked at before anything else of an event.

A body is also read for who it says it is from where it is no event: a forgery must not hide behind another fault. Such
a reading only chooses the reason of a refusal; what is accepted was decoded strictly.
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
"""Region and name."""
_FAMILY_NAMES = frozenset(family.value for family in Family)
_FAMILY = re.compile(r"hall\.([a-z]+)\.").match
_MOST_PARSED = 4 * 1024 * 1024
_ESCAPED = re.compile(r"\\u00([2-7][0-9A-Fa-f])")
_NAMED = re.compile(r'"(source|type)\\*"\s*:\s*\\*"([^"\\]{0,100})').findall


class Claim(NamedTuple):
    """The sender that a message claims to have.

    sources: every source that is given, twice or by several events; families: those of the types that are given.
    """

    sources: frozenset[str]
    families: frozenset[str]
    source: str
    """The first one, fit for a header; empty where none can be read."""


class _Pairs(list[tuple[str, Any]]):
    """A JSON object with names that were given twice."""


def claim_of(body: bytes) -> Claim:
    """The sources and families that an event, a batch or the remains of either name; never raises."""
    found = [(name, value) for name, value in _named(body) if isinstance(value, str)]
    sources = [value for name, value in found if name == "source"]
    families = {match[1] for name, value in found if name == "type" and (match := _FAMILY(value))}
    return Claim(frozenset(sources), frozenset(families & _FAMILY_NAMES), printable(sources[0]) if sources else "")


def hall_named(source: str) -> Hall | None:
    """The hall of a `source`; None where it has the form of none."""
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
            sender = _sender_in(body)  # the same, thirty times as fast, where no name is there twice or disguised
            yield from (("source", sender.source), ("type", sender.type))
            return
    text = body.decode(json.detect_encoding(body), errors="replace")
    is_long = len(body) > _MOST_PARSED or has_too_many_values(body)  # then searched as text, which is quick
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
"""Reasons that are about who sent an event, whatever else may be wrong with it."""
REFUSED, DENIED = "refused", "denied"
"""The last word of a gateway's routing key, behind the hall whose token was shown: no event has these families.

The ingest therefore refuses what the gateway refused, whatever it thinks of it. `denied`: because of who sent it.
"""
DESK = "declarations"
"""The hall of figures that departments and the bureau declare at the gateway: no hall of a county, so none to cover."""
_COUNTY_USER = re.compile(r"county\.([0-9]{6})").fullmatch
IMPORTING = "hallpulse import"
"""The property app_id of messages by which an import repeats records of the past."""
FOR = " for "
"""Between a user that may speak for any hall and the one, as REGION.HALL, that it speaks for and is held to."""
IMPORTED = " importing"
"""Behind a user that may speak for any hall, where it says that it repeats records of the past (`told_apart`)."""

_FAMILY_OF = {kind.value: kind.family.value for kind in EventType}
_FAMILIES = tuple(_FAMILY_OF.get(number, "") for number in range(max(_FAMILY_OF) + 1))
"""By number and as plain text, since hashing a member of an enumeration is slow."""


class PublisherIdentity(NamedTuple):
    """A publisher and what it may say, as far as the broker or a registry vouches for it.

    hall: whose events alone it may say; allowed: the same with each family that it may send, as (region, hall, family);
    fault: why it may say nothing at all; foreign: the reason given for another hall's event;
    families: of these alone, none where whatever is well formed is refused at last;
    field, expected: what is said of an event of another family, `{family}` in its place.
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
        """The refusal of a body that was not decoded, if its identity is wrong as far as it can be read."""
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
    """Return who published a message, by what the broker vouches for.

    user_id: the property that the broker checked, for a gateway with FOR and a hall behind it, for a county's suite the
    county's (`county_user`); gateway_users: those that may speak for any hall.
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
    """A registered hall, which may send events of the families that it was granted."""
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
    """The user of a message, with IMPORTED behind it where its program imports records and it is no hall's or county's.

    A hall cannot choose this: a message under its name or its county's is none, whatever app says.
    """
    if not user or app != IMPORTING or hall_of(user) is not None or county_of(user) is not None:
        return user
    return user + IMPORTED


def told_apart(user_id: str | None) -> tuple[str | None, bool]:
    """The user of a message without IMPORTED, and whether that was there."""
    if user_id is None or not user_id.endswith(IMPORTED):
        return user_id, False
    return user_id.removesuffix(IMPORTED), True


def sender_of(routing_key: str, user_id: str | None, gateway_users: frozenset[str]) -> Hall | None:
    """The hall that a message comes from: of the user, or the one that a gateway speaks for; None where it is none.

    A gateway says it behind its own name, or else by the routing key; so does a county's suite, of its halls alone.
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
    """The broker user of a hall, and the beginning of its routing keys: REGION.HALL."""
    return f"{region}.{hall}"


def county_user(region: int) -> str:
    """The broker user of a county's own suite at the suite above it: it speaks for the halls of that county alone."""
    return f"county.{region}"


def county_of(user: str) -> int | None:
    """The county of such a user; None of any other."""
    match = _COUNTY_USER(user)
    hall = hall_named(f"/{match[1]}/hall") if match else None
    return hall[0] if hall else None


def hall_of(name: str) -> Hall | None:
    """The hall of REGION.HALL."""
    region, _, hall = name.partition(".")
    return hall_named(f"/{region}/{hall}")
