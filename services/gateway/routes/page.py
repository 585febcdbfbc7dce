"""The board page: plain files from this package, under a policy that lets nothing else run."""

from __future__ import annotations

from pathlib import Path

from litestar import Response, get
from litestar.params import FromPath

from services.gateway.problems import Declined, Kind
from services.gateway.problems_page import problems_page

_PAGE = Path(__file__).parents[1] / "page"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "cache-control": "no-cache",
}
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_ASSETS = {path.name: path for path in sorted(_PAGE.iterdir()) if path.suffix in _TYPES}


@get("/", sync_to_thread=True, include_in_schema=False)
def get_page() -> Response[bytes]:
    return _file(_PAGE / "index.html")


@get("/page/{name:str}", sync_to_thread=True, include_in_schema=False)
def get_asset(name: FromPath[str]) -> Response[bytes]:
    path = _ASSETS.get(name)
    if path is None:
        raise Declined(Kind.NOT_FOUND, "no such file of the page")
    return _file(path)


@get("/problems", sync_to_thread=True, include_in_schema=False)
def get_problems() -> Response[str]:
    """What the `type` of every problem document leads to."""
    return Response(problems_page(), media_type="text/html", headers=_HEADERS)


def _file(path: Path) -> Response[bytes]:
    return Response(path.read_bytes(), media_type=_TYPES[path.suffix], headers=_HEADERS)
