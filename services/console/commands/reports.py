"""`hallpulse reports`: list the published reports, and whether they are still as they were published."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.table import Table

from hallpulse.store import PublishedReport, open_store
from services.console.suite_connection import connect, directory_option
from services.console.usage import screen


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Show the reports that `hallpulse report --publish` froze."""


@command.command("list")
@click.option("--region", type=int, metavar="CODE", help="Only those of a county, 6 digits.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@directory_option
def list_(region: int | None, *, as_json: bool, directory: Path) -> None:
    """Print every published report, the newest first. Exit status 1 if one is not as it was published."""
    store = open_store(connect(directory).database_url, pool_size=1)
    try:
        found = store.reports.list(region)
    finally:
        store.close()
    if as_json:
        for one in found:
            click.echo(json.dumps(_said(one), ensure_ascii=False))
    else:
        screen().print(_table(found))
    if not all(one.intact for one in found):
        raise SystemExit(1)


def _said(report: PublishedReport) -> dict[str, object]:
    return {
        "id": report.id,
        "region": report.region,
        "month": report.month,
        "plan": report.plan,
        "published": report.at.isoformat(),
        "publisher": report.claimed,
        "role": report.actor,
        "sha256": dict(report.files),
        "intact": report.intact,
        "department": report.about.department,
        "hall": report.about.hall,
        "language": report.about.language,
    }


def _table(found: list[PublishedReport]) -> Table:
    table = Table()
    for head in (
        "编号 id",
        "区划 region",
        "期间 period",
        "范围 of",
        "发布 published",
        "发布人 publisher",
        "docx SHA-256",
        "完好 intact",
    ):
        table.add_column(head)
    for one in found:
        intact = "✓" if one.intact else "✗ 与发布时不符 not as published"
        whose = one.about.department or one.about.hall or "全县 region"
        row = str(one.id), str(one.region), one.month, whose, f"{one.at:%Y-%m-%d %H:%M}", one.claimed
        table.add_row(*row, one.files.get("docx", "")[:16], intact)
    return table
