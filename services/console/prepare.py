"""`python -m services.console.prepare`: what must be there before the services of a deployment start; twice is as once.

Tables, a database role for each service, calendars, the broker's topology, and the broker user of the gateway.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from urllib.parse import unquote, urlsplit

from hallpulse.broker import GATEWAY_USER, declare, keep_everything, vhost_of
from hallpulse.broker.connection import open_channel
from hallpulse.broker.management import BrokerUsers
from hallpulse.calendars import CalendarError, load_overrides, national_calendar
from hallpulse.domain.errors import HallpulseError, Unavailable
from hallpulse.settings import Settings, SettingsError, settings_from
from hallpulse.store import migrate, open_store

PATIENCE_SECONDS = 180.0
PAUSE_SECONDS = 2.0


def prepare(settings: Settings) -> None:
    """All of it; roles and user only where the settings say how services and gateway will find their servers."""
    migrate(settings.database_url, settings.service_database_urls)
    store = open_store(settings.database_url, pool_size=1, service="prepare")
    try:
        store.apply_calendars([national_calendar(), *load_overrides(settings.calendars)])
    finally:
        store.close()
    with open_channel(settings.amqp_url) as channel:
        declare(channel, settings.partitions)
    if settings.management_url:
        keep_everything(settings.management_url, settings.amqp_url)
    if settings.gateway_amqp_url and settings.management_url:
        make_gateway_user(settings.management_url, settings.gateway_amqp_url)


def make_gateway_user(management_url: str, gateway_url: str) -> None:
    """A user that may publish for every hall, and do nothing else."""
    parts = urlsplit(gateway_url)
    if parts.username != GATEWAY_USER or not parts.password:
        raise SettingsError(f"HALLPULSE_GATEWAY_AMQP_URL: expected amqp://{GATEWAY_USER}:PASSWORD@HOST/VHOST")
    BrokerUsers(management_url, vhost_of(gateway_url)).put_gateway(unquote(parts.password))


def patiently(work: Callable[[], None], say: Callable[[str], None]) -> None:
    """Servers of a deployment start at the same time: wait for them, but not for ever."""
    last = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return work()
        except Unavailable as error:
            if time.monotonic() > last:
                raise
            say(f"waiting: {error}")
            time.sleep(PAUSE_SECONDS)


def _say(text: str) -> None:
    print(f"prepare: {' '.join(text.split())}", file=sys.stderr, flush=True)


def main() -> int:
    try:
        settings = settings_from(os.environ)
        patiently(lambda: prepare(settings), _say)
    except (HallpulseError, SettingsError, CalendarError, OSError) as error:
        _say(str(error) or type(error).__name__)
        return 1
    _say("done")
    return 0


if __name__ == "__main__":
    sys.exit(main())
