"""The `hallpulse` command. A subcommand is imported only when it runs, so that the help appears at once."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Sequence
from pathlib import Path

import click

from hallpulse.domain.errors import HallpulseError
from hallpulse.settings import SettingsError

_COMMANDS_AT = Path(__file__).parent / "commands"
_PLACES = {"import": ("importing", "command"), "down": ("up", "down")}
"""Command → module and object, for commands that are not the object `command` in the module of the same name."""

SUMMARIES = {
    "demo": "Start everything and show a year of a county, simulated or from a file.",
    "up": "Start the whole suite on this machine.",
    "down": "End what `up` started.",
    "status": "Show what runs, and where.",
    "publish": "Publish events from a file of CloudEvents, one a line.",
    "validate": "Tell what would be refused or flagged of a file of events; nothing is sent.",
    "outbox": "Show what waits for the broker, and what it turned away.",
    "import": "Import a catalogue, cases or declared figures from a spreadsheet.",
    "template": "Write an empty spreadsheet to fill in.",
    "region": "Declare successors of counties' codes that end or are split.",
    "hall": "Add, close, remove and list halls; give them new keys.",
    "upstream": "Join a county's own suite to the one above it.",
    "token": "Give departments, the bureau and operators tokens for the gateway.",
    "user": "Give people accounts, with which they sign in to the page.",
    "plan": "Check a plan file.",
    "calendar": "Check, show and apply the working-day calendars.",
    "boundaries": "Check boundaries (GeoJSON) and put them in place for the page's maps.",
    "boards": "Render the boards, or push them to a Grafana.",
    "rules": "Render the alerting rules.",
    "report": "Write the monthly report.",
    "reports": "List the published reports.",
    "refused": "List, show, replay or drop refused events.",
    "recompute": "Rebuild every aggregate from the stored events, or check them.",
    "archive": "Move events of past months to Parquet files, and back.",
    "capacity": "Reckon machines, disk and partitions for a load, from measured figures.",
    "audit": "Show who changed what.",
    "keys": "Turn over the secrets of the suite on this machine.",
    "certs": "Make certificates to test encrypted connections with.",
}


class SuiteCommands(click.Group):
    """The modules of `commands` as subcommands. An error raised on purpose becomes one line on stderr and status 1."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return [name for name in SUMMARIES if _is_there(name)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        module, name = _place(cmd_name)
        command: click.Command = getattr(importlib.import_module(f"services.console.commands.{module}"), name)
        command.name = cmd_name
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, SUMMARIES[name]) for name in self.list_commands(ctx)])

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (HallpulseError, SettingsError, OSError) as error:
            raise click.ClickException(one_line(error)) from None


def one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _place(name: str) -> tuple[str, str]:
    return _PLACES.get(name, (name, "command"))


def _is_there(name: str) -> bool:
    place = _COMMANDS_AT / _place(name)[0]
    return place.with_suffix(".py").exists() or (place / "__init__.py").exists()


@click.group(cls=SuiteCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hallpulse")
def cli() -> None:
    """Measure whether government service halls keep the targets promised to the public.

    政务服务大厅是否兑现公开承诺的指标。
    """


def main(arguments: Sequence[str] | None = None) -> None:
    # pika would log errors that the commands report themselves
    logging.getLogger("pika").setLevel(logging.CRITICAL + 1)
    cli(args=arguments, prog_name="hallpulse")
