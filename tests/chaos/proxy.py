"""A TCP proxy on the loopback address that can be slow, stuck, cut or half dead, while both its sides run on.

Two threads a connection, one a direction. What a direction holds back when its connection is cut is lost, as it is
with a cable.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

HOST = "127.0.0.1"
_CHUNK = 64 * 1024
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER of no seconds: closing sends a reset."""


@dataclass
class Direction:
    """How bytes go one way, on all connections. delay: seconds a chunk; rate: bytes a second, 0 for any number."""

    delay: float = 0.0
    rate: float = 0.0
    passed: int = 0
    held: int = 0
    """Bytes that were taken from the sender while the direction is stalled."""
    _open: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._open.set()

    def stall(self) -> None:
        """From now on nothing passes; what is sent is still taken, until buffers are full."""
        self.held = 0
        self._open.clear()

    def resume(self) -> None:
        self._open.set()

    def heal(self) -> None:
        self.delay = self.rate = 0.0
        self.resume()

    def pump(self, source: socket.socket, sink: socket.socket, ended: threading.Event) -> None:
        """Until the source has no more to say, or the connection is cut."""
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK):
                if not self._wait(len(data), ended):
                    return
                sink.sendall(data)
                self.passed += len(data)
            if self._wait(0, ended):
                sink.shutdown(socket.SHUT_WR)
            return
        ended.set()

    def _wait(self, size: int, ended: threading.Event) -> bool:
        """Whether what was taken may go on; False where its connection was cut meanwhile."""
        if not self._open.is_set():
            self.held += size
        while not self._open.wait(0.05):
            if ended.is_set():
                return False
        pause = self.delay + (size / self.rate if self.rate else 0.0)
        if pause:
            ended.wait(pause)
        return not ended.is_set()


class _Connection:
    def __init__(self, client: socket.socket, server: socket.socket, up: Direction, down: Direction) -> None:
        self._client, self._server = client, server
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=up.pump, args=(client, server, self._ended), daemon=True),
            threading.Thread(target=down.pump, args=(server, client, self._ended), daemon=True),
        ]

    def run(self) -> None:
        """Until both directions have ended; a reset on one side is passed on to the other."""
        for thread in self._threads:
            thread.start()
        while any(thread.is_alive() for thread in self._threads):
            if self._ended.wait(0.05):
                self.cut()
        for side in (self._client, self._server):
            side.close()

    @property
    def local_port(self) -> int:
        """Of the side towards the server: by it the server knows the connection."""
        with contextlib.suppress(OSError):
            return int(self._server.getsockname()[1])
        return 0

    def cut(self) -> None:
        """Both sides hear a reset."""
        self._ended.set()
        self._shut(socket.SHUT_RD)  # wakes whoever reads, and tells the other side nothing yet
        for thread in self._threads:
            thread.join(0.2)
        if any(thread.is_alive() for thread in self._threads):
            self._shut(socket.SHUT_RDWR)  # wakes whoever writes to a side that does not read

    def _shut(self, how: int) -> None:
        for side in (self._client, self._server):
            with contextlib.suppress(OSError):
                side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                side.shutdown(how)

    def half_close(self, up: bool) -> None:
        """One side hears that the other will say no more; the other way stays open."""
        with contextlib.suppress(OSError):
            (self._server if up else self._client).shutdown(socket.SHUT_WR)


class Proxy:
    """Listens from its making to `close`, at a port for each server; `up` is from the client to a server.

    What happens to the one happens to the way to every server.
    """

    def __init__(self, name: str, *server_ports: int) -> None:
        self.name = name
        self.up, self.down = Direction(), Direction()
        self._connections: set[_Connection] = set()
        self._lock = threading.Lock()
        self._listeners = [self._listen(0, port) for port in server_ports]
        self.ports = [int(listener.getsockname()[1]) for listener in self._listeners]
        self._servers = dict(zip(self.ports, server_ports, strict=True))

    @property
    def port(self) -> int:
        """Of the way to the first server."""
        return self.ports[0]

    @property
    def server_side_ports(self) -> set[int]:
        with self._lock:
            return {connection.local_port for connection in self._connections}

    def refuse(self) -> None:
        """Cut everything and let nobody in, until `heal`."""
        for listener in self._listeners:
            _close_listener(listener)
        self.cut()

    def cut(self) -> int:
        """Reset all connections; how many there were."""
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            connection.cut()
        return len(connections)

    def half_close(self, up: bool) -> None:
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            connection.half_close(up)

    def heal(self) -> None:
        if self._listeners[0].fileno() < 0:
            self._listeners = [self._listen(port, server) for port, server in self._servers.items()]
        self.up.heal()
        self.down.heal()

    def close(self) -> None:
        for listener in self._listeners:
            _close_listener(listener)
        self.up.heal()
        self.down.heal()
        self.cut()

    def _listen(self, port: int, server_port: int) -> socket.socket:
        listener = socket.create_server((HOST, port), backlog=64)
        arguments = (listener, server_port)
        threading.Thread(target=self._accept, args=arguments, name=f"proxy {self.name}", daemon=True).start()
        return listener

    def _accept(self, listener: socket.socket, server_port: int) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=self._serve, args=(client, server_port), daemon=True).start()

    def _serve(self, client: socket.socket, server_port: int) -> None:
        with _connected(client, server_port) as server:
            if server is None:
                return
            connection = _Connection(client, server, self.up, self.down)
            with self._lock:
                self._connections.add(connection)
            try:
                connection.run()
            finally:
                with self._lock:
                    self._connections.discard(connection)


@contextlib.contextmanager
def _connected(client: socket.socket, port: int) -> Iterator[socket.socket | None]:
    """The server's side of a new connection; where there is no server, the client is turned away with a reset."""
    try:
        server = socket.create_connection((HOST, port), 5)
    except OSError:
        with client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        yield None
        return
    server.settimeout(None)
    for side in (client, server):
        side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    yield server


def _close_listener(listener: socket.socket) -> None:
    with contextlib.suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
    listener.close()
