"""A second provider of sign-ins, another program: in and out again there; what becomes of keys, and of what is kept."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc.jwk import RSAKey

from services.gateway.provider import KEYS_AGAIN_SECONDS, MOST_HINT
from tests.identity_provider import CLIENT, MODULES, IdentityProvider, Visitor, code_in, second_provider
from tests.security.gates import CALLBACK, HOME, FalseProvider, Gate, refused

pytestmark = pytest.mark.attack
NEEDS_NODE = pytest.mark.skipif(
    not (MODULES / "oidc-provider").exists(),
    reason="scripts/provider.sh has installed no second provider: it needs Node",
)


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IdentityProvider]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with second_provider(port, CALLBACK, tmp_path_factory.mktemp("provider")) as found:
        yield found


def end(gate: Gate) -> httpx.Response:
    me = gate.who().json()
    return gate.browser.post(f"{gate.address}/v1/session/end", json={}, headers={"x-csrf-token": me["csrf"]})


@NEEDS_NODE
def test_a_person_signs_in_by_another_provider_and_is_signed_out_there_without_being_asked_who(
    second: IdentityProvider, gates: Callable[..., Gate]
) -> None:
    gate, visitor = gates(second.issuer), Visitor("wang.li")
    arrived = gate.arrive(code_in(visitor.go(gate.leave("/alerts").headers["location"], HOME)))
    assert arrived.headers["location"] == "/#/signed-in/alerts", arrived.text
    assert gate.who().json()["person"] == "王bureau"
    (kept,) = [one for one in arrived.headers.get_list("set-cookie") if one.startswith("hallpulse-hint=")]
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= {part.strip() for part in kept.split(";")}
    ended = end(gate)
    leave_at = ended.json()["leave_at"]
    asked = parse_qs(urlsplit(leave_at).query)
    assert leave_at.startswith(f"{second.issuer}/session/end?")
    assert (asked["client_id"], asked["post_logout_redirect_uri"]) == ([CLIENT], [HOME])
    assert asked["id_token_hint"][0].count(".") == 2
    assert "hallpulse-hint" not in gate.browser.cookies
    assert visitor.go(leave_at, HOME).startswith(HOME), "the provider believes whose session it is, and leads back"
    with httpx.Client(cookies=visitor.cookies) as again:
        sent = again.get(gate.leave().headers["location"], follow_redirects=True)
    assert 'name="login"' in sent.text, "who signed out is asked for the name again"


@NEEDS_NODE
def test_a_used_code_another_state_and_an_unlinked_person_get_no_session_at_another_provider_either(
    second: IdentityProvider, gates: Callable[..., Gate]
) -> None:
    gate = gates(second.issuer)
    back = code_in(Visitor("wang.li").go(gate.leave().headers["location"], HOME))
    kept = dict(gate.browser.cookies)
    for wrong, expected in (
        ({"state": "other"}, "state-mismatch"), ({"iss": "https://another.example"}, "issuer-mismatch"),
        ({}, ""), ({}, "code-refused"),
    ):  # fmt: skip
        gate.browser.cookies.clear()
        gate.browser.cookies.update(kept)
        arrived = gate.arrive(back | wrong)
        got = "" if "signed-in" in arrived.headers["location"] else refused(arrived)
        assert got == expected, wrong
    gate.browser.cookies.clear()
    stranger = Visitor("li.na").go(gate.leave().headers["location"], HOME)
    assert refused(gate.arrive(code_in(stranger))) == "not-linked"


def sign_in(gate: Gate, false: FalseProvider, **claims: object) -> httpx.Response:
    gate.browser.cookies.clear()
    sent, now = code_in(gate.leave().headers["location"]), int(gate.people.clock.now.timestamp())
    usual = {"iss": false.issuer, "sub": "wang.li", "aud": CLIENT, "exp": now + 300, "iat": now, "nonce": sent["nonce"]}
    false.claims = usual | claims
    return gate.arrive({"code": "c", "state": sent["state"]})


def test_keys_of_the_provider_are_asked_for_again_for_a_new_one_and_not_for_every_made_up_one(
    false: FalseProvider, gates: Callable[..., Gate]
) -> None:
    gate, old = gates(false.issuer), false.key
    assert "signed-in" in sign_in(gate, false).headers["location"]
    false.key = RSAKey.generate_key(2048, auto_kid=True)
    assert refused(sign_in(gate, false)) == "token-invalid", "the documents were read just now"
    gate.people.pass_time(KEYS_AGAIN_SECONDS + 1)
    assert "signed-in" in sign_in(gate, false).headers["location"]
    published, false.key = false.key, old
    false.published = published
    assert refused(sign_in(gate, false)) == "token-invalid", "a key that was taken back"
    asked = false.keys_asked
    gate.people.pass_time(KEYS_AGAIN_SECONDS + 1)
    for _ in range(6):
        false.key = RSAKey.generate_key(2048, auto_kid=True)
        assert refused(sign_in(gate, false)) == "token-invalid"
    assert false.keys_asked == asked + 1


def test_the_token_that_is_kept_for_signing_out_is_sealed_bounded_and_nobody_elses(
    false: FalseProvider, gates: Callable[..., Gate]
) -> None:
    gate = gates(false.issuer)
    false.metadata = {"end_session_endpoint": f"{false.issuer}/end"}
    arrived = sign_in(gate, false)
    assert "signed-in" in arrived.headers["location"]
    hint = gate.browser.cookies["hallpulse-hint"]
    assert len(hint) <= MOST_HINT
    assert "eyJ" not in hint, "the token itself is not in the cookie"
    kept = dict(gate.browser.cookies)
    gate.browser.cookies.clear()
    gate.browser.cookies.update(kept | {"hallpulse-hint": hint[:-9] + "AAAAAAAAA"})
    assert "id_token_hint" not in end(gate).json()["leave_at"]
    assert "signed-in" in sign_in(gate, false, told="x" * 6_000).headers["location"], "a token too long to be kept"
    assert "hallpulse-hint" not in gate.browser.cookies
    assert "id_token_hint" not in end(gate).json()["leave_at"]
    false.metadata = {"end_session_endpoint": "http://another.example/end"}
    gate.people.pass_time(3_700)
    assert "signed-in" in sign_in(gate, false).headers["location"]
    assert end(gate).json()["leave_at"] is None, "nobody is sent there in plain text"
