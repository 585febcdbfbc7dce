"""A county that is attacked: its halls with the keys that `hallpulse` gives them, and the real servers they reach."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import pika
from click.testing import CliRunner
from pika.adapters.blocking_connection import BlockingChannel

from hallpulse.broker import EVENTS, declare, open_channel
from hallpulse.calendars import load_overrides, national_calendar
from hallpulse.contract.decode import BATCH_TYPE, EVENT_TYPE
from hallpulse.contract.events import EventType
from hallpulse.store import Store, migrate, open_store
from services.console.commands import hall, token
from tests import gateway_process, ingest_process
from tests.gateway_process import Gateway
from tests.hall_events import changed
from tests.ingesting import PARTITIONS
from tests.servers import Vhost

REGION = "222424"
FAMILIES = "case,tally,heartbeat"
CALENDARS = Path(__file__).parents[2] / "calendars"


@dataclass(frozen=True)
class Keys:
    """What a hall was given."""

    hall: str
    user: str
    password: str
    token: str

    @property
    def source(self) -> str:
        return f"/{REGION}/{self.hall}"

    def event(self, id_: str, kind: EventType = EventType.CASE_RECEIVED, **attributes: Any) -> dict[str, Any]:
        """A valid one of this hall, of a case of its own."""
        data = attributes.pop("data", {"case_id": f"case-{id_}"} if kind is EventType.CASE_RECEIVED else None)
        return changed(kind, data, **{"source": self.source, "id": id_, **attributes})


@dataclass(frozen=True)
class County:
    """attacker: hall-1, whose keys somebody else has; victim: hall-2."""

    vhost: Vhost
    store: Store
    gateway: Gateway
    ingest: Mapping[str, str]
    environment: Mapping[str, str]
    attacker: Keys
    victim: Keys

    @property
    def port(self) -> int:
        return int(self.gateway.client.base_url.port or 0)

    def hall(self, name: str, families: str = FAMILIES) -> Keys:
        """Register a further hall, or give a known one new keys."""
        return _hall(name, self.environment, families)

    def token(self, name: str, *options: str) -> str:
        """A token that is not a hall's."""
        return str(_said(token.command, ["add", name, *options, "--json"], self.environment)["token"])

    def url(self, keys: Keys) -> str:
        return _url(self.vhost, keys.user, keys.password)

    @contextlib.contextmanager
    def channel(self, keys: Keys) -> Iterator[BlockingChannel]:
        """A channel of the hall's own user, with confirms; it may be closed by what is done with it."""
        connection = pika.BlockingConnection(pika.URLParameters(self.url(keys)))
        try:
            channel = connection.channel()
            channel.confirm_delivery()
            yield channel
        finally:
            if connection.is_open:
                connection.close()

    def figures(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = self.gateway.get("/v1/indicators", region=REGION).json()["indicators"]
        return listed

    def knows(self, keys: Keys, case_id: str) -> bool:
        return self.gateway.get(f"/v1/cases/{REGION}/{keys.hall}/{case_id}").status_code == 200

    def counted(self, metric: str) -> float:
        """What the ingest has counted of something since it began."""
        return ingest_process.metric(self.ingest, metric)


def send(channel: BlockingChannel, keys: Keys, body: object, key: str | None = None, **properties: Any) -> None:
    """Publish as a hall does, except where it is said otherwise."""
    raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    given = {
        "content_type": BATCH_TYPE if isinstance(body, list) else EVENT_TYPE,
        "delivery_mode": 2,
        "user_id": keys.user,
        **properties,
    }
    routing_key = key or f"{REGION}.{keys.hall}.case"
    channel.basic_publish(EVENTS, routing_key, raw, pika.BasicProperties(**given), mandatory=True)


@contextlib.contextmanager
def attacked(folder: Path, vhost: Vhost, database_url: str, **settings: str) -> Iterator[County]:
    """settings: of the ingest, besides the usual ones."""
    migrate(database_url)
    store = open_store(database_url)
    store.apply_calendars([national_calendar(), *load_overrides(CALENDARS)])
    with open_channel(vhost.amqp_url) as channel:
        declare(channel, PARTITIONS)
    environment = {
        "HALLPULSE_AMQP_URL": vhost.amqp_url,
        "HALLPULSE_DATABASE_URL": database_url,
        "HALLPULSE_MANAGEMENT_URL": vhost.management_url,
        "HALLPULSE_DIR": str(folder),
    }
    attacker, victim = (_hall(name, environment) for name in ("hall-1", "hall-2"))
    ingest = ingest_process.settings(vhost.amqp_url, database_url) | settings
    try:
        with (
            ingest_process.running(ingest),
            gateway_process.running(folder, vhost.amqp_url, database_url) as gateway,
        ):
            yield County(vhost, store, gateway, ingest, environment, attacker, victim)
    finally:
        store.close()


def _hall(name: str, environment: Mapping[str, str], families: str = FAMILIES) -> Keys:
    given = _said(hall.command, ["add", REGION, name, "--families", families, "--json"], environment)
    return Keys(name, given["amqp_user"], given["amqp_password"], given["token"])


def _said(command: click.Command, arguments: Sequence[str], environment: Mapping[str, str]) -> dict[str, Any]:
    result = CliRunner().invoke(command, arguments, env=environment)
    assert result.exit_code == 0, result.output
    said: dict[str, Any] = json.loads(result.stdout)
    return said


def _url(vhost: Vhost, user: str, password: str) -> str:
    address = urlsplit(vhost.amqp_url)
    return f"amqp://{user}:{password}@{address.hostname}:{address.port}/{vhost.name}"
