"""`hallpulse boards`: render Grafana boards from the plans, and push them to a Grafana."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path

import click

from hallpulse.domain.workdays import SHANGHAI
from hallpulse.plans import load_plans
from services.boards.board.render import render_boards
from services.boards.intervals import Links
from services.boards.provisioning import data_source, provisioning_files
from services.boards.publish.grafana import Grafana
from services.boards.publish.push import Pushed
from services.boards.publish.push import push as push_all
from services.console.past_samples import write_history
from services.console.suite_connection import connect, directory_option
from services.console.usage import check_or_write, plans_folder
from services.local.suite_directory import CHECKOUT, SuiteDirectory

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
    layout = SuiteDirectory(directory.absolute())
    today = datetime.now(SHANGHAI).date()
    count = write_history(connect(layout.root), layout.prometheus / "data", today)
    click.echo(f"{count} samples of the past, on the boards within a minute")


@command.command()
@_plans
@click.option("--force", is_flag=True, help="Overwrite what a person changed in Grafana, too.")
@click.option("--prometheus", default="", help="Where Grafana finds Prometheus; HALLPULSE_PROMETHEUS_URL if left out.")
@_gateway
def push(*, folder: Path | None, force: bool, prometheus: str, gateway: str) -> None:
    """Push data source, folders and boards to the Grafana at HALLPULSE_GRAFANA_URL with HALLPULSE_GRAFANA_TOKEN.

    Pushing again changes nothing. A board that a person changed is kept, and the differences are printed; the exit
    status is then 1.
    """
    grafana = Grafana(os.environ.get("HALLPULSE_GRAFANA_URL", ""), os.environ.get("HALLPULSE_GRAFANA_TOKEN", ""))
    address = prometheus or os.environ.get("HALLPULSE_PROMETHEUS_URL") or PROMETHEUS
    boards = render_boards(load_plans(plans_folder(folder)), Links(gateway=gateway))
    click.echo(f"Grafana {grafana.check()}")
    contents = {path: json.loads(text) for path, text in boards.items()}
    kept = [_told(pushed) for pushed in push_all(grafana, data_source(address), contents, force=force)]
    if any(kept):
        raise click.ClickException(f"{sum(kept)} were changed in Grafana and kept: --force overwrites them")


def _told(pushed: Pushed) -> bool:
    """Print what happened to an object in Grafana; return whether a person's change was kept."""
    click.echo(f"{pushed.outcome:<12} {pushed.what}")
    for line in pushed.differs:
        click.echo(f"             {line}", err=pushed.outcome == "kept")
    return pushed.outcome == "kept"
