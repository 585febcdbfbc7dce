"""A person who follows a link of a board or a notice sends no token: the browser is led to the page."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response
from litestar.connection import ASGIConnection

_LISTS = b"/v1/cases"


class LedToThePage(Exception):
    """The request is a browser's, for something that the page shows."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.address = address


def lead(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    """Raises LedToThePage for a browser without a token that asks for cases; programs are answered as ever."""
    if "authorization" in connection.headers or "text/html" not in connection.headers.get("accept", ""):
        return
    path = connection.scope["raw_path"].partition(b"?")[0]
    query = connection.scope["query_string"]
    if path == _LISTS:
        raise LedToThePage(f"/#/list?{query.decode('latin-1')}")
    if path.startswith(_LISTS + b"/"):
        raise LedToThePage(f"/#/case{path[len(_LISTS) :].decode('latin-1')}")


def to_the_page(_: Request[Any, Any, Any], error: LedToThePage) -> Response[None]:
    return Response(None, status_code=303, headers={"location": error.address, "vary": "accept, authorization"})
