"""Prepare a deployment before its services start: `python -m services.console.prepare`.

It makes the tables, a database role for each service, the calendars, the broker's exchanges and queues, and the
gateway's broker user. Running it again changes nothing. During a rotation of the secrets it first gives the tables'
owner and the broker's administrator their new passwords.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from urllib.parse import unquote, urlsplit

from hallpulse.broker import GATEWAY_USER, declare, keep_everything, replace_password, vhost_of
from hallpulse.broker.cluster import short_of_members, spread_leaders
from hallpulse.broker.connection import open_channel
from hallpulse.broker.management import BrokerUsers
from hallpulse.calendars import CalendarError, load_overrides, national_calendar
from hallpulse.domain.errors import HallpulseError, Unavailable
from hallpulse.settings import Settings, SettingsError, settings_from
from hallpulse.store import migrate, open_store, replace_owner_password

PATIENCE_SECONDS = 180.0
PAUSE_SECONDS = 2.0


def prepare(settings: Settings, say: Callable[[str], None] = lambda _: None) -> None:
    """Prepare everything. Roles and the gateway's user are made only if the settings hold their addresses.

    say: called with a warning about queues that would not outlive the loss of one of the broker's nodes.
    """
    replace_passwords(settings)
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
        spread_leaders(settings.management_url)
        for queue, (members, due) in short_of_members(settings.management_url, settings.amqp_url).items():
            say(f"{queue} has {members} of {due} members: rabbitmq-queues grow NODE all")
    if settings.gateway_amqp_url and settings.management_url:
        make_gateway_user(settings.management_url, settings.gateway_amqp_url)


def replace_passwords(settings: Settings) -> None:
    """Give database and broker the passwords in the present URLs, if the settings hold the previous ones, too."""
    if settings.previous_database_url:
        replace_owner_password(settings.previous_database_url, settings.database_url)
    if settings.previous_management_url and settings.management_url:
        replace_password(settings.previous_management_url, settings.management_url)


def make_gateway_user(management_url: str, gateway_url: str) -> None:
    """Make the gateway's broker user, which may publish for every hall and do nothing else.

    Raises SettingsError if the URL does not hold the gateway's user and a password.
    """
    parts = urlsplit(gateway_url)
    if parts.username != GATEWAY_USER or not parts.password:
        raise SettingsError(f"HALLPULSE_GATEWAY_AMQP_URL: expected amqp://{GATEWAY_USER}:PASSWORD@HOST/VHOST")
    BrokerUsers(management_url, vhost_of(gateway_url)).put_gateway(unquote(parts.password))


def patiently(work: Callable[[], None], say: Callable[[str], None]) -> None:
    """Run `work`, and repeat it for up to three minutes while it raises Unavailable: servers may still be starting."""
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
        patiently(lambda: prepare(settings, _say), _say)
    except (HallpulseError, SettingsError, CalendarError, OSError) as error:
        _say(str(error) or type(error).__name__)
        return 1
    _say("done")
    return 0


if __name__ == "__main__":
    sys.exit(main())
