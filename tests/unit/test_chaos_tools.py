"""What the fault suite strikes with: a proxy that does harm, a clock that is stepped."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.clocked import VARIABLE, Clock
from tests.chaos.proxy import Proxy
from tests.ingesting import strain

ROOT = Path(__file__).parents[2]
SHOW = "import time, datetime as d; n = d.datetime.now(d.UTC).timestamp(); print(time.time() - n, n, time.monotonic())"


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """Before a server that says everything twice: at once, and when the other side has ended."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_serve, args=(server,), daemon=True).start()
        made = Proxy("test", server.getsockname()[1])
        yield made
        made.close()


def _serve(server: socket.socket) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=_echo, args=(client,), daemon=True).start()


def _echo(client: socket.socket) -> None:
    with client:
        try:
            while data := client.recv(65536):
                client.sendall(data)
            client.sendall(b"end")
        except OSError:
            return


def connected(proxy: Proxy) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", proxy.port), 5)
    client.sendall(b"first")
    assert client.recv(10) == b"first"
    return client


def test_a_stalled_way_holds_everything_back_until_it_goes_on(proxy: Proxy) -> None:
    with connected(proxy) as client:
        client.settimeout(0.3)
        proxy.up.stall()
        client.sendall(b"later")
        with pytest.raises(TimeoutError):
            client.recv(10)
        assert proxy.up.held == 5
        proxy.up.resume()
        assert client.recv(10) == b"later"


def test_what_was_held_back_is_lost_with_a_connection_that_is_cut(proxy: Proxy) -> None:
    with connected(proxy) as client:
        proxy.up.stall()
        client.sendall(b"lost")
        assert proxy.cut() == 1
        with pytest.raises(ConnectionResetError):
            client.recv(10)
        proxy.heal()
    connected(proxy).close()


def test_nobody_is_let_in_while_it_refuses(proxy: Proxy) -> None:
    proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", proxy.port), 5)
    proxy.heal()
    connected(proxy).close()


def test_a_half_closed_connection_still_carries_the_other_way(proxy: Proxy) -> None:
    with connected(proxy) as client:
        proxy.half_close(up=True)
        assert client.recv(10) == b"end"


def test_a_throttled_way_takes_its_time(proxy: Proxy) -> None:
    with connected(proxy) as client:
        proxy.up.rate = 200_000
        began, size = time.monotonic(), 100_000
        client.sendall(b"x" * size)
        while size:
            size -= len(client.recv(65536))
        assert 0.4 < time.monotonic() - began < 5 * strain()


@pytest.mark.parametrize("step", [0, 3600, -86_400])
def test_a_stepped_clock_is_stepped_for_all_that_ask_it_but_not_the_monotonic_one(tmp_path: Path, step: int) -> None:
    clock = Clock(tmp_path / "clock")
    clock.step(step)
    (tmp_path / "shown.py").write_text(SHOW)
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos.clocked", "shown"], cwd=ROOT, capture_output=True, text=True, check=True,
        env={VARIABLE: str(clock.file), "PYTHONPATH": f"{tmp_path}:{ROOT}"},
    )  # fmt: skip
    apart, now, monotonic = map(float, done.stdout.split())
    assert abs(apart) < 1
    assert abs(now - time.time() - step) < 10
    assert abs(monotonic - time.monotonic()) < 10
