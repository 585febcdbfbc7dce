"""Sign-in through a provider (OpenID Connect): send a browser there, and find out who came back.

Code flow with PKCE (S256), state and nonce, for the one configured issuer. The values that the return must match lie in
a sealed cookie of the browser, so that any gateway can take it back. The provider is contacted only when a person signs
in through it.
"""

from __future__ import annotations

import base64
import contextlib
import hmac
import secrets
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx2
import msgspec
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc import jwt
from joserfc.errors import ExpiredTokenError, InvalidClaimError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from hallpulse.settings import Settings, SettingsError
from hallpulse.store import Link
from hallpulse.tls import TlsFiles, client_context
from services.gateway.provider_sign_in import Arrived, NotSignedIn, ProviderFault
from services.gateway.sessions import LEAVING_SECONDS

CALLBACK = "/v1/session/callback"
ANSWER_SECONDS = 8.0
FRESH_SECONDS = 3600.0
KEYS_AGAIN_SECONDS = 30.0
"""The provider's keys are asked for again at most this often because of a key that is not among them."""
MOST_HINT = 3_000
"""Characters of a sealed token that fit into a cookie beside the others; a longer one is not kept."""
LEEWAY_SECONDS = 60
"""How far the clocks of provider and gateway may be apart."""
SIGNED_BY = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
"""Signatures with a key that the provider alone has: neither `none` nor one that a client's secret makes."""
_ON_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")
_CLOCK_CLAIMS = ("exp", "iat", "nbf")


@dataclass(frozen=True, slots=True)
class ProviderOptions:
    """The provider and the suite as its client.

    callback: the address to which the browser returns; home: the address to which it goes after signing out at the
    provider; zh, en: the provider's name on the page.
    """

    issuer: str
    client_id: str
    client_secret: str
    callback: str
    home: str
    zh: str
    en: str


class Leaving(msgspec.Struct, frozen=True):
    """The values that the browser's return must match. next: the requested view of the page."""

    state: str
    nonce: str
    verifier: str
    next: str


@dataclass(frozen=True, slots=True)
class Known:
    """The provider's documents. at: when they were read, monotonic seconds."""

    metadata: Mapping[str, Any]
    keys: KeySet
    at: float


def options_from(settings: Settings) -> ProviderOptions | None:
    """Return the provider that the settings name, None without one. Raise SettingsError if a part is missing."""
    names = ("oidc_issuer", "oidc_client_id", "oidc_client_secret")
    given = [getattr(settings, name) for name in names]
    if not any(given):
        return None
    missing = [f"HALLPULSE_{name.upper()}" for name in (*names, "public_url") if not getattr(settings, name)]
    if missing:
        raise SettingsError(f"missing environment: {', '.join(missing)}: sign-in by a provider needs them")
    if not _is_safe(settings.oidc_issuer):
        raise SettingsError("HALLPULSE_OIDC_ISSUER: expected an https:// URL, or one of this machine")
    home = settings.public_url.rstrip("/")
    issuer, client_id, secret = given
    return ProviderOptions(
        issuer, client_id, secret, f"{home}{CALLBACK}", f"{home}/", settings.oidc_name, settings.oidc_name_en
    )


def provider_from(settings: Settings, clock: Callable[[], datetime], monotonic: Callable[[], float]) -> Provider | None:
    options = options_from(settings)
    if options is None:
        return None
    context = client_context(TlsFiles(settings.tls_ca)) if options.issuer.startswith("https://") else None
    return Provider(options, clock, monotonic, context)


def _is_safe(address: object) -> bool:
    """Return whether no one on the way can read along: HTTPS, or this machine."""
    try:
        parts = urlsplit(str(address))
        return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _ON_THIS_MACHINE)
    except ValueError:
        return False


def _seal_of(options: ProviderOptions, purpose: bytes) -> Fernet:
    key = HKDF(SHA256(), 32, None, purpose).derive(options.client_secret.encode())
    return Fernet(base64.urlsafe_b64encode(key))


class Provider:
    """Sends browsers to the provider and takes them back. clock: now, with a time zone; monotonic: seconds."""

    def __init__(
        self,
        options: ProviderOptions,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
        context: ssl.SSLContext | None = None,
    ) -> None:
        self.options = options
        self._clock = clock
        self._monotonic = monotonic
        self._context = context
        self._known: Known | None = None
        self._seal = _seal_of(options, b"hallpulse sign-in by a provider")
        self._hints = _seal_of(options, b"hallpulse sign-out at a provider")

    async def leave(self, next_: str) -> tuple[str, str]:
        """Return the provider's address for this sign-in, and the cookie with the values that the return must match."""
        metadata = (await self._documents()).metadata
        leaving = Leaving(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48), next_)
        async with self._client(metadata) as client:
            address, _ = client.create_authorization_url(
                metadata["authorization_endpoint"],
                state=leaving.state,
                nonce=leaving.nonce,
                code_verifier=leaving.verifier,
            )
        now = int(self._clock().timestamp())
        return address, self._seal.encrypt_at_time(msgspec.json.encode(leaving), now).decode().rstrip("=")

    async def arrive(self, cookie: str, given: Mapping[str, str]) -> Arrived:
        """Return the person who came back, and the requested view. Raise NotSignedIn."""
        leaving = self._left(cookie)
        if leaving is None or not hmac.compare_digest(leaving.state.encode(), given.get("state", "").encode()):
            raise NotSignedIn(ProviderFault.STATE_MISMATCH)
        known = await self._documents()
        self._check_issuer(known.metadata, given.get("iss"))
        if "error" in given or not given.get("code"):
            raise NotSignedIn(ProviderFault.DECLINED, _shown(given.get("error", "no code")))
        token = await self._token(known.metadata, given["code"], leaving.verifier)
        claims = await self._claims(known, token, leaving.nonce)
        hint = self._hints.encrypt(str(token["id_token"]).encode()).decode().rstrip("=")
        return Arrived(Link(self.options.issuer, claims["sub"]), leaving.next, hint if len(hint) <= MOST_HINT else "")

    @property
    def names(self) -> tuple[str, str]:
        return self.options.zh, self.options.en

    async def sign_out_address(self, hint: str) -> str | None:
        """Return the address at which the browser ends its session with the provider; None if the provider names none.

        hint: the sealed token of the sign-in, from which the provider knows the session and need not ask.
        """
        try:
            end = (self._known or await self._documents()).metadata.get("end_session_endpoint")
        except NotSignedIn:
            return None
        if not _is_safe(end):
            return None
        asked = {"client_id": self.options.client_id, "post_logout_redirect_uri": self.options.home}
        with contextlib.suppress(InvalidToken, TypeError, ValueError):  # without it, the provider asks the person
            asked["id_token_hint"] = self._hints.decrypt(hint + "=" * (-len(hint) % 4)).decode()
        return f"{end}{'&' if '?' in str(end) else '?'}{urlencode(asked)}"

    def _left(self, cookie: str) -> Leaving | None:
        now = int(self._clock().timestamp())
        try:
            return msgspec.json.decode(
                self._seal.decrypt_at_time(cookie + "=" * (-len(cookie) % 4), LEAVING_SECONDS, now), type=Leaving
            )
        except (InvalidToken, TypeError, msgspec.DecodeError):
            return None

    def _check_issuer(self, metadata: Mapping[str, Any], given: str | None) -> None:
        """Raise NotSignedIn for an answer that another issuer gave (RFC 9207)."""
        must_say = metadata.get("authorization_response_iss_parameter_supported") is True
        if given != self.options.issuer and (must_say or given is not None):
            raise NotSignedIn(ProviderFault.ISSUER_MISMATCH, _shown(given or "no iss"))

    def _client(self, metadata: Mapping[str, Any]) -> AsyncOAuth2Client:
        ways = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        return AsyncOAuth2Client(
            client_id=self.options.client_id,
            client_secret=self.options.client_secret,
            token_endpoint_auth_method="client_secret_basic" if "client_secret_basic" in ways else "client_secret_post",
            code_challenge_method="S256",
            redirect_uri=self.options.callback,
            scope="openid",
            timeout=ANSWER_SECONDS,
            verify=self._context or True,
        )

    async def _documents(self) -> Known:
        """Return metadata and keys, asked for at most once an hour. Raise NotSignedIn."""
        if self._known is None or self._monotonic() - self._known.at > FRESH_SECONDS:
            self._known = await self._read_documents()
        return self._known

    async def _read_documents(self) -> Known:
        where = f"{self.options.issuer.rstrip('/')}/.well-known/openid-configuration"
        async with httpx2.AsyncClient(timeout=ANSWER_SECONDS, verify=self._context or True) as client:
            metadata = await _json_of(client, where)
            if metadata.get("issuer") != self.options.issuer:
                raise NotSignedIn(ProviderFault.ISSUER_MISMATCH, f"{where} is of {_shown(metadata.get('issuer'))}")
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                if not _is_safe(metadata.get(name)):
                    raise NotSignedIn(ProviderFault.PROVIDER_WRONG, f"{name}: expected https://")
            keys = await _json_of(client, str(metadata["jwks_uri"]))
        try:
            return Known(metadata, KeySet.import_key_set(keys), self._monotonic())  # type: ignore[arg-type]
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise NotSignedIn(ProviderFault.PROVIDER_WRONG, f"jwks_uri: {type(error).__name__}") from None

    async def _token(self, metadata: Mapping[str, Any], code: str, verifier: str) -> Mapping[str, Any]:
        """Exchange the code. Raise NotSignedIn where the provider does not take it, or does not answer."""
        address = str(metadata["token_endpoint"])
        try:
            async with self._client(metadata) as client:
                return dict(
                    await client.fetch_token(
                        address, grant_type="authorization_code", code=code, code_verifier=verifier
                    )
                )
        except OAuthError as error:
            raise NotSignedIn(ProviderFault.CODE_REFUSED, _shown(error.error)) from None
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise NotSignedIn(ProviderFault.PROVIDER_DOWN, f"{address}: {type(error).__name__}") from None
        except (ValueError, TypeError, AttributeError) as error:
            raise NotSignedIn(ProviderFault.PROVIDER_WRONG, f"{address}: {type(error).__name__}") from None

    async def _claims(self, known: Known, token: Mapping[str, Any], nonce: str) -> Mapping[str, Any]:
        """Return the id token's claims once its signature, issuer, audience, times and nonce are right."""
        given = token.get("id_token")
        if not isinstance(given, str):
            raise NotSignedIn(ProviderFault.TOKEN_INVALID, "no id_token")
        try:
            read = await self._decoded(known, given)
            claims = CodeIDToken(
                read.claims,
                read.header,
                {
                    "iss": {"essential": True, "value": self.options.issuer},
                    "aud": {"essential": True, "value": self.options.client_id},
                    "nonce": {"essential": True, "value": nonce},
                },
                {"nonce": nonce, "client_id": self.options.client_id, "access_token": token.get("access_token")},
            )
            claims.validate(int(self._clock().timestamp()), LEEWAY_SECONDS)
        except ExpiredTokenError:
            raise NotSignedIn(ProviderFault.CLOCK_SKEW, "exp") from None
        except InvalidClaimError as error:
            claim = str(error.claim)
            fault = ProviderFault.CLOCK_SKEW if claim in _CLOCK_CLAIMS else ProviderFault.TOKEN_INVALID
            raise NotSignedIn(fault, claim) from None
        except (JoseError, ValueError, TypeError) as error:
            raise NotSignedIn(ProviderFault.TOKEN_INVALID, f"{type(error).__name__}") from None
        if not 0 < len(claims["sub"]) <= 255 or "\0" in claims["sub"]:
            raise NotSignedIn(ProviderFault.TOKEN_INVALID, "sub")
        return dict(claims)

    async def _decoded(self, known: Known, given: str) -> jwt.Token:
        """Return the token, its signature checked; keys are asked for again where its key is none that is known."""
        registry = JWSRegistry(algorithms=list(SIGNED_BY), strict_check_header=False)
        try:
            return jwt.decode(given, known.keys, registry=registry)
        except InvalidKeyIdError:
            if self._monotonic() - known.at < KEYS_AGAIN_SECONDS:
                raise
        self._known = await self._read_documents()
        return jwt.decode(given, self._known.keys, registry=registry)


async def _json_of(client: httpx2.AsyncClient, address: str) -> dict[str, Any]:
    """Raise NotSignedIn where there is no answer, or no JSON object."""
    try:
        response = await client.get(address, headers={"accept": "application/json"})
        response.raise_for_status()
        found = response.json()
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise NotSignedIn(ProviderFault.PROVIDER_DOWN, f"{address}: {type(error).__name__}") from None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise NotSignedIn(ProviderFault.PROVIDER_WRONG, f"{address}: expected a JSON object")
    return found


def _shown(text: object) -> str:
    """Return what another machine says as one printable line."""
    return "".join(sign if sign.isprintable() else "?" for sign in str(text)[:80])
