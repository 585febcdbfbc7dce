"""A Celery task for each event, on quorum queues, acknowledged when it is done.

`celery -A bench.peers.celery_task worker`, with PEER_AMQP_URL and PEER_DATABASE_URL in the environment.
"""

from __future__ import annotations

import json
import os
import uuid
from typing import Any

from celery import Celery  # type: ignore[import-untyped]
from celery.signals import worker_process_init  # type: ignore[import-untyped]
from sqlalchemy.orm import Session, sessionmaker

from bench.peers.orm import engine_of, store_with_retries
from bench.peers.queues import QUEUES, existing
from bench.streams import Message

TASK = "store_hall_event"
PROCESSES = 2
PREFETCH_A_PROCESS = 64

app = Celery("peer", broker=os.environ.get("PEER_AMQP_URL", ""))
app.conf.update(
    task_queues=[existing(name) for name in QUEUES],
    task_default_queue=QUEUES[0],
    task_default_queue_type="quorum",
    worker_detect_quorum_queues=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=PREFETCH_A_PROCESS,
    broker_connection_retry_on_startup=True,
)
_sessions: sessionmaker[Session] = sessionmaker(expire_on_commit=False)


@worker_process_init.connect  # type: ignore[untyped-decorator]
def connect(**_: Any) -> None:
    """Give a process of the pool its own engine."""
    _sessions.configure(bind=engine_of(os.environ["PEER_DATABASE_URL"], "psycopg", 1))


@app.task(name=TASK)  # type: ignore[untyped-decorator]
def store_hall_event(event: dict[str, Any]) -> None:
    with _sessions() as session:
        store_with_retries(session, event)


def as_task(message: Message) -> Message:
    """Return an event's message as a message for the task, on the same queue."""
    id_ = str(uuid.uuid4())
    headers = {"lang": "py", "task": TASK, "id": id_, "root_id": id_, "parent_id": None, "group": None}
    body = [[json.loads(message.body)], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]
    return message._replace(content_type="application/json", body=json.dumps(body).encode(), headers=headers)
