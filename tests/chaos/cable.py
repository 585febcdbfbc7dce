"""`python -m tests.chaos.cable`: the cable to the database is pulled; after how long does the store say so?

Two network namespaces with a virtual cable between them, so it needs root. Nothing of the machine's network is touched.
"""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import sys
import threading
import time

from hallpulse.domain.errors import Unavailable
from hallpulse.store import open_store
from tests.servers import postgres_server

_HERE, _THERE = "10.9.0.1", "10.9.0.2"
_PORT = 5555


def main() -> None:
    if sys.argv[1:] == ["store"]:
        _store()
    elif sys.argv[1:] == ["server"]:
        _server()
    else:
        os.execvp("unshare", ["unshare", "--net", sys.executable, "-m", "tests.chaos.cable", "server"])


def _server() -> None:
    """One end: PostgreSQL, and the hand that pulls the cable."""
    _run("ip link set lo up")
    command = ["unshare", "--net", sys.executable, "-m", "tests.chaos.cable", "store"]
    with (
        postgres_server() as postgres,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as store,
    ):
        assert store.stdin is not None
        assert store.stdout is not None
        time.sleep(0.5)  # until it is in its namespace
        _run(f"ip link add here type veth peer name there netns {store.pid}")
        _run(f"ip addr add {_HERE}/24 dev here")
        _run("ip link set here up")
        threading.Thread(target=_forward, args=(postgres.server.port,), daemon=True).start()
        print(
            postgres.url.replace(f"127.0.0.1:{postgres.server.port}", f"{_HERE}:{_PORT}"), file=store.stdin, flush=True
        )
        assert store.stdout.readline() == "connected\n"
        _run("ip link set here down")
        print(store.stdout.readline(), end="")
        store.kill()


def _store() -> None:
    """The other end."""
    url = sys.stdin.readline().strip()
    _run("ip link set lo up")
    _run(f"ip addr add {_THERE}/24 dev there")
    _run("ip link set there up")
    store = open_store(url, pool_size=1)
    store.ping()
    print("connected", flush=True)
    time.sleep(1.0)
    began = time.monotonic()
    try:
        store.ping()
    except Unavailable as error:
        print(f"after {time.monotonic() - began:.1f} s: {error}", flush=True)


def _forward(port: int) -> None:
    """To the server, which listens on its loopback address alone."""
    with socket.create_server((_HERE, _PORT)) as listener:
        while True:
            client, _ = listener.accept()
            server = socket.create_connection(("127.0.0.1", port))
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=_pump, args=(source, sink), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        return


def _run(command: str) -> None:
    subprocess.run(shlex.split(command), check=True)


if __name__ == "__main__":
    main()
