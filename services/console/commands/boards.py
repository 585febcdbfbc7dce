"""`hallpulse boards`: Grafana boards, rendered from the plans and pushed to a Grafana."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from hallpulse.plans import load_plans
from services.boards.board.render import render_boards
from services.boards.intervals import Links
from services.boards.provisioning import provisioning_files
from services.console.connection import connect, directory_option
from services.console.history.days import SHANGHAI
from services.console.history.write import write_history
from services.console.rendering import check_or_write, plans_folder
from services.console.suite.layout import CHECKOUT, Layout

PROMETHEUS = "http://prometheus:9090"
_plans = click.option("--plans", "folder", type=click.Path(path_type=Path), help="Folder of plan files.")
_gateway = click.option("--gateway", default="", help="Address of the gateway, for links to the cases.")


@click.group()
def command() -> None:
    """Grafana boards, rendered from the plans."""


@command.command()
@_plans
@click.option("--out", type=click.Path(path_type=Path), help="Where to write; the checkout's grafana if left out.")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 where a file is not what the plans render.")
@click.option("--prometheus", default=PROMETHEUS, show_default=True, help="Where Grafana finds Prometheus.")
@_gateway
def render(*, folder: Path | None, out: Path | None, check: bool, prometheus: str, gateway: str) -> None:
    """Write the boards in both languages, and the files with which Grafana provisions them."""
    boards = render_boards(load_plans(plans_folder(folder)), Links(gateway=gateway))
    files = {f"dashboards/{name}": text for name, text in boards.items()} | provisioning_files(prometheus)
    check_or_write("hallpulse boards render", out or CHECKOUT / "grafana", files, "**/*.*", check=check)


@command.command()
@directory_option
def history(*, directory: Path) -> None:
    """Write the plan's past days into the Prometheus of the suite in DIR, so that its boards show the whole period.

    Figures of past days are computed from the stored events as they are known now, up to yesterday. Prometheus takes
    them up within a minute.
    """
    layout = Layout(directory.absolute())
    today = datetime.now(SHANGHAI).date()
    count = write_history(connect(layout.root), layout.prometheus / "data", today)
    click.echo(f"{count} samples of the past, on the boards within a minute")
