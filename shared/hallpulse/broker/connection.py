"""Connections to RabbitMQ, and the one place where their faults become ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import (
    AMQPError,
    ChannelClosedByBroker,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
)

from hallpulse.domain.errors import Halt, Unavailable
from hallpulse.tls import secured

HEARTBEAT_SECONDS = 30
_REFUSED_FOR_GOOD = (403, 406)
"""Access refused, and a queue or exchange that is there with other arguments."""
_REFUSED_AT_THE_DOOR = (403, 530)


def parameters(amqp_url: str) -> pika.URLParameters:
    """With a heartbeat, short timeouts, and TLS for amqps. Raises Halt for a URL that is none, or a file of its TLS."""
    url, context = secured(amqp_url)
    try:
        if not url.startswith(("amqp://", "amqps://")):
            raise ValueError(url)
        wanted = pika.URLParameters(url)
    except (LookupError, TypeError, ValueError):
        raise Halt("broker: expected a URL amqp://user:password@host:port/vhost") from None
    wanted.ssl_options = pika.SSLOptions(context, wanted.host) if context is not None else None
    wanted.heartbeat = HEARTBEAT_SECONDS
    wanted.socket_timeout = 5
    wanted.stack_timeout = 10
    wanted.blocked_connection_timeout = None
    return wanted


def user_of(amqp_url: str) -> str:
    """The user that a URL logs in as."""
    return str(parameters(amqp_url).credentials.username)


def vhost_of(amqp_url: str) -> str:
    """The virtual host that a URL names, `/` where it names none."""
    return str(parameters(amqp_url).virtual_host)


@contextmanager
def open_channel(
    amqp_url: str, kind: type[pika.SelectConnection] | None = None, seconds: float | None = None
) -> Iterator[BlockingChannel]:
    """Open a channel of a separate connection. Raise Unavailable, or Halt where the broker knows us and says no.

    kind: reads the frames, pika's own where it is None; seconds: how long to wait for the broker at most, to open the
    connection and where it is blocked.
    """
    wanted = parameters(amqp_url)
    if seconds is not None:
        wanted.socket_timeout, wanted.stack_timeout = min(5, seconds), min(10, seconds)
        wanted.blocked_connection_timeout = seconds
        wanted.heartbeat = max(2, min(HEARTBEAT_SECONDS, round(seconds)))
    with broker_faults():
        connection = pika.BlockingConnection(wanted, _impl_class=kind)
        try:
            yield connection.channel()
        finally:
            try:
                if connection.is_open:
                    connection.close()
            finally:
                connection._cleanup()  # pika leaves sockets open where the broker closes a connection as it opens it


@contextmanager
def broker_faults() -> Iterator[None]:
    """Turn what pika raises in the block into Unavailable, or into Halt if trying again cannot help."""
    try:
        with lost_at_once():
            yield
    except (ProbableAuthenticationError, ProbableAccessDeniedError) as error:
        raise _at_the_door(error) from None
    except ChannelClosedByBroker as error:
        said = f"broker: {error.reply_text}"
        raise (Halt(said) if error.reply_code in _REFUSED_FOR_GOOD else Unavailable(said)) from error
    except (AMQPError, AMQPConnectorException, OSError) as error:  # the second: a broker that says nothing
        raise Unavailable(f"broker: {fault_line(error)}") from error


@contextmanager
def lost_at_once() -> Iterator[None]:
    """An outage: pika raises ValueError if the other side resets a connection as soon as it is made."""
    try:
        yield
    except ValueError as error:
        if "getpeername" not in str(error):
            raise
        raise Unavailable("broker: the connection was lost as soon as it was made") from error


def _at_the_door(error: BaseException) -> Halt | Unavailable:
    """pika takes any loss during the login for a refusal, also that of a broker which is just stopping."""
    text = fault_line(error)
    if any(f"({code})" in text for code in _REFUSED_AT_THE_DOOR):
        return Halt("broker: it refuses this user and password, or the user may not enter this virtual host")
    return Unavailable(f"broker: {text}")


def fault_line(error: BaseException) -> str:
    """A fault in one line: pika's own texts are often empty or the repr of a nested error."""
    nested = error.args[0] if error.args else error
    cause = getattr(nested, "exception", None) or getattr(nested, "error", None) or error
    return " ".join(str(cause).split()) or type(cause).__name__
