"""What no HTTP client would send: requests within requests, addresses that climb, hosts that are none."""

from __future__ import annotations

import contextlib
import time

import pytest

from tests.gateway_process import READ_TOKEN
from tests.ingesting import strain
from tests.security.county import REGION, County
from tests.wire import connected, exchange

pytestmark = pytest.mark.attack
HIDDEN = b"0\r\n\r\nGET /metrics HTTP/1.1\r\nhost: x\r\n\r\n"


def request(county: County, target: str, *headers: str, method: str = "GET", body: bytes = b"") -> bytes:
    """With the token that reads everything, on a connection of its own."""
    lines = [f"{method} {target} HTTP/1.1", f"authorization: Bearer {READ_TOKEN}", "connection: close", *headers]
    return exchange(county.port, "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize(
    "headers",
    [
        ("content-length: 5", "content-length: 6"),
        (f"content-length: {len(HIDDEN)}", "transfer-encoding: chunked"),
        ("transfer-encoding: chunked", f"content-length: {len(HIDDEN)}"),
        ("transfer-encoding: xchunked",),
        ("transfer-encoding: chunked, identity",),
        ("transfer-encoding : chunked",),
        ("transfer-encoding:\r\n chunked",),
        ("content-length: +5",),
        ("content-length: -1",),
        ("content-length: 0x5",),
        ("content-length: 99999999999999999999999",),
        ("x: y\nz: w",),
        ("x\0y: z",),
    ],
)
def test_a_request_whose_end_could_be_read_in_two_ways_is_refused(county: County, headers: tuple[str, ...]) -> None:
    answer = request(county, "/v1/events", "host: x", *headers, method="POST", body=HIDDEN)
    assert status(answer) == 400
    assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    "path",
    [
        "/v1/cases/../../../etc/passwd",
        f"/v1/cases/{REGION}/hall-1/../../../../etc/passwd",
        "/v1/cases/%2e%2e/%2e%2e/etc/passwd",
        "/page/../app.py",
        "/page/..%2fapp.py",
        "/page/%2e%2e%2f%2e%2e%2fgateway%2fapp.py",
        "/page/..\\app.py",
        "/page//etc/passwd",
        "//etc/passwd",
        "/%00",
        "/v1/cases/222424/hall-1/%ED%A0%80",
        "/v1/cases/222424/hall-1/%FF%FE",
    ],
)
def test_an_address_that_climbs_finds_nothing(county: County, path: str) -> None:
    answer = request(county, path, "host: x")
    assert status(answer) == 404
    assert b"root:" not in answer
    assert b"Litestar" not in answer


@pytest.mark.parametrize("host", ["x:y", "x:99999999", "[", "[::1", "a b", "", "evil.example", "a@b", "%00", "a/../b"])
def test_a_made_up_host_changes_no_answer(county: County, host: str) -> None:
    answer = request(county, "/v1/targets?region=1", f"host: {host}")
    assert status(answer) == 400
    assert b"application/problem+json" in answer
    assert not host or b"evil.example" not in answer


@pytest.mark.parametrize(
    "text", ["%0d%0aset-cookie:%20a=b", "%0aset-cookie:%20a=b", "%E5%98%8A%E5%98%8Dset-cookie:a=b"]
)
def test_a_line_end_in_what_is_given_back_makes_no_header(county: County, text: str) -> None:
    visitor = "host: x\r\naccept: text/html"
    for target in (f"/v1/cases?region={text}", f"/v1/cases/{REGION}/hall-1/{text}", f"/{text}"):
        lines = f"GET {target} HTTP/1.1\r\n{visitor}\r\nconnection: close\r\n\r\n"
        head = exchange(county.port, lines.encode()).partition(b"\r\n\r\n")[0]
        assert b"\nset-cookie" not in head.lower()


def test_a_browser_is_led_nowhere_but_to_the_page(county: County) -> None:
    led = ("/v1/cases?region=//evil.example", "/v1/cases/https:/evil/x/y", "/v1/cases/222424/hall-1/%2f%2fevil.example")
    for target in (*led, "/v1/cases/%2f%2fevil.example/x/y", "/v1/cases//evil.example/x/y"):
        lines = f"GET {target} HTTP/1.1\r\nhost: evil.example\r\naccept: text/html\r\nconnection: close\r\n\r\n"
        answer = exchange(county.port, lines.encode())
        assert status(answer) == (303 if target in led else 404)
        assert (b"\r\nlocation: /#/" in answer) is (target in led)


def test_a_query_without_end_is_refused_or_cut_off(county: County) -> None:
    assert status(request(county, "/v1/regions?" + "&".join(f"a{n}=1" for n in range(5000)), "host: x")) == 400
    assert status(request(county, f"/v1/cases?region={REGION}&state=open&department={'x' * 50_000}", "host: x")) == 400
    with contextlib.suppress(OSError):
        assert request(county, "/v1/regions?" + "x" * 1_000_000, "host: x") == b""
    assert status(request(county, "/healthz", "host: x")) == 200


def test_connections_that_trickle_keep_nobody_else_waiting(county: County) -> None:
    with contextlib.ExitStack() as opened:
        slow = [opened.enter_context(connected(county.port)) for _ in range(300)]
        for connection in slow:
            connection.sendall(b"POST /v1/events HTTP/1.1\r\nhost: x\r\n")
        worst = 0.0
        for _ in range(10):
            for connection in slow[:100]:
                connection.sendall(b"x: y\r\n")
            began = time.monotonic()
            assert status(request(county, f"/v1/indicators?region={REGION}", "host: x")) == 200
            worst = max(worst, time.monotonic() - began)
    assert worst < 2 * strain()
