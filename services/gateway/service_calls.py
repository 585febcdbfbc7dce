"""Calls of the suite's other services (catalogue, reports, notices) by RPC, to do what a person requests.

A handler calls `resources.services`. It gets an answer of the type that it names, or the request ends with a problem
document: 422 if the service refuses an argument, 503 if it is down or too slow, 500 if the answer has a wrong form.
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
"""The most calls at once, so that a slow service does not hold the threads that answer everything else."""
_REFUSALS = {
    "ValueError": Kind.CONTRADICTION,
    "NoSuchAlert": Kind.NOT_FOUND,
    "NoPlan": Kind.CONTRADICTION,
    "AlreadyPublished": Kind.CONFLICT,
    "UploadBusy": Kind.CONFLICT,
    "NotNow": Kind.NOT_NOW,
}
"""Class of the error that a service raised → the problem that the client is told."""
_FIELD = re.compile(r"([a-z_]{1,40}): ").match
Answer = TypeVar("Answer")


class Services(Protocol):
    def ask(
        self, kind: type[Answer], service: str, method: str, /, *args: Any, seconds: float = CALL_SECONDS, **kwargs: Any
    ) -> Answer:
        """Call a method of a service and return its answer as a `kind`. Arguments must be JSON values.

        Raises Declined if the service refuses; Unavailable if it does not run, has not answered within `seconds`, or
        there are too many calls. After Unavailable the service may nevertheless have done its work.
        """
        ...


class RpcServices:
    """Calls services through the broker, each call on a separate thread and connection. Close it after the last one."""

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
        )  # only then, since at a dead broker a call outlives its time limit
        return asked

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


@contextmanager
def open_services(amqp_url: str) -> Iterator[RpcServices]:
    """Yield an `RpcServices` for the block. Services may start and stop meanwhile."""
    services = RpcServices(amqp_url)
    try:
        yield services
    finally:
        services.close()


def _problem(service: str, error: RpcError) -> Exception:
    """Return a service's error as the problem that the client is told. An unexpected error is logged and not told."""
    if error.kind == "Unavailable":
        return Unavailable(f"{service}: {error.said}")
    kind = _REFUSALS.get(error.kind)
    if kind is None:
        return HallpulseError(f"{service}: {error}")
    field = _FIELD(error.said)
    return Declined(kind, error.said, field=field[1] if field else None)
