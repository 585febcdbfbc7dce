"""Connections to RabbitMQ; the one place where pika's errors become Unavailable or Halt."""

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
from hallpulse.nodes import each_node, in_order, missed, reached
from hallpulse.tls import secured

HEARTBEAT_SECONDS = 30
HEARTBEAT_BESIDE_OTHERS = 10
"""Seconds, if another node can take over: one that has fallen silent is left sooner."""
_REFUSED_FOR_GOOD = (403, 406)
"""AMQP reply codes: access refused; the queue or exchange exists with other arguments."""
_REFUSED_AT_THE_DOOR = (403, 530)


def parameters(node_url: str, *, alone: bool = True) -> pika.URLParameters:
    """Return the parameters of a URL, with a heartbeat, short timeouts and, for amqps, TLS.

    alone: whether there is no other node to ask instead. Raises Halt if the URL or one of its TLS files is wrong.
    """
    url, context = secured(node_url)
    try:
        if not url.startswith(("amqp://", "amqps://")):
            raise ValueError(url)
        wanted = pika.URLParameters(url)
    except (LookupError, TypeError, ValueError):
        raise Halt("broker: expected a URL amqp://user:password@host:port/vhost") from None
    wanted.ssl_options = pika.SSLOptions(context, wanted.host) if context is not None else None
    wanted.heartbeat = HEARTBEAT_SECONDS if alone else HEARTBEAT_BESIDE_OTHERS
    wanted.socket_timeout = 5 if alone else 3
    wanted.stack_timeout = 10 if alone else 5
    wanted.blocked_connection_timeout = None
    return wanted


def user_of(amqp_url: str) -> str:
    """Return the user that a URL logs in as."""
    return str(parameters(each_node(amqp_url)[0]).credentials.username)


def vhost_of(amqp_url: str) -> str:
    """Return the virtual host that a URL names, `/` if it names none."""
    return str(parameters(each_node(amqp_url)[0]).virtual_host)


@contextmanager
def open_channel(
    amqp_url: str,
    kind: type[pika.SelectConnection] | None = None,
    seconds: float | None = None,
    *,
    alone: bool = True,
) -> Iterator[BlockingChannel]:
    """Open a channel of a separate connection to any node.

    Raises Unavailable, or Halt if the broker denies the user access.

    kind: the class that reads the frames, None for pika's own; seconds: how long to wait at most, for the connection to
    open and while the broker blocks it; alone: as in `parameters`, for a URL of one node.
    """
    connection = _connected(amqp_url, kind, seconds, alone)
    with broker_faults():
        try:
            yield connection.channel()
        finally:
            try:
                if connection.is_open:
                    connection.close()
            finally:
                connection._cleanup()  # pika leaves sockets open if the broker closes a connection while it opens


def _connected(
    amqp_url: str, kind: type[pika.SelectConnection] | None, seconds: float | None, alone: bool
) -> pika.BlockingConnection:
    """Connect to the first node that is reached. Raises the error of the last node if none is."""
    *others, last = in_order(amqp_url)
    nodes = 1 + len(others)
    for node in others:
        try:
            return _connected_to(node, kind, seconds, nodes, alone)
        except Unavailable:
            continue
    return _connected_to(last, kind, seconds, nodes, alone)


def _connected_to(
    node: str, kind: type[pika.SelectConnection] | None, seconds: float | None, nodes: int, alone: bool
) -> pika.BlockingConnection:
    wanted = parameters(node, alone=alone and nodes == 1)
    if alone:
        wanted.heartbeat = HEARTBEAT_SECONDS  # a person's command may think for a while between two frames
    if seconds is not None:
        part = max(0.5, seconds / nodes)
        wanted.socket_timeout = min(wanted.socket_timeout, part)
        wanted.stack_timeout = min(wanted.stack_timeout, part)
        wanted.blocked_connection_timeout = seconds
        wanted.heartbeat = max(2, min(HEARTBEAT_SECONDS, round(seconds)))
    try:
        with broker_faults():
            connection = pika.BlockingConnection(wanted, _impl_class=kind)
    except Unavailable:
        missed(node)
        raise
    reached(node)
    return connection


@contextmanager
def broker_faults() -> Iterator[None]:
    """Turn pika's errors in the block into Unavailable, or into Halt if trying again cannot help."""
    try:
        with lost_at_once():
            yield
    except (ProbableAuthenticationError, ProbableAccessDeniedError) as error:
        raise _at_the_door(error) from None
    except ChannelClosedByBroker as error:
        said = f"broker: {error.reply_text}"
        raise (Halt(said) if error.reply_code in _REFUSED_FOR_GOOD else Unavailable(said)) from error
    except (AMQPError, AMQPConnectorException, OSError) as error:  # the second: a broker that does not answer
        raise Unavailable(f"broker: {fault_line(error)}") from error


@contextmanager
def lost_at_once() -> Iterator[None]:
    """Raise Unavailable for the ValueError that pika raises if a connection is reset as soon as it is made."""
    try:
        yield
    except ValueError as error:
        if "getpeername" not in str(error):
            raise
        raise Unavailable("broker: the connection was lost as soon as it was made") from error


def _at_the_door(error: BaseException) -> Halt | Unavailable:
    """Return Halt if the broker denied access, else Unavailable: pika reports any loss during the login as a denial."""
    text = fault_line(error)
    if any(f"({code})" in text for code in _REFUSED_AT_THE_DOOR):
        return Halt("broker: it refuses this user and password, or the user may not enter this virtual host")
    return Unavailable(f"broker: {text}")


def fault_line(error: BaseException) -> str:
    """Return a fault as one line of text: pika's own texts are often empty, or the repr of a nested error."""
    nested = error.args[0] if error.args else error
    cause = getattr(nested, "exception", None) or getattr(nested, "error", None) or error
    return " ".join(str(cause).split()) or type(cause).__name__
