"""`hallpulse audit`: show who changed what, and who read which cases."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click
from rich.markup import escape
from rich.table import Table

from hallpulse.domain.workdays import SHANGHAI
from hallpulse.store import AuditLine, CaseReading, open_store
from services.console.commands.token import AnyRegion
from services.console.suite_connection import connect, directory_option
from services.console.usage import screen

_CHANGES = (
    "时间 at", "角色 actor", "自称 claimed", "改动 action", "地区 region", "对象 subject", "详情 detail",
)  # fmt: skip
_READS = ("小时 hour", "令牌 token", "类别 kind", "地区 region", "对象 subject", "次数 reads")


@click.command()
@click.option("--since", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]), metavar="DAY|TIME",
              help="Only from then on, Asia/Shanghai: 2026-03-01 or '2026-03-01 14:30'.")  # fmt: skip
@click.option("--action", default="", help="Only this, such as hall.add; or hall for everything about halls.")
@click.option("--region", type=AnyRegion(), metavar="CODE", help="Only of this region.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="At most so many.")
@click.option("--reads", is_flag=True, help="Show who read which cases by the gateway, hour by hour.")
@click.option("--token", default="", metavar="NAME", help="With --reads: only of this token; REGION.HALL for a hall's.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@directory_option
def command(
    *, since: datetime | None, action: str, region: int | None, limit: int, reads: bool, token: str, as_json: bool,
    directory: Path,
) -> None:  # fmt: skip
    """Show who changed what, the newest first: halls, tokens, plans, calendars, imports, refused events, recomputing.

    actor is the database role that wrote the line, as the database knows it; claimed is the name that this role gave.
    The lines cannot be changed or deleted: the database refuses it.

    谁在何时改动了什么，最新的在前。这些记录只能增加，不能修改或删除。
    """
    if token and not reads:
        raise click.UsageError("--token goes with --reads")
    if reads and (action or region is not None):
        raise click.UsageError("--reads goes with --since, --token and --limit")
    begin = since.replace(tzinfo=SHANGHAI) if since is not None else None
    store = open_store(connect(directory).database_url, pool_size=1)
    try:
        if reads:
            _print(_READS, [_read(reading) for reading in store.audit.readings(begin, token, limit)], as_json)
        else:
            _print(_CHANGES, [_shown(line) for line in store.audit.list(begin, action, region, limit)], as_json)
    finally:
        store.close()


def _print(columns: Sequence[str], rows: Sequence[dict[str, object]], as_json: bool) -> None:
    if as_json:
        for row in rows:
            click.echo(json.dumps(row, ensure_ascii=False))
        return
    table = Table(*columns)
    for row in rows:
        table.add_row(*map(_text, row.values()))
    screen().print(table)


def _read(reading: CaseReading) -> dict[str, object]:
    return {
        "hour": reading.hour.astimezone(SHANGHAI).isoformat(timespec="minutes"),
        "token": reading.token,
        "kind": reading.kind,
        "region": str(reading.region) if reading.region is not None else None,
        "subject": reading.subject,
        "reads": reading.reads,
    }


def _shown(line: AuditLine) -> dict[str, object]:
    entry = line.entry
    return {
        "at": line.at.astimezone(SHANGHAI).isoformat(timespec="seconds"),
        "actor": line.actor,
        "claimed": line.claimed,
        "action": entry.action,
        "region": str(entry.region) if entry.region is not None else None,
        "subject": entry.subject,
        "detail": dict(entry.detail) or None,
    }


def _text(value: object) -> str:
    """Return the value as text in which brackets are not markup: names of files and halls may hold brackets."""
    return escape(json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value or ""))
