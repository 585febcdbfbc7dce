"""Signing in by a provider: the whole way through a real one, and what is tried on it; tokens forged by a false one."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from hallpulse.settings import Settings, SettingsError
from hallpulse.store import Account, Grant, Link, Store
from hallpulse.store.accounts import LOCKED_FOR, MOST_FAILURES
from services.gateway.provider import LEEWAY_SECONDS, Provider, options_from
from services.gateway.provider_sign_in import NotSignedIn, ProviderFault
from services.gateway.sessions import LEAVING_SECONDS
from tests.gateway_ground import COUNTY
from tests.identity_provider import (
    CLIENT,
    OTHER_CLIENT,
    PYTHON,
    SECRET,
    IdentityProvider,
    Visitor,
    code_in,
    identity_provider,
)
from tests.peopled import PASSWORD
from tests.security.gates import CALLBACK, HOME, FalseProvider, Gate, options, refused

pytestmark = pytest.mark.attack
NEEDS_PROVIDER = pytest.mark.skipif(not PYTHON.exists(), reason="scripts/provider.sh has installed no provider")


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IdentityProvider]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with identity_provider(port, CALLBACK, tmp_path_factory.mktemp("provider")) as found:
        yield found


@NEEDS_PROVIDER
def test_a_person_signs_in_by_a_real_provider_and_out_again(real: IdentityProvider, gates: Callable[..., Gate]) -> None:
    gate = gates(real.issuer)
    ways = gate.browser.get(f"{gate.address}/v1/session/ways").json()
    assert ways == {"password": True, "provider": {"names": {"zh": "统一身份认证", "en": "SSO"}}}
    planted = "A" * 43
    gate.browser.cookies.set("hallpulse", planted)
    sent = gate.leave("/target/settled_items?region=222424")
    assert sent.status_code == 303
    asked = parse_qs(urlsplit(sent.headers["location"]).query)
    assert (asked["code_challenge_method"], asked["response_type"], asked["scope"]) == (["S256"], ["code"], ["openid"])
    assert "HttpOnly" in sent.headers["set-cookie"]
    assert "SameSite=lax" in sent.headers["set-cookie"]
    back = Visitor("wang.li").go(sent.headers["location"], HOME)
    arrived = gate.arrive(code_in(back))
    assert arrived.headers["location"] == "/#/signed-in/target/settled_items?region=222424", arrived.text
    (cookie,) = [one for one in arrived.headers.get_list("set-cookie") if one.startswith("hallpulse=")]
    assert {"HttpOnly", "Path=/", "SameSite=strict"} <= {part.strip() for part in cookie.split(";")}
    assert planted not in cookie
    gate.browser.cookies.delete("hallpulse", domain="")
    me = gate.who().json()
    assert (me["person"], me["role"], me["way"], me["one_time"]) == ("王bureau", "bureau", "provider", False)
    assert gate.browser.get(f"{gate.address}/v1/regions").status_code == 200
    assert refused(gate.arrive(code_in(back))) == "state-mismatch", "its cookie is gone"
    ended = gate.browser.post(f"{gate.address}/v1/session/end", json={}, headers={"x-csrf-token": me["csrf"]})
    assert ended.json()["leave_at"].startswith(f"{real.issuer}/oauth/end_session?client_id={CLIENT}&")
    assert gate.who().status_code == 401
    told = [(one.entry.action, one.claimed, one.entry.detail) for one in gate.people.lines("session")]
    assert told[:2] == [
        ("session.begin", "王bureau (bureau)", {"way": "provider"}),
        ("session.end", "王bureau (bureau)", {"way": "provider"}),
    ]


@NEEDS_PROVIDER
def test_a_way_back_of_another_browser_another_state_or_a_used_code_signs_nobody_in(
    real: IdentityProvider, gates: Callable[..., Gate]
) -> None:
    """Login CSRF, a stolen address, a replayed code, an answer mixed up with another provider's."""
    gate = gates(real.issuer)
    sent = gate.leave()
    back = code_in(Visitor("wang.li").go(sent.headers["location"], HOME))
    with httpx.Client() as victim:
        assert refused(gate.arrive(back, victim)) == "state-mismatch", "the cookie of no browser"
    kept = dict(gate.browser.cookies)
    for wrong in ({"state": "other"}, {"state": ""}, {"state": "x" * 5000}):
        assert refused(gate.arrive(back | wrong)) == "state-mismatch"
        gate.browser.cookies.update(kept)
    for wrong in ({"iss": "https://another.example"}, {"iss": ""}, {"iss": f"{real.issuer}/"}):
        assert refused(gate.arrive(back | wrong)) == "issuer-mismatch"
        gate.browser.cookies.update(kept)
    without = {name: value for name, value in back.items() if name != "iss"}
    assert refused(gate.arrive(without)) == "issuer-mismatch", "this provider says that it names itself"
    gate.browser.cookies.update(kept)
    assert refused(gate.arrive(back | {"error": "access_denied"})) == "declined"
    gate.browser.cookies.update(kept)
    arrived = gate.arrive(back)
    assert arrived.headers["location"] == "/#/signed-in/", arrived.headers["location"]
    gate.browser.cookies.clear()
    gate.browser.cookies.update(kept)
    assert refused(gate.arrive(back)) == "code-refused", "the provider takes a code once"
    gate.browser.cookies.update(kept)
    assert refused(gate.arrive(back | {"code": "made-up"})) == "code-refused"
    gate.leave()
    other = gate.leave()
    late = code_in(Visitor("wang.li").go(other.headers["location"], HOME))
    gate.people.pass_time(LEAVING_SECONDS + 1)
    assert refused(gate.arrive(late)) == "state-mismatch", "it took too long"


@NEEDS_PROVIDER
def test_who_has_no_account_or_a_closed_one_is_told_so_and_written_down(
    real: IdentityProvider, gates: Callable[..., Gate], store: Store
) -> None:
    gate, visitor = gates(real.issuer), Visitor("li.na")
    gate.people.add("li.na", Grant("bureau", COUNTY))

    def tried(visitor: Visitor) -> str:
        return refused(gate.arrive(code_in(visitor.go(gate.leave().headers["location"], HOME))))

    assert tried(visitor) == "not-linked", "an account of the same name, or e-mail, is nobody's by itself"
    for _ in range(MOST_FAILURES):
        assert gate.people.try_sign_in("bureau", "wrong password 1").status_code == 401
    known = Visitor("wang.li")
    assert tried(known) == "account-locked"
    gate.people.pass_time(LOCKED_FOR.total_seconds() - LEEWAY_SECONDS)
    account = store.accounts.linked(Link(real.issuer, "wang.li"))
    assert isinstance(account, Account)
    assert store.accounts.disable("bureau", gate.people.clock.now)
    gate.people.clock.now = datetime.now(UTC)
    assert tried(known) == "account-disabled"
    told = [
        (one.entry.subject, one.entry.detail["reason"], one.entry.detail["subject"], one.entry.detail["from"])
        for one in gate.people.lines("session.refused")
    ]
    assert told == [
        ("", "not-linked", "li.na", "127.0.0.1"),
        ("bureau", "account-locked", "wang.li", "127.0.0.1"),
        ("bureau", "account-disabled", "wang.li", "127.0.0.1"),
    ]


@NEEDS_PROVIDER
def test_a_provider_that_does_not_answer_keeps_nobody_from_signing_in_by_password(gates: Callable[..., Gate]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    gate = gates(f"http://127.0.0.1:{port}")
    assert refused(gate.leave()) == "provider-down"
    assert gate.people.try_sign_in("leader").status_code == 201
    assert gate.browser.get(f"{gate.address}/v1/session/ways").json()["provider"] is not None


def unsigned(claims: dict[str, Any]) -> str:
    parts = ({"alg": "none"}, claims)
    head, body = (base64.urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=") for one in parts)
    return f"{head}.{body}."


def test_a_token_that_is_forged_or_for_another_is_not_taken(false: FalseProvider, gates: Callable[..., Gate]) -> None:
    gate, now = gates(false.issuer), int(time.time())
    public = OctKey.import_key(json.dumps(false.key.as_dict(private=False)))
    cases: dict[str, tuple[str, dict[str, Any], Callable[[dict[str, Any]], Any] | None]] = {
        "as it should be": ("", {}, None),
        "a replayed nonce": ("token-invalid", {"nonce": "of another sign-in"}, None),
        "no nonce": ("token-invalid", {"nonce": None}, None),
        "another client's": ("token-invalid", {"aud": OTHER_CLIENT}, None),
        "for another as well": ("token-invalid", {"aud": [CLIENT, OTHER_CLIENT], "azp": OTHER_CLIENT}, None),
        "another issuer's": ("token-invalid", {"iss": "https://another.example"}, None),
        "ended": ("clock-skew", {"exp": now - 600}, None),
        "of the future": ("clock-skew", {"iat": now + 600}, None),
        "without an end": ("token-invalid", {"exp": None}, None),
        "of nobody": ("token-invalid", {"sub": ""}, None),
        "not signed": ("token-invalid", {}, unsigned),
        "signed by another": ("token-invalid", {}, lambda c: jwt.encode({"alg": "RS256"}, c, false.other)),
        "signed by the client's secret": (
            "token-invalid", {}, lambda c: jwt.encode({"alg": "HS256"}, c, OctKey.import_key(SECRET * 2))),
        "signed by the public key": ("token-invalid", {}, lambda c: jwt.encode({"alg": "HS256"}, c, public)),
        "no text": ("token-invalid", {}, lambda _: 5),
        "no token": ("token-invalid", {}, lambda _: "a.b"),
    }  # fmt: skip
    got = {}
    for what, (_, other, sign) in cases.items():
        gate.browser.cookies.clear()
        sent = code_in(gate.leave().headers["location"])
        claims = {
            "iss": false.issuer, "sub": "wang.li", "aud": CLIENT, "exp": now + 300, "iat": now, "nonce": sent["nonce"]
        }  # fmt: skip
        false.claims = {name: value for name, value in (claims | other).items() if value is not None}
        false.sign = sign or false.signed
        arrived = gate.arrive({"code": "c", "state": sent["state"]})
        got[what] = "" if "signed-in" in arrived.headers["location"] else refused(arrived)
    assert got == {what: expected for what, (expected, *_) in cases.items()}
    assert len(gate.people.lines("session.begin")) == 1


def test_a_providers_documents_that_are_anothers_or_lead_elsewhere_are_not_believed(false: FalseProvider) -> None:
    for wrong, expected in (
        ({"issuer": "https://another.example"}, "issuer-mismatch"),
        ({"token_endpoint": "http://another.example/token"}, "provider-wrong"),
        ({"jwks_uri": "file:///etc/passwd"}, "provider-wrong"),
        ({"authorization_endpoint": None}, "provider-wrong"),
    ):
        false.metadata = wrong
        provider = Provider(options(false.issuer), lambda: datetime.now(UTC), time.monotonic)
        with pytest.raises(NotSignedIn, match=expected):
            asyncio.run(provider.leave("/"))


def test_a_view_that_is_another_address_leads_to_the_first_page(
    false: FalseProvider, gates: Callable[..., Gate]
) -> None:
    gate = gates(false.issuer)
    for next_ in (
        "https://evil.example/", "/\\evil.example", "javascript:alert(1)", "/x\r\nset-cookie: a=b", "/?token=stolen",
        "/#token=x", "<script>", "/" + "x" * 450,
    ):  # fmt: skip
        sent, now = code_in(gate.leave(next_).headers["location"]), int(time.time())
        false.claims = {
            "iss": false.issuer, "sub": "wang.li", "aud": CLIENT, "exp": now + 300, "iat": now, "nonce": sent["nonce"]
        }  # fmt: skip
        arrived = gate.arrive({"code": "c", "state": sent["state"]})
        assert arrived.headers["location"] == "/#/signed-in/", next_


def test_another_site_sends_nobody_to_the_provider_and_too_many_are_told_to_wait(
    false: FalseProvider, gates: Callable[..., Gate]
) -> None:
    gate = gates(false.issuer)
    for site in ("cross-site", "same-site"):
        assert gate.leave(**{"sec-fetch-site": site}).status_code == 403
    assert gate.browser.get(f"{gate.address}/v1/session/provider?next=/a&next=/b").status_code in (303, 400)
    answers = [gate.browser.get(f"{gate.address}/v1/session/provider") for _ in range(20)]
    assert "too-many" in {one.headers["location"].rpartition("/")[2] for one in answers}
    assert PASSWORD not in str([one.headers for one in answers])


def test_without_a_provider_none_is_asked_and_half_a_one_is_refused() -> None:
    given = Settings("amqp://h", "postgresql://h", public_url="https://hall.example/")
    assert options_from(given) is None
    whole = replace(given, oidc_issuer="https://sso.example", oidc_client_id="c", oidc_client_secret="s")
    assert options_from(whole) is not None
    for name in ("oidc_issuer", "oidc_client_id", "oidc_client_secret", "public_url"):
        with pytest.raises(SettingsError, match=name.upper()):
            options_from(replace(whole, **{name: ""}))
    with pytest.raises(SettingsError, match="https"):
        options_from(replace(whole, oidc_issuer="http://sso.example"))
    assert len({str(fault) for fault in ProviderFault}) == 12
