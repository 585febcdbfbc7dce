"""The board page, plain files of this package under a policy that lets nothing else run, and the page of problems."""

from __future__ import annotations

from html import escape
from pathlib import Path

from litestar import Response, get
from litestar.params import FromPath

from hallpulse.contract.reasons import Reason
from services.gateway.problems import Declined, Kind

_PAGE = Path(__file__).parent / "page"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "cache-control": "no-cache",
}
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_LIBRARIES = Path(__file__).parent / "libraries" / "node_modules"
"""Packages of npm, which hatch_build.py installs."""
_CHARTS = _LIBRARIES / "d3" / "dist" / "d3.min.js"
_ASSETS = {path.name: path for path in sorted(_PAGE.iterdir()) if path.suffix in _TYPES} | {"d3.min.js": _CHARTS}


@get("/", sync_to_thread=True, include_in_schema=False)
def get_page() -> Response[bytes]:
    return _file(_PAGE / "index.html")


@get("/wall", sync_to_thread=True, include_in_schema=False)
def get_wall() -> Response[bytes]:
    """Answer with the page for a large screen. It requests its figures with the token in the address's fragment."""
    return _file(_PAGE / "wall.html")


@get("/page/{name:str}", sync_to_thread=True, include_in_schema=False)
def get_asset(name: FromPath[str]) -> Response[bytes]:
    path = _ASSETS.get(name)
    if path is None:
        raise Declined(Kind.NOT_FOUND, "no such file of the page")
    return _file(path)


@get("/problems", sync_to_thread=True, include_in_schema=False)
def get_problems() -> Response[str]:
    """Answer with the page to which the `type` of every problem document leads."""
    return Response(problems_page(), media_type="text/html", headers=_HEADERS)


def _file(path: Path) -> Response[bytes]:
    # Without the library the page shows tables in place of charts.
    content = path.read_bytes() if path != _CHARTS or path.is_file() else b""
    return Response(content, media_type=_TYPES[path.suffix], headers=_HEADERS)


_HEAD = """<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>问题代码 · Problems · Hallpulse</title><link rel="icon" href="/page/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/page/style.css"></head>
<body class="prose"><main>
"""


def problems_page() -> str:
    kinds = "".join(_kind(kind) for kind in Kind)
    reasons = "".join(
        f"<tr><td><code>{escape(r.value)}</code></td><td>{escape(r.zh)}<br><small>{escape(r.en)}</small></td></tr>"
        for r in Reason
    )
    return (
        f"{_HEAD}<h1>问题代码 <small>Problems</small></h1><table>{kinds}</table>"
        f"<h2>拒收原因 <small>Reasons for refusing an event</small></h2><table>{reasons}</table></main></body></html>"
    )


def _kind(kind: Kind) -> str:
    return (
        f'<tr id="{kind.slug}"><td>{kind.status}</td><td><code>{kind.slug}</code></td>'
        f"<td>{escape(kind.value.zh)}<br><small>{escape(kind.title)}</small></td></tr>"
    )
