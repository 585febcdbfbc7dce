"""Broker users of halls, by RabbitMQ's HTTP API: each may write its own routing keys to `hall.events` and nothing else.

A user is named REGION.HALL. It may not configure and not read; topic permissions narrow what it writes to its own
region, hall and granted families. The broker refuses a `user_id` that is not the user's own (406) and a routing key
outside its permissions (403), and more connections than a hall may have (530).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from urllib.parse import quote

from hallpulse.contract.speaker import user_name

from .management import ManagementApi
from .topology import EVENTS, GATEWAY_PERMISSIONS, GATEWAY_USER

MOST_CONNECTIONS, MOST_CHANNELS = 32, 256
"""Of one hall at once: enough for several programs, too few to leave the others none."""


class BrokerUsers:
    """The users of one virtual host. Every method raises Unavailable (not reached) or Halt (we may not).

    management_url: http://user:password@host:port of an administrator.
    """

    def __init__(self, management_url: str, vhost: str = "/") -> None:
        self._api = ManagementApi(management_url)
        self._vhost = quote(vhost, safe="")

    def put_publisher(self, user: str, password: str) -> None:
        """Create a user, or give it another password, that may publish to `hall.events` and do nothing else."""
        self._api.ask("PUT", f"users/{quote(user)}", {"password": password, "tags": ""})
        write = f"^{re.escape(EVENTS)}$"
        self._api.ask(
            "PUT", f"permissions/{self._vhost}/{quote(user)}", {"configure": "^$", "write": write, "read": "^$"}
        )

    def put_gateway(self, password: str) -> None:
        """Create the gateway's user, or give it another password: it publishes events and calls services."""
        configure, write, read = GATEWAY_PERMISSIONS
        self._api.ask("PUT", f"users/{GATEWAY_USER}", {"password": password, "tags": ""})
        wanted = {"configure": configure, "write": write, "read": read}
        self._api.ask("PUT", f"permissions/{self._vhost}/{GATEWAY_USER}", wanted)

    def put(self, region: int, hall: str, families: Sequence[str]) -> str:
        """Create the hall's user, or give it a new password; its permissions are what `families` says. The password."""
        user, password = user_name(region, hall), secrets.token_urlsafe(24)
        self.put_publisher(user, password)
        topic = {"exchange": EVENTS, "write": routing_keys(region, hall, families), "read": "^$"}
        self._api.ask("PUT", f"topic-permissions/{self._vhost}/{quote(user)}", topic)
        for limit, most in (("max-connections", MOST_CONNECTIONS), ("max-channels", MOST_CHANNELS)):
            self._api.ask("PUT", f"user-limits/{quote(user)}/{limit}", {"value": most})
        return password

    def remove(self, region: int, hall: str) -> bool:
        """Take the user away and cut its connections; whether it was there."""
        user = user_name(region, hall)
        if self._api.ask("DELETE", f"users/{quote(user)}", missing_is_none=True) is None:
            return False
        self.cut(region, hall)
        return True

    def cut(self, region: int, hall: str) -> None:
        """Close the user's connections: a connection outlives the password that opened it."""
        self._api.ask("DELETE", f"connections/username/{quote(user_name(region, hall))}", missing_is_none=True)


def routing_keys(region: int, hall: str, families: Sequence[str]) -> str:
    """The routing keys that a hall may write, as RabbitMQ's regular expression (where $ would let a newline follow)."""
    return rf"^{region}\.{re.escape(hall)}\.({'|'.join(sorted(families))})\z"
