"""`hallpulse region`: declare that a county's code ends or gives a part away (撤并), with day, decree and reason."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

import click
from rich.markup import escape
from rich.table import Table

from hallpulse.contract.personal import escaped
from hallpulse.domain.succession import Succession
from hallpulse.store import Store, open_store
from services.console.commands.hall import Region
from services.console.suite_connection import connect, directory_option
from services.console.usage import BadUsage, screen

MOST_TEXT = 200
Declaring = Callable[[int, Sequence[int], datetime, str, str, Path], None]
"""A command that declares successors: code, successors, their first day, decree, reason, the suite's directory."""


def _declares(command: Declaring) -> Declaring:
    """Give a command the arguments and options of a declaration."""
    for option in (
        directory_option,
        click.option("--reason", required=True, help="Why, in a sentence; it is shown with the change."),
        click.option("--document", required=True, help="The number of the decree (文号)."),
        click.option(
            "--from", "first", type=click.DateTime(["%Y-%m-%d"]), required=True, help="The successor's first day."
        ),
        click.argument("successors", metavar="SUCCESSOR...", type=Region(), nargs=-1, required=True),
        click.argument("region", type=Region()),
    ):
        command = option(command)
    return command


@click.group()
def command() -> None:
    """Counties' codes that end, are replaced or split (撤并): dated successors; what was reported stays.

    行政区划代码的撤并：按日期指定承继代码，历史数据保留在原代码之下。
    """


@command.command()
@_declares
def end(  # noqa: PLR0917 - its options
    region: int, successors: Sequence[int], first: datetime, document: str, reason: str, directory: Path
) -> None:
    """End REGION's code: merged into SUCCESSOR, replaced by it, or divided among several.

    From that day on nothing new is accepted under the code, and its catalogue has ended. Cases received before go on.
    """
    _declare(directory, _of(region, successors, first.date(), document, reason, ends=True))


@command.command()
@_declares
def split(  # noqa: PLR0917 - its options
    region: int, successors: Sequence[int], first: datetime, document: str, reason: str, directory: Path
) -> None:
    """Give a part of REGION to SUCCESSOR; REGION's own code goes on with the rest."""
    _declare(directory, _of(region, successors, first.date(), document, reason, ends=False))


@command.command()
@click.argument("region", type=Region())
@directory_option
def withdraw(region: int, directory: Path) -> None:
    """Take back what was declared of REGION: its code is in force as if nothing had been declared."""
    with _store(directory) as store:
        gone = store.codes.withdraw(region)
    if not gone:
        raise click.ClickException(f"nothing was declared of {region}: see `hallpulse region list`")
    click.echo(f"{region}: {len(gone)} withdrawn")


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@directory_option
def list_changes(as_json: bool, directory: Path) -> None:
    """List the changes of codes in order of their days."""
    with _store(directory) as store:
        found = store.codes.list()
    if as_json:
        click.echo(json.dumps([_told(one) for one in found], ensure_ascii=False))
        return
    table = Table("代码 code", "承继 successor", "自 from", "原代码 the code", "文号 decree", "原因 reason")
    for one in found:
        goes = "终止 ends" if one.ends else "继续 goes on"
        texts = escape(escaped(one.document)), escape(escaped(one.reason))
        table.add_row(str(one.region), str(one.successor), one.day.isoformat(), goes, *texts)
    screen().print(table)


def _told(one: Succession) -> dict[str, object]:
    return {
        "region": str(one.region), "successor": str(one.successor), "from": one.day.isoformat(), "ends": one.ends,
        "document": one.document, "reason": one.reason,
    }  # fmt: skip


def _of(
    region: int, successors: Sequence[int], day: date, document: str, reason: str, *, ends: bool
) -> list[Succession]:
    for name, text in (("--document", document), ("--reason", reason)):
        if not text.strip() or len(text) > MOST_TEXT or not text.isprintable():
            raise BadUsage(f"{name}: expected a text of 1 to {MOST_TEXT} characters")
    return [Succession(region, one, day, ends, document, reason) for one in dict.fromkeys(successors)]


def _declare(directory: Path, new: Sequence[Succession]) -> None:
    with _store(directory) as store:
        done = store.codes.declare(new)
    first = new[0]
    codes = ", ".join(str(one.successor) for one in new)
    click.echo(f"{first.region} → {codes} 自 from {first.day} ({first.document})")
    if not first.ends:
        return
    click.echo(
        f"目录到期 items ended: {done.items:,}; 重新计算 cases folded again: {done.cases:,}; "
        f"关闭大厅 halls closed: {done.halls:,}"
    )
    if done.later:
        stay = f"{done.later:,} events of that day and later stay as they were reported"
        click.echo(f"该日及以后已收到的 {done.later:,} 条事件保留原样。 {stay}.", err=True)


@contextmanager
def _store(directory: Path) -> Iterator[Store]:
    opened = open_store(connect(directory).database_url, pool_size=1)
    try:
        yield opened
    finally:
        opened.close()
