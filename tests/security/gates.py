"""The gateway with a provider of sign-ins, one browser at it, and a provider that says what a real one never does."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlencode

import httpx
from joserfc import jwt
from joserfc.jwk import RSAKey

from services.gateway.provider import ProviderOptions
from tests.identity_provider import CLIENT, SECRET
from tests.peopled import Peopled

HOME = "http://127.0.0.1:18998/"
"""Where people open the page: browsers here are led by the tests, so that nothing has to listen there."""
CALLBACK = f"{HOME}v1/session/callback"


@dataclass
class Gate:
    """The gateway, over its own HTTP, and one browser at it."""

    people: Peopled
    address: str
    browser: httpx.Client

    def leave(self, next_: str | None = None, **headers: str) -> httpx.Response:
        query = {"next": next_} if next_ is not None else {}
        self.people.clock.seconds += 1  # as many as one likes in a second is another test
        return self.browser.get(f"{self.address}/v1/session/provider", params=query, headers=headers)

    def arrive(self, given: dict[str, str], browser: httpx.Client | None = None) -> httpx.Response:
        self.people.clock.seconds += 1
        return (browser or self.browser).get(f"{self.address}/v1/session/callback?{urlencode(given)}")

    def who(self) -> httpx.Response:
        return self.browser.get(f"{self.address}/v1/session")


def options(issuer: str) -> ProviderOptions:
    return ProviderOptions(issuer, CLIENT, SECRET, CALLBACK, HOME, "统一身份认证", "SSO")


def refused(answer: httpx.Response) -> str:
    """The reason that the page is told; no session was begun."""
    assert answer.status_code == 303, answer.text
    assert not any(one.startswith("hallpulse=") for one in answer.headers.get_list("set-cookie"))
    location = answer.headers["location"]
    assert location.startswith("/#/refused/"), location
    return location.removeprefix("/#/refused/").partition("?")[0]


class FalseProvider:
    """A provider that answers with whatever token it is told to: what a real one never gives."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, auto_kid=True)
        self.other = RSAKey.generate_key(2048, auto_kid=True)
        self.published: RSAKey | None = None
        self.keys_asked = 0
        self.metadata: dict[str, Any] = {}
        self.claims: dict[str, Any] = {}
        self.sign: Callable[[dict[str, Any]], Any] = self.signed
        outer = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if "well-known" in self.path:
                    return self._say(outer.documents())
                outer.keys_asked += 1
                return self._say({"keys": [(outer.published or outer.key).as_dict()]})

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                self._say({"access_token": "a", "token_type": "Bearer", "id_token": outer.sign(outer.claims)})

            def _say(self, content: object) -> None:
                body = json.dumps(content).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def documents(self) -> dict[str, Any]:
        ends = {name: f"{self.issuer}/{name}" for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
        return {"issuer": self.issuer, **ends, **self.metadata}

    def signed(self, claims: dict[str, Any]) -> str:
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key)
