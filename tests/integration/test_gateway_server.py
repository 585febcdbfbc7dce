"""The server against those who send slowly, or without end; its handlers need no broker and no database here."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from hallpulse.store import hash_of
from services.gateway import events, server
from services.gateway.access import MOST_AT_ONCE
from tests.gateway_ground import HALL, HALL_TOKEN, FakeStore, make_resources, serving
from tests.wire import connected, exchange, until_closed

HEAD = f"POST /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {HALL_TOKEN}\r\n".encode()
TYPE = b"content-type: application/cloudevents+json\r\n"


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Of a server with short patience: a second for a head or to read, two for a body, four for a whole request."""
    monkeypatch.setattr(server, "HEAD_SECONDS", 1.0)
    monkeypatch.setattr(server, "UNREAD_SECONDS", 1.0)
    monkeypatch.setattr(server, "MESSAGE_SECONDS", 4.0)
    monkeypatch.setattr(events, "BODY_SECONDS", 2.0)
    with serving(make_resources(FakeStore())) as port:
        yield port


@pytest.mark.attack
def test_a_connection_that_says_nothing_is_closed(port: int) -> None:
    with connected(port) as connection:
        received, seconds = until_closed(connection)
    assert (received, seconds < 4) == (b"", True)


@pytest.mark.attack
def test_a_head_that_never_ends_is_closed(port: int) -> None:
    with connected(port) as connection:
        connection.sendall(HEAD)
        received, seconds = until_closed(connection)
    assert (received, seconds < 4) == (b"", True)


@pytest.mark.attack
def test_a_head_without_bounds_is_closed(port: int) -> None:
    with connected(port) as connection:
        connection.sendall(HEAD)
        line = b"x-more: " + b"y" * 65_000 + b"\r\n"
        with pytest.raises(OSError, match=r"reset|Broken pipe"):
            connection.sendall(line * 1000)


@pytest.mark.attack
def test_a_body_that_takes_too_long_is_answered_and_then_closed(port: int) -> None:
    with connected(port) as connection:
        connection.sendall(HEAD + TYPE + b"content-length: 100\r\n\r\n{")
        received, seconds = until_closed(connection)
    assert received.startswith(b"HTTP/1.1 408 ")
    assert b'"type":"/problems#too-slow"' in received
    assert seconds < 8


@pytest.mark.attack
def test_a_length_beyond_the_limit_is_answered_before_the_body_has_come(port: int) -> None:
    with connected(port) as connection:
        connection.sendall(HEAD + TYPE + b"content-length: 5000000\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")


@pytest.mark.attack
def test_a_body_that_grows_beyond_the_limit_is_answered_while_it_comes(port: int) -> None:
    with connected(port) as connection:
        connection.sendall(HEAD + TYPE + b"transfer-encoding: chunked\r\n\r\n")
        chunk = b"40000\r\n" + b" " * 0x40000 + b"\r\n"
        for _ in range(17):
            connection.sendall(chunk)
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_requests_may_follow_each_other_on_one_connection(port: int) -> None:
    with connected(port) as connection:
        for _ in range(3):
            connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
            received = b""
            while not received.endswith(b"}"):
                received += connection.recv(65536)
            assert received.startswith(b"HTTP/1.1 200 ")
            time.sleep(1.2)


@pytest.mark.attack
def test_what_is_not_http_is_refused(port: int) -> None:
    with connected(port) as connection:
        connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n")
        received, _ = until_closed(connection)
    assert received.startswith(b"HTTP/1.1 400 ")
    assert b"Traceback" not in received


@pytest.mark.attack
def test_an_answer_that_nobody_reads_is_not_kept_for_ever(port: int) -> None:
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        connection.connect(("127.0.0.1", port))
        connection.sendall(b"GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n" * 100)
        closed = select.poll()
        closed.register(connection, 0)  # hung up is told unasked
        assert closed.poll(8_000)


@pytest.mark.attack
def test_one_hall_fills_the_memory_with_no_more_than_a_few_bodies_that_never_end(port: int) -> None:
    body = TYPE + b"content-length: 4000000\r\n\r\n" + b" " * 70_000
    with contextlib.ExitStack() as opened:
        slow = [opened.enter_context(connected(port)) for _ in range(MOST_AT_ONCE)]
        for connection in slow:
            connection.sendall(HEAD + body)
        time.sleep(0.3)
        one_more = opened.enter_context(connected(port))
        one_more.sendall(HEAD + body)
        assert one_more.recv(65536).startswith(b"HTTP/1.1 429 ")
        other = opened.enter_context(connected(port))
        other.sendall(b"GET /v1/regions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer reads-everything\r\n\r\n")
        assert other.recv(65536).startswith(b"HTTP/1.1 200 ")
        assert until_closed(slow[0])[0].startswith(b"HTTP/1.1 408 ")


@pytest.mark.attack
@pytest.mark.parametrize(
    "start", [b"0\r\na: ", b"0\r\n", b"1;", b"0"], ids=["a trailer", "trailers", "a chunk", "noughts"]
)
def test_a_request_that_never_ends_behind_its_body_is_closed(port: int, start: bytes) -> None:
    with connected(port) as connection:
        connection.sendall(b"POST /v1/events HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n" + start)
        more = b"0" * 2**20 if start != b"0\r\n" else b"a: b\r\n" * 2**18
        with pytest.raises(OSError, match=r"reset|Broken pipe"):
            connection.sendall(more * 64)


@pytest.mark.attack
def test_one_address_holds_a_bounded_number_of_connections(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 20)
    with contextlib.ExitStack() as opened:
        for _ in range(20):
            opened.enter_context(connected(port))
        time.sleep(0.2)
        assert until_closed(opened.enter_context(connected(port)))[1] < 0.5
    time.sleep(0.2)
    with connected(port) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


@pytest.mark.attack
def test_a_hall_that_asks_too_often_is_told_to_wait_and_no_other_hall_is() -> None:
    store = FakeStore()
    store.tokens[hash_of("of-hall-2")] = replace(HALL, hall="hall-2")
    with serving(make_resources(store, rate=5, find=store.find)) as port:
        answers = [asked(port, HALL_TOKEN) for _ in range(12)]
        assert [answer.startswith(b"HTTP/1.1 200 ") for answer in answers] == [True] * 10 + [False] * 2
        assert answers[-1].startswith(b"HTTP/1.1 429 ")
        assert b"\r\nretry-after: 1\r\n" in answers[-1]
        assert asked(port, "of-hall-2").startswith(b"HTTP/1.1 200 ")


def asked(port: int, token: str) -> bytes:
    lines = f"GET /v1/regions HTTP/1.1\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
    return exchange(port, lines.encode())
