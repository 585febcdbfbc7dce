"""`python -m services.console.prepare`: prepare a deployment before its services start; running it again changes
nothing.

It makes tables, a database role for each service, calendars, the broker's topology, and the gateway's broker user.
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
    """Prepare everything; roles and user only if the settings name the addresses that services and gateway will use."""
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
    """Make a broker user that may publish for every hall, and do nothing else."""
    parts = urlsplit(gateway_url)
    if parts.username != GATEWAY_USER or not parts.password:
        raise SettingsError(f"HALLPULSE_GATEWAY_AMQP_URL: expected amqp://{GATEWAY_USER}:PASSWORD@HOST/VHOST")
    BrokerUsers(management_url, vhost_of(gateway_url)).put_gateway(unquote(parts.password))


def patiently(work: Callable[[], None], say: Callable[[str], None]) -> None:
    """Run `work`, and again while servers of the deployment are starting, for a limited time."""
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
