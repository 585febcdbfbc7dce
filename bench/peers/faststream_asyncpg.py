"""A FastStream subscriber with an asyncpg pool: `python -m bench.peers.faststream_asyncpg AMQP_URL DATABASE_URL`.

It follows FastStream's guide: one subscriber for each queue, the prefetch set on its channel, and messages acknowledged
when the handler is done.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import asyncpg  # type: ignore[import-untyped]
from faststream import AckPolicy, FastStream
from faststream.rabbit import Channel, RabbitBroker, RabbitMessage, RabbitQueue

from bench.peers.queues import QUEUES
from bench.peers.tables import counted_as, day_of, key_of, time_of

PREFETCH, POOL = 100, 10
_EVENT = """
    INSERT INTO peer_events (region, hall, id, type, time, case_id, data) VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT DO NOTHING RETURNING 1
"""
_CASE = """
    INSERT INTO peer_cases (region, hall, case_id, {column}) VALUES ($1, $2, $3, $4)
    ON CONFLICT (region, hall, case_id) DO UPDATE SET {column} = excluded.{column} RETURNING department
"""
_RECEIVED = """
    INSERT INTO peer_cases (region, hall, case_id, received, item_code, department) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (region, hall, case_id) DO UPDATE
    SET received = excluded.received, item_code = excluded.item_code, department = excluded.department
    RETURNING department
"""
_DAY = """
    INSERT INTO peer_days (region, hall, department, day, {column}) VALUES ($1, $2, $3, $4, 1)
    ON CONFLICT (region, hall, department, day) DO UPDATE SET {column} = peer_days.{column} + 1
"""


async def store(connection: asyncpg.Connection, event: dict[str, Any]) -> None:
    """Store an event in a transaction. An id that is stored already changes nothing."""
    region, hall, id_ = key_of(event)
    data = event.get("data") or {}
    row = (region, hall, id_, event["type"], time_of(event), data.get("case_id"), json.dumps(data))
    async with connection.transaction():
        if await connection.fetchval(_EVENT, *row) is None:
            return
        if (column := counted_as(event)) is None:
            return
        key, day = (region, hall, data["case_id"]), day_of(event)
        if column == "received":
            department = await connection.fetchval(_RECEIVED, *key, day, data["item_code"], data["department"])
        else:
            department = await connection.fetchval(_CASE.format(column=column), *key, day)
        await connection.execute(_DAY.format(column=column), region, hall, department, day)


async def main(amqp_url: str, database_url: str) -> None:
    broker = RabbitBroker(amqp_url, default_channel=Channel(prefetch_count=PREFETCH), logger=None)
    async with asyncpg.create_pool(database_url, min_size=POOL, max_size=POOL) as pool:

        async def handle(message: RabbitMessage) -> None:
            async with pool.acquire() as connection:
                await store(connection, json.loads(message.body))

        for name in QUEUES:
            broker.subscriber(RabbitQueue(name, declare=False), ack_policy=AckPolicy.NACK_ON_ERROR)(handle)
        await FastStream(broker, logger=None).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
