"""The queues of a service's calls and events: quorum queues, with a member on each of up to three nodes.

nameko's own queues lie on one node and go down with it: the services then end, and calls to them fail, until that node
is back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from amqp.exceptions import AMQPNotImplementedError, PreconditionFailed  # type: ignore[import-untyped]
from kombu.connection import Connection
from kombu.entity import Queue
from nameko.events import EventHandler
from nameko.rpc import Rpc, RpcConsumer

_QUORUM: Mapping[str, Any] = {"x-queue-type": "quorum"}
_UNLIMITED: Mapping[str, Any] = {"x-delivery-limit": -1}
"""RabbitMQ 4 drops what was given back twenty times; an earlier one, which does not, takes -1 for 0."""


def broker_connection(config: Mapping[str, Any]) -> Connection:
    """Return a connection to the broker of a service's settings; it is made when it is used."""
    return Connection(config["AMQP_URI"], connect_timeout=5, ssl=config["AMQP_SSL"])  # type: ignore[no-untyped-call]


class KeptQueue(Queue):
    """A quorum queue, declared at each connection.

    A queue that an earlier version declared under this name is used until nothing waits in it and no process takes from
    it; it is then replaced.
    """

    def queue_declare(self, nowait: bool = False, passive: bool = False, channel: Any = None) -> Any:
        del nowait, passive
        given = channel or self.channel
        lower = given.connection
        if not self._declared_as_kept(lower):
            if self._removed(lower.client.clone()):
                self._declared_as_kept(lower)
            given.queue_declare(queue=self.name, passive=True)  # of whichever kind: raises NotFound if it is gone again

    def _declared_as_kept(self, lower: Any) -> bool:
        return any(self._declared(lower, form) for form in _forms(lower))

    def _declared(self, lower: Any, arguments: dict[str, Any]) -> bool:
        """Try on a separate channel: the broker closes one on which it refuses."""
        tried = lower.channel()
        try:
            tried.queue_declare(queue=self.name, durable=True, auto_delete=False, arguments=arguments)
        except PreconditionFailed:  # it is there with other arguments
            return False
        tried.close()
        return True

    def _removed(self, connection: Connection) -> bool:
        """A quorum queue is never removed: the broker does not implement the conditions for it."""
        with connection:
            try:
                channel: Any = connection.default_channel
                channel.queue_delete(self.name, if_unused=True, if_empty=True)
            except (PreconditionFailed, AMQPNotImplementedError):
                return False
        return True


def _forms(lower: Any) -> Iterator[dict[str, Any]]:
    """The arguments of a queue, and those that it may have from before its broker became a RabbitMQ 4."""
    version = str((lower.server_properties or {}).get("version", ""))
    if version.partition(".")[0] not in {"", "3"}:
        yield {**_QUORUM, **_UNLIMITED}
    yield dict(_QUORUM)


def _kept(queue: Any) -> KeptQueue:
    made: Any = KeptQueue
    kept: KeptQueue = made(queue.name, exchange=queue.exchange, routing_key=queue.routing_key, durable=True)
    return kept


class _KeptRpcConsumer(RpcConsumer):  # type: ignore[misc]
    queue: Any

    def setup(self) -> None:
        super().setup()
        self.queue = _kept(self.queue)


class KeptRpc(Rpc):  # type: ignore[misc]
    """nameko's entrypoint for calls."""

    rpc_consumer = _KeptRpcConsumer()


class KeptEventHandler(EventHandler):  # type: ignore[misc]
    """nameko's entrypoint for events."""

    queue: Any

    def setup(self) -> None:
        super().setup()
        self.queue = _kept(self.queue)


rpc = KeptRpc.decorator
event_handler = KeptEventHandler.decorator
