"""Probes of readiness: each returns within seconds and never raises."""

from __future__ import annotations

import base64
import socket
import ssl
import urllib.error
import urllib.request

_SECONDS = 1.0
_AMQP_HEADER = b"AMQP\x00\x00\x09\x01"
_METHOD_FRAME = b"\x01"


def speaks_amqp(host: str, port: int, tls: ssl.SSLContext | None = None) -> bool:
    """Return whether RabbitMQ answers over AMQP. It is then ready: it opens AMQP after users, plugins and queues."""
    try:
        with socket.create_connection((host, port), _SECONDS) as plain:
            plain.settimeout(_SECONDS)
            connection = tls.wrap_socket(plain, server_hostname=host) if tls is not None else plain
            with connection:
                connection.sendall(_AMQP_HEADER)
                return connection.recv(1) == _METHOD_FRAME
    except OSError:
        return False


def answers(url: str, tls: ssl.SSLContext | None = None, login: tuple[str, str] | None = None) -> bool:
    """Return whether the address answers with 2xx, without the environment's proxies. login: user and password."""
    https = urllib.request.HTTPSHandler(context=tls)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), https)
    if login is not None:
        shown = base64.b64encode(":".join(login).encode()).decode()
        opener.addheaders.append(("Authorization", f"Basic {shown}"))
    try:
        with opener.open(url, timeout=_SECONDS):
            return True
    except (OSError, ValueError):
        return False
