"""The test servers themselves: fresh for each test, reachable, alone."""

from __future__ import annotations

import pika
import psycopg
import pytest

from tests.servers import BrokerServer, PostgresServer, Vhost


@pytest.mark.parametrize("time", [1, 2])
def test_each_test_has_an_empty_database(database_url: str, time: int) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE TABLE mine (n int)")
        version = connection.execute("SHOW server_version_num").fetchone()
    assert version is not None
    assert int(version[0]) >= 180000, time


@pytest.mark.parametrize("time", [1, 2])
def test_each_test_has_a_vhost_with_its_own_user(amqp_url: str, time: int) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
    channel = connection.channel()
    declared = channel.queue_declare("mine", durable=True, arguments={"x-queue-type": "quorum"})
    connection.close()
    assert declared.method.message_count == 0, time


def test_the_management_api_answers_the_vhosts_own_user(broker: BrokerServer, vhost: Vhost) -> None:
    assert vhost.name.encode() in broker.manage("GET", "vhosts")


def test_the_consistent_hash_exchange_is_there(amqp_url: str) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
    connection.channel().exchange_declare("split", "x-consistent-hash", durable=True)
    connection.close()


def test_the_owner_alone_may_copy_the_whole_server(postgres: PostgresServer) -> None:
    psycopg.connect(postgres.url, replication="true").close()
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("CREATE ROLE copier LOGIN REPLICATION PASSWORD 'copier'")
        try:
            another = psycopg.conninfo.make_conninfo(postgres.url, user="copier", password="copier")
            psycopg.connect(another).close()
            with pytest.raises(psycopg.OperationalError, match="for replication connection"):
                psycopg.connect(another, replication="true")
        finally:
            connection.execute("DROP ROLE copier")
