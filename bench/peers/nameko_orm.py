"""A nameko service that stores each event with the ORM: `python -m bench.peers.nameko_orm AMQP_URL DATABASE_URL`.

It follows nameko's guide: a handler on a queue, a worker for each message, and a dependency that provides sessions.
`event_handler` is built on `consume`, which is used here because the queue exists already.
"""

from __future__ import annotations

import eventlet

eventlet.monkey_patch()

import signal  # noqa: E402
import sys  # noqa: E402
from typing import Any  # noqa: E402

from nameko.containers import ServiceContainer  # noqa: E402
from nameko.extensions import DependencyProvider  # noqa: E402
from nameko.messaging import consume  # noqa: E402
from sqlalchemy.orm import Session, sessionmaker  # noqa: E402

from bench.peers.orm import engine_of, store_with_retries  # noqa: E402
from bench.peers.queues import QUEUES, existing  # noqa: E402

WORKERS = 10
"""nameko's default number of workers, which is also the prefetch."""
EVENTS_AS_JSON = {
    "encoder": "json.dumps",
    "decoder": "json.loads",
    "content_type": "application/cloudevents+json",
    "content_encoding": "utf-8",
}


class Sessions(DependencyProvider):  # type: ignore[misc]
    def setup(self) -> None:
        engine = engine_of(self.container.config["DATABASE_URL"], "psycopg2", WORKERS)
        self.make = sessionmaker(engine, expire_on_commit=False)

    def get_dependency(self, _worker_ctx: object) -> sessionmaker[Session]:
        return self.make


class HallEvents:
    name = "hall-events"
    sessions = Sessions()

    def store(self, event: dict[str, Any]) -> None:
        with self.sessions() as session:
            store_with_retries(session, event)

    for _queue in QUEUES:
        store = consume(existing(_queue), requeue_on_error=True)(store)


def main(amqp_url: str, database_url: str) -> None:
    config = {
        "AMQP_URI": amqp_url,
        "DATABASE_URL": database_url,
        "max_workers": WORKERS,
        "SERIALIZERS": {"cloudevents": EVENTS_AS_JSON},
        "ACCEPT": ["cloudevents", "json"],
    }
    container = ServiceContainer(HallEvents, config)
    container.start()
    signal.signal(signal.SIGTERM, lambda *_: eventlet.spawn_n(container.stop))
    container.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
