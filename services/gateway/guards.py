"""What every request to /v1 must pass before anything of it is read: a token, its rate, and known parameters."""

from __future__ import annotations

import math
import re
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.params import QueryParameter

from hallpulse.store import Grant, hash_of

from .desk import Desk
from .problems import Declined, Kind
from .rights import may_publish
from .visitors import lead

Connection = ASGIConnection[Any, Any, Any, Any]
_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]{1,512}=*)", re.IGNORECASE).fullmatch
_CHALLENGE = {"www-authenticate": 'Bearer realm="hallpulse"'}


async def needs_token(connection: Connection, _: BaseRouteHandler) -> None:
    """401 without a token that somebody was given, 429 where it is used too often; else the grant is kept."""
    lead(connection)
    desk = desk_of(connection)
    token_hash = hash_of(_token(connection))
    grant = await desk.doorkeeper.grant(token_hash)
    if grant is None:
        raise Declined(Kind.NO_TOKEN, "this token was never given or has ended", headers=_CHALLENGE)
    wait = desk.rates.wait(_counted_as(grant, token_hash), desk.monotonic())
    if wait:
        seconds = str(math.ceil(wait))
        raise Declined(Kind.TOO_MANY_REQUESTS, f"try again in {seconds} s", headers={"retry-after": seconds})
    connection.state.grant = grant


def _counted_as(grant: Grant, token_hash: str) -> str:
    """A hall has one rate, whichever of its tokens it shows: while they are rotated there are two."""
    return f"{grant.region}/{grant.hall}" if grant.hall is not None else token_hash


def desk_of(connection: Connection) -> Desk:
    desk: Desk = connection.app.state.desk
    return desk


def grant_of(connection: Connection) -> Grant:
    grant: Grant = connection.state.grant
    return grant


def needs_a_hall(connection: Connection, _: BaseRouteHandler) -> None:
    """403 for a token that reads only."""
    if not may_publish(grant_of(connection)):
        raise Declined(Kind.FORBIDDEN, "this token sends no events: expected the token of a hall")


def knows_its_parameters(connection: Connection, handler: BaseRouteHandler) -> None:
    """A misspelt filter would give the wrong number, and so would one of two values: both are refused."""
    known = _parameters(handler)
    given = [name for name, _ in connection.query_params.multi_items()]
    for name in given:
        if name not in known:
            listed = ", ".join(known) or "none"
            raise Declined(Kind.BAD_PARAMETER, f"unknown parameter: expected {listed}", field=name[:100])
        if given.count(name) > 1:
            raise Declined(Kind.BAD_PARAMETER, f"{name}: expected once", field=name)


def _parameters(handler: BaseRouteHandler) -> list[str]:
    definitions = (field.kwarg_definition for field in handler.parsed_fn_signature.parameters.values())
    return [d.name for d in definitions if isinstance(d, QueryParameter) and d.name]


def _token(connection: Connection) -> str:
    given = connection.headers.getall("authorization", [])
    match = _BEARER(given[0]) if len(given) == 1 else None
    if match is None:
        raise Declined(Kind.NO_TOKEN, "expected one header Authorization: Bearer TOKEN", headers=_CHALLENGE)
    return match[1]
