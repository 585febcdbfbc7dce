"""uvicorn with limits that it leaves to a proxy: on clients that send slowly, and on requests with an endless head."""

from __future__ import annotations

import asyncio
import resource
import socket
import ssl
import struct
from collections import Counter
from collections.abc import Callable
from typing import Any, ClassVar

import uvicorn
from litestar import Litestar
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 10.0
HEAD_BYTES = 64 * 1024
MESSAGE_SECONDS, MESSAGE_BYTES = 60.0, 8 * 1024 * 1024
"""Limits of a whole request with its body. A handler gives up on a slow body earlier, with an answer."""
UPLOADS, UPLOAD_BYTES = b"/v1/uploads?", 20 * 1024 * 1024
"""The beginning of the address of an upload, and the most bytes of its request, which may be larger than others."""
UNREAD_SECONDS = 30.0
"""Seconds after which a client that does not read its answer is cut off, since the answer is held in memory."""
MOST_CONNECTIONS = 512
"""The most connections from one address, so that none takes all that the system gives."""
IDLE_SECONDS = 30
SHUTDOWN_SECONDS = 10
_NO_LINGERING = struct.pack("ii", 1, 0)


class PatientProtocol(HttpToolsProtocol):
    """Closes a connection if its request does not arrive in time, or if its answer is not read in time."""

    _open: ClassVar[Counter[str]] = Counter()
    _address = ""
    _deadline: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None
    _in_head = True
    _most_bytes = MESSAGE_BYTES
    _bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._address = self.client[0] if self.client else ""
        self._open[self._address] += 1
        if self._open[self._address] > MOST_CONNECTIONS:
            transport.abort()
        self._expect_within(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        self._open[self._address] -= 1
        if not self._open[self._address]:
            del self._open[self._address]
        self._expect_nothing()
        self._is_read()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._bytes += len(data)
        super().data_received(data)
        if self._bytes > (HEAD_BYTES if self._in_head else self._most_bytes):
            self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._bytes = True, 0
        self._expect_within(HEAD_SECONDS)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # headers after a body are never read
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._most_bytes = UPLOAD_BYTES if self.url.startswith(UPLOADS) else MESSAGE_BYTES
        self._expect_within(MESSAGE_SECONDS)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._expect_nothing()
        super().on_message_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._is_read()
        self._unread = self.loop.call_later(UNREAD_SECONDS, self._cut_off)

    def resume_writing(self) -> None:
        self._is_read()
        super().resume_writing()

    def _cut_off(self) -> None:
        """Close the connection at once, and discard the data that the system still keeps for the client."""
        connection = self.transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGERING)
        self.transport.abort()

    def _is_read(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _expect_within(self, seconds: float) -> None:
        self._expect_nothing()
        self._deadline = self.loop.call_later(seconds, self.transport.close)

    def _expect_nothing(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


CONFIG: dict[str, Any] = {
    "loop": "uvloop",
    "http": PatientProtocol,
    "ws": "none",
    "lifespan": "on",
    "log_config": None,
    "access_log": False,
    "server_header": False,
    "proxy_headers": False,
    "timeout_keep_alive": IDLE_SECONDS,
    "timeout_graceful_shutdown": SHUTDOWN_SECONDS,
}


class Server(uvicorn.Server):
    """Calls `ready` when it accepts requests, and `closing` before it waits for open answers, to end endless ones."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None], closing: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready
        self._closing = closing

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._closing()
        await super().shutdown(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()


def serve(
    app: Litestar,
    listener: socket.socket,
    tls: ssl.SSLContext | None,
    ready: Callable[[], None],
    closing: Callable[[], None],
) -> None:
    """Answer requests until SIGTERM or SIGINT; then finish the open ones. tls: None for plain HTTP.

    ready: called when requests are accepted; closing: ends streams, for which the server would otherwise wait.
    """
    _allow_connections()
    encryption = (lambda *_: tls) if tls is not None else None
    Server(uvicorn.Config(app, **CONFIG, ssl_context_factory=encryption), ready, closing).run([listener])


def _allow_connections() -> None:
    """Allow as many descriptors as the system permits. Two addresses could take the usual thousand."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
