"""`hallpulse audit`: who changed what."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import click
from rich.markup import escape
from rich.table import Table

from hallpulse.store import AuditLine, open_store
from services.console.commands.token import AnyRegion
from services.console.connection import connect, directory_option
from services.console.history import SHANGHAI
from services.console.screen import screen


@click.command()
@click.option("--since", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]), metavar="DAY|TIME",
              help="Only from then on, Asia/Shanghai: 2026-03-01 or '2026-03-01 14:30'.")  # fmt: skip
@click.option("--action", default="", help="Only this, such as hall.add; or hall for everything about halls.")
@click.option("--region", type=AnyRegion(), metavar="CODE", help="Only of this region.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@directory_option
def command(
    *, since: datetime | None, action: str, region: int | None, limit: int, as_json: bool, directory: Path
) -> None:
    """Show who changed what, the newest first: halls, tokens, plans, calendars, imports, refused events, recomputing.

    The lines cannot be changed or deleted: the database refuses it.

    谁在何时改动了什么，最新的在前。这些记录只能增加，不能修改或删除。
    """
    store = open_store(connect(directory).database_url, pool_size=1)
    try:
        lines = store.audit.list(since.replace(tzinfo=SHANGHAI) if since is not None else None, action, region, limit)
    finally:
        store.close()
    if as_json:
        for line in lines:
            click.echo(json.dumps(_shown(line), ensure_ascii=False))
        return
    table = Table("时间 at", "谁 actor", "改动 action", "地区 region", "对象 subject", "详情 detail")
    for line in lines:
        table.add_row(*map(_text, _shown(line).values()))
    screen().print(table)


def _shown(line: AuditLine) -> dict[str, object]:
    deed = line.deed
    return {
        "at": line.at.astimezone(SHANGHAI).isoformat(timespec="seconds"),
        "actor": line.actor,
        "action": deed.action,
        "region": str(deed.region) if deed.region is not None else None,
        "subject": deed.subject,
        "detail": dict(deed.detail) or None,
    }


def _text(value: object) -> str:
    """Names of files and halls are shown as they are, whatever brackets they hold."""
    return escape(json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value or ""))
