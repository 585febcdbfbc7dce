"""The halls of the demonstration, registered like any others."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from urllib.parse import unquote, urlsplit

from hallpulse.broker.users import BrokerUsers
from hallpulse.settings import Settings
from hallpulse.store import Store, hash_of

Wanted = Mapping[tuple[int, str], Sequence[str]]
"""(region, hall) → the event families that it may send."""


def register(settings: Settings, store: Store, wanted: Wanted) -> int:
    """Register those that are not yet; how many. Keys of halls that are known stay what they are.

    Nobody needs the new ones' keys here: `hallpulse hall rotate` gives others.
    """
    known = {(hall.region, hall.hall) for hall in store.halls.list()}
    missing = {place: families for place, families in wanted.items() if place not in known}
    for (region, hall), families in missing.items():
        if settings.management_url:
            vhost = unquote(urlsplit(settings.amqp_url).path.removeprefix("/")) or "/"
            BrokerUsers(settings.management_url, vhost).put(region, hall, families)
        store.halls.add(region, hall, families, hash_of(secrets.token_urlsafe(32)))
    return len(missing)
