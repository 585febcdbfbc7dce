"""Calls of the suite's other services by RPC, for what a person asks to be done: catalogue, reports, notices.

A handler asks `resources.services`. It gets an answer of the type that it names, or the request ends with a problem
document: 422 where the service refuses an argument, 503 where it is down or too slow, 500 where the two do not
understand each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Any, Protocol, TypeVar

import msgspec

from hallpulse.broker.rpc import RpcError, call
from hallpulse.domain.errors import HallpulseError, Unavailable
from services.gateway.problems import Declined, Kind

CALL_SECONDS = 10.0
MOST_CALLS = 8
"""Calls under way at once: a slow service must not hold the threads that answer everything else."""
_REFUSALS = {
    "ValueError": Kind.CONTRADICTION,
    "NoSuchAlert": Kind.NOT_FOUND,
    "NoPlan": Kind.CONTRADICTION,
    "AlreadyPublished": Kind.CONFLICT,
    "UploadBusy": Kind.CONFLICT,
    "NotNow": Kind.NOT_NOW,
}
"""The meaning of a service's refusal to a client, by the class that it raised."""
_FIELD = re.compile(r"([a-z_]{1,40}): ").match
Answer = TypeVar("Answer")


class Services(Protocol):
    def ask(
        self, kind: type[Answer], service: str, method: str, /, *args: Any, seconds: float = CALL_SECONDS, **kwargs: Any
    ) -> Answer:
        """Return the service's answer as a `kind`; arguments are JSON's.

        Raise Declined where the service refuses, and Unavailable where it does not run, has not answered within
        `seconds`, or too many calls are under way: it may have done all the same what it was asked to.
        """
        ...


class RpcServices:
    """Calls services through the broker, each call on a thread and a connection. Close it after the last."""

    def __init__(self, amqp_url: str, most: int = MOST_CALLS) -> None:
        self._amqp_url = amqp_url
        self._threads = ThreadPoolExecutor(most, "calls")
        self._free = BoundedSemaphore(most)

    def ask(
        self, kind: type[Answer], service: str, method: str, /, *args: Any, seconds: float = CALL_SECONDS, **kwargs: Any
    ) -> Answer:
        asked = self._begin(service, method, seconds, args, kwargs)
        try:
            return msgspec.convert(asked.result(seconds), kind)
        except TimeoutError:
            raise Unavailable(f"{service}.{method} has not answered for {seconds:g} s") from None
        except RpcError as error:
            raise _problem(service, error) from None
        except msgspec.ValidationError as error:
            raise HallpulseError(f"{service}.{method} answered in another form than expected: {error}") from None

    def _begin(
        self, service: str, method: str, seconds: float, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Future[Any]:
        if not self._free.acquire(blocking=False):
            raise Unavailable(f"{service}: too many calls of services are under way")
        asked = self._threads.submit(call, self._amqp_url, service, method, *args, seconds=seconds, **kwargs)
        asked.add_done_callback(
            lambda _: self._free.release()
        )  # not before: a call outlives its limit at a dead broker
        return asked

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


@contextmanager
def open_services(amqp_url: str) -> Iterator[RpcServices]:
    """Open the calls for the block. Services may start and stop meanwhile."""
    services = RpcServices(amqp_url)
    try:
        yield services
    finally:
        services.close()


def _problem(service: str, error: RpcError) -> Exception:
    """Return what a service raised as the problem that a client is told; an unexpected one is logged, not told."""
    if error.kind == "Unavailable":
        return Unavailable(f"{service}: {error.said}")
    kind = _REFUSALS.get(error.kind)
    if kind is None:
        return HallpulseError(f"{service}: {error}")
    field = _FIELD(error.said)
    return Declined(kind, error.said, field=field[1] if field else None)
