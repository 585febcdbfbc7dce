"""`hallpulse rules`: render alert rules, their tests and Alertmanager's configuration from the plans."""

from __future__ import annotations

from pathlib import Path

import click

from hallpulse.plans import load_plans
from services.boards import DEMO, OFFICE, Links
from services.boards.rules.render import rule_files
from services.console.usage import check_or_write, plans_folder

RECEIVER = "http://notices:8084/v1/alerts"


@click.group()
def command() -> None:
    """Alert rules, rendered from the plans."""


@command.command()
@click.option("--plans", "folder", type=click.Path(path_type=Path), help="Folder of plan files.")
@click.option("--out", type=click.Path(path_type=Path), help="Where to write; _gen in the folder of plans if left out.")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 where a file is not what the plans render.")
@click.option("--demo", is_flag=True, help="Everything within seconds, for a demonstration.")
@click.option("--receiver", default=RECEIVER, show_default=True, help="Where Alertmanager sends its notices.")
@click.option("--gateway", default="", help="Address of the gateway, for links to the cases.")
@click.option("--grafana", default="", help="Address of Grafana, for links to the boards.")
def render(
    *, folder: Path | None, out: Path | None, check: bool, demo: bool, receiver: str, gateway: str, grafana: str
) -> None:
    """Write Prometheus' rules, their promtool tests and Alertmanager's configuration."""
    plans = plans_folder(folder)
    links = Links(gateway=gateway, grafana=grafana)
    files = rule_files(load_plans(plans), DEMO if demo else OFFICE, links, receiver)
    place = out or plans / "_gen"
    check_or_write("hallpulse rules render", place, files, "**/*.yml", check=check)
