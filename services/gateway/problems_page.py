"""All problems on one page, where their `type` leads."""

from __future__ import annotations

from html import escape

from hallpulse.contract.reasons import Reason

from .problems import Kind

_HEAD = """<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>问题代码 · Problems · Hallpulse</title><link rel="stylesheet" href="/page/style.css"></head>
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
