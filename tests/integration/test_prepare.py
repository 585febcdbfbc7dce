"""What a deployment does first, on a real database and a real broker: all of it, and twice as once."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from hallpulse.broker.connection import open_channel
from hallpulse.domain.errors import Halt
from hallpulse.settings import Settings, SettingsError
from hallpulse.store import open_store
from services.console.prepare import make_gateway_user, prepare
from tests.servers import BrokerServer, Vhost

CALENDARS = Path(__file__).parents[2] / "calendars"


def test_tables_calendars_and_topology_are_there_afterwards(database_url: str, amqp_url: str) -> None:
    settings = Settings(amqp_url, database_url, calendars=CALENDARS)
    for _ in range(2):
        prepare(settings)
    engine = create_engine(make_url(database_url).set(drivername="postgresql+psycopg"))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM calendars")).scalar_one() == 2
    engine.dispose()
    store = open_store(database_url)
    assert store.notices.list() == []
    store.close()
    with open_channel(amqp_url) as channel:
        channel.exchange_declare("hall.events", passive=True)
        channel.queue_declare("hall.refused", passive=True)


def test_the_gateways_user_may_publish_and_nothing_else(broker: BrokerServer, vhost: Vhost, database_url: str) -> None:
    address = make_url(vhost.amqp_url).set(username="gateway", password="pass:word/1")
    url = address.render_as_string(hide_password=False)
    settings = Settings(vhost.amqp_url, database_url, broker.management_url, gateway_amqp_url=url, calendars=CALENDARS)
    prepare(settings)
    with open_channel(url) as channel:
        channel.confirm_delivery()
        channel.basic_publish("hall.events", "222424.hall-1.heartbeat", b"{}")
        with pytest.raises(Halt), open_channel(url) as other:
            other.queue_declare("of-my-own")


@pytest.mark.parametrize("url", ["amqp://somebody:p@h/", "amqp://gateway@h/", "amqp://h/"])
def test_a_gateway_address_without_its_user_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="HALLPULSE_GATEWAY_AMQP_URL"):
        make_gateway_user("http://127.0.0.1:9", url)
