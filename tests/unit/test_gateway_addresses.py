"""Every address of the gateway that runs: documented, in one spelling, and under the same policy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar.routes import HTTPRoute

from services.gateway.access_audit import MOST_QUESTIONS, READS
from services.gateway.app import create_app, handlers
from services.gateway.document import document
from services.gateway.problems import MEDIA_TYPE
from tests.gateway_ground import DEPARTMENT_TOKEN, HALL_TOKEN, READ_TOKEN, FakeStore, make_resources, serving

pytestmark = pytest.mark.attack
SECURITY = Path(__file__).parents[2] / "docs" / "security.md"
SAME_ORIGIN = {"'none'", "'self'"}
PAGES = {"/", "/wall", "/problems"}
FRAMEWORK = (
    "/schema", "/schema/", "/schema/swagger", "/schema/redoc", "/schema/elements", "/schema/rapidoc",
    "/schema/scalar", "/schema/openapi.json", "/schema/openapi.yaml", "/schema/openapi.yml",
    "/schema/oauth2-redirect.html", "/schema/anything", "/docs", "/redoc", "/swagger", "/swagger-ui",
    "/openapi.yaml", "/openapi.yml", "/v1", "/v1/schema", "/static", "/static/x", "/debug", "/admin", "/graphql",
    "/server-status", "/favicon.ico", "/robots.txt", "/.env", "/.git/config", "/.well-known/security.txt", "/page",
    "/page/", "/page/app.py", "/page/../app.py", "/*", "*",
)  # fmt: skip


@pytest.fixture(scope="module")
def gateway() -> Iterator[httpx.Client]:
    with serving(make_resources(FakeStore())) as port, httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        yield client


def raw(gateway: httpx.Client, path: str, method: str = "GET", token: str = READ_TOKEN) -> httpx.Response:
    """The path byte for byte, which a client would tidy up."""
    target = httpx.Request(method, gateway.base_url, extensions={"target": path.encode()}).url
    request = gateway.build_request(
        method, target, headers={"authorization": f"Bearer {token}"}, extensions={"target": path.encode()}
    )
    return gateway.send(request)


def open_paths() -> set[str]:
    """Those of which docs/security.md says that they need no token."""
    (line,) = [line for line in SECURITY.read_text("utf-8").splitlines() if "need no token" in line]
    return set(re.findall(r"`(/[^`]*)`", line))


def addresses() -> dict[str, Any]:
    """Path → its handler, of every route of the application."""
    app = create_app(make_resources(FakeStore()))
    routes = [route for route in app.routes if isinstance(route, HTTPRoute)]
    assert len(routes) == len(app.routes)
    own = (("GET", route) if "GET" in route.methods else ("POST", route) for route in routes)
    return {route.path_format or "/": route.route_handler_map[method][0] for method, route in own}


def test_every_address_of_the_running_gateway_is_documented() -> None:
    described, found = set(document(handlers())["paths"]), set(addresses())
    assert found - described - open_paths() == set()
    assert {path for path in found if not path.startswith("/v1/")} == {
        path for path in open_paths() if not path.startswith("/v1/session/")
    }
    assert found >= described


def test_every_address_that_is_not_told_to_be_open_asks_for_a_token(gateway: httpx.Client) -> None:
    for path in addresses():
        example = re.sub(r"{(\w+)}", "1", path)
        for method in ("GET", "POST", "OPTIONS"):
            if (method, path) == ("POST", "/v1/session"):
                continue  # signing in, for which there is nothing to show yet
            status = gateway.request(method, example).status_code
            assert (status == 401) is (status != 405 and path not in open_paths()), (method, path, status)


@pytest.mark.parametrize("path", FRAMEWORK)
def test_no_page_of_the_framework_is_there(gateway: httpx.Client, path: str) -> None:
    answer = raw(gateway, path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, MEDIA_TYPE)


@pytest.mark.parametrize("token", [READ_TOKEN, HALL_TOKEN, DEPARTMENT_TOKEN, "made-up"])
def test_every_answer_has_the_policy_and_no_data_is_kept_by_a_browser(gateway: httpx.Client, token: str) -> None:
    asked = [re.sub(r"{(\w+)}", "style.css", path) for path in addresses()]
    cases = ["/v1/cases/222424/hall-1/x", "/v1/cases?region=222424&state=open", "/v1/indicators?region=222424"]
    for path in [*asked, *cases, "/", "/page/app.js", "/schema", "//", "/v1/regions?x=1"]:
        for method in ("GET", "HEAD", "POST", "OPTIONS", "PUT"):
            headers = raw(gateway, path, method, token).headers
            policy = dict(part.split(maxsplit=1) for part in headers["content-security-policy"].split(";"))
            assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
            assert {source for sources in policy.values() for source in sources.split()} <= SAME_ORIGIN
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["cross-origin-resource-policy"] == headers["cross-origin-opener-policy"] == "same-origin"
            assert headers["cache-control"] == "no-store" or path in PAGES or path.startswith("/page/")


def test_no_page_names_anything_elsewhere(gateway: httpx.Client) -> None:
    pages = [path for path in addresses() if "html" in gateway.get(path).headers.get("content-type", "")]
    assert set(pages) == PAGES
    for path in pages:
        loaded = re.findall(r"(?:src|href|action)\s*=\s*[\"']([^\"']*)", gateway.get(path).text)
        assert loaded
        assert [address for address in loaded if not re.match(r"(/(?!/)|#|page/)", address)] == []


@pytest.mark.parametrize(
    "path",
    [
        "//metrics", "/metrics/", "/metrics//", "///metrics", "/%6detrics", "/metrics%2f", "/%2fmetrics", "//", "///",
        "//v1/regions", "/v1//regions", "/v1/regions/", "/v1%2fregions", "/v%31/regions", "/v1/cases//222424/hall-1/x",
        "/v1/cases/222424/hall-1/a//b", "/v1/cases/222424/hall-1/a/", "/v1/cases/222424/hall-1//",
        "/v1/cases/%32%32%32424/hall-1/x", "/v1/cases/222424/hall%2d1/x", "/page//style.css", "/page/style%2ecss",
        "/healthz/", "/problems/", "/openapi.json/",
    ],
)  # fmt: skip
def test_an_address_in_another_spelling_is_none(gateway: httpx.Client, path: str) -> None:
    answer = raw(gateway, path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, MEDIA_TYPE)


@pytest.mark.parametrize("case_id", ["a%2Fb", "%2Fa", "a%2F", "%E4%B8%80", "a/b", "a%20b%3F"])
def test_a_cases_id_may_be_written_in_percent_codes(gateway: httpx.Client, case_id: str) -> None:
    answer = raw(gateway, f"/v1/cases/222424/hall-1/{case_id}")
    assert answer.json()["detail"] == "no event of /222424/hall-1 names this case"


@pytest.mark.parametrize(
    "name",
    ["x-forwarded-for", "x-real-ip", "forwarded", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-prefix",
     "x-original-url", "x-rewrite-url", "x-forwarded-user", "x-remote-user", "upgrade", "range", "if-none-match"],
)  # fmt: skip
def test_headers_of_proxies_change_nothing(gateway: httpx.Client, name: str) -> None:
    bearer = {"authorization": f"Bearer {HALL_TOKEN}"}
    for path in ("/v1/indicators?region=222424&hall=hall-1", "/v1/indicators?region=222424", "/healthz", "/nothing"):
        plain = gateway.get(path, headers=bearer)
        for value in ("127.0.0.1", "/metrics", "evil.example", "websocket", "bytes=0-1", "read-token", "*"):
            answer = gateway.get(path, headers={**bearer, name: value})
            assert (answer.status_code, answer.content) == (plain.status_code, plain.content)
            assert "location" not in answer.headers
    assert gateway.get("/v1/regions", headers={name: "read-token"}).status_code == 401


FLOW = "/v1/flow"
"""Its `cases` are the addresses of lists, which are recorded when they are asked for."""


def test_every_answer_that_names_cases_is_recorded() -> None:
    described, found = document(handlers()), addresses()
    for path, operations in described["paths"].items():
        for operation in operations.values():
            answers = [answer for status, answer in operation["responses"].items() if int(status) < 300]
            schema = str(_resolved(answers, described["components"]["schemas"]))
            names_cases = "'case_id'" in schema or ("'cases'" in schema and path != FLOW)
            assert (found[path].opt.get(READS) in MOST_QUESTIONS) is names_cases, path


def _resolved(node: Any, schemas: dict[str, Any], seen: tuple[str, ...] = ()) -> Any:
    """With what a schema refers to in its place."""
    if isinstance(node, list):
        return [_resolved(one, schemas, seen) for one in node]
    if not isinstance(node, dict):
        return node
    name = str(node.get("$ref", "")).rpartition("/")[2]
    if name:
        return {} if name in seen else _resolved(schemas[name], schemas, (*seen, name))
    return {key: _resolved(value, schemas, seen) for key, value in node.items()}
