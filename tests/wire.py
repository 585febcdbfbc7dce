"""Raw bytes to a server and back: what no HTTP client would send."""

from __future__ import annotations

import socket
import time


def connected(port: int, seconds: float = 10) -> socket.socket:
    opened = socket.create_connection(("127.0.0.1", port))
    opened.settimeout(seconds)
    return opened


def until_closed(connection: socket.socket) -> tuple[bytes, float]:
    """What came before the server closed the connection, and after how many seconds it did."""
    began, received = time.monotonic(), b""
    while True:
        try:
            part = connection.recv(65536)
        except ConnectionResetError:
            part = b""
        if not part:
            return received, time.monotonic() - began
        received += part


def exchange(port: int, request: bytes) -> bytes:
    """All that the server says to these bytes until it closes the connection, which it must."""
    with connected(port) as connection:
        connection.sendall(request)
        return until_closed(connection)[0]
