"""`hallpulse demo`: start everything and show a county's year or a given file."""

from __future__ import annotations

import os
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import click

from hallpulse.contract.encode import encode_event
from hallpulse.contract.reasons import both
from hallpulse.domain.workdays import SHANGHAI
from hallpulse.settings import Settings
from hallpulse.store import open_store
from services.console import console_texts as texts
from services.console.demo.acts import Stage, play_file, play_year
from services.console.demo.given import kind_of
from services.console.demo.result_tables import show_addresses
from services.console.demo.running import DemoStopped, suite, wait_for_stop
from services.console.demo.scene import county_of, mark, refuse_another, scene
from services.console.past_samples import NoHistory, write_history
from services.console.suite_connection import connect, directory_option, endpoints
from services.console.usage import input_file, screen
from services.local.suite_directory import CHECKOUT, SuiteDirectory
from services.simulator import simulate
from services.simulator.county import CASES_A_YEAR


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--input", "file", type=click.Path(path_type=Path), callback=input_file, metavar="FILE",
    help="Cases or a catalogue (.xlsx, .csv, .ndjson), or CloudEvents (.ndjson), in place of the simulated year.",
)  # fmt: skip
@click.option("--once", is_flag=True, help="End the suite afterwards and return; else it runs until Ctrl-C.")
@click.option(
    "--cases", type=click.IntRange(100, 5_000_000), default=CASES_A_YEAR, show_default=True,
    help="Cases of the simulated county in a whole year.",
)  # fmt: skip
@click.option("--events-out", type=click.File("wb"), hidden=True, help="Write the events and start nothing.")
@directory_option
def command(file: Path | None, *, once: bool, cases: int, events_out: BinaryIO | None, directory: Path) -> None:
    """Start everything, fill it with a county's year (or FILE) and show the results of the plan's targets.

    The year is simulated and always the same. Running this again publishes the same events, which count once, and
    those of the days that have passed since. A suite that already runs in DIR is used and left running.

    启动整套系统，导入一个县一年的模拟数据（或 FILE），并列出各项目标的完成情况。
    """
    if events_out is not None:
        _write_events(events_out, cases)
        return
    layout = SuiteDirectory(directory.absolute())
    if file is not None:
        kind_of(file)  # refuses an unusable file before anything starts
    else:
        refuse_another(layout, cases)
    try:
        with suite(layout):
            _play(layout, file, cases)
            if not once:
                _write_past(layout)
                screen().print(both(texts.STOP_WITH))
                wait_for_stop(layout)
    except DemoStopped:
        raise SystemExit(0 if not once else 1) from None


def _play(layout: SuiteDirectory, file: Path | None, cases: int) -> None:
    settings = connect(layout.root)
    shown = scene(settings)
    with closing(open_store(settings.database_url, plans=[shown.plan])) as store:
        stage = Stage(settings, store, screen())
        if file is not None:
            play_file(stage, shown, file)
        else:
            county = county_of(shown, settings, cases)
            mark(layout, cases)
            play_year(stage, shown, county)
    show_addresses(screen(), endpoints(layout.root), layout.root)


def _write_past(layout: SuiteDirectory) -> None:
    """Write the plan's past days into Prometheus. If that fails, say why and go on: the present is still shown."""
    today = datetime.now(SHANGHAI).date()
    try:
        write_history(connect(layout.root), layout.prometheus / "data", today)
    except NoHistory as error:
        screen().print(str(error), markup=False)


def _write_events(out: BinaryIO, cases: int) -> None:
    """Write the events of the simulated year as ndjson, in the order of arrival, for benchmarks."""
    settings = Settings(
        amqp_url="",
        database_url="",
        plans=Path(os.environ.get("HALLPULSE_PLANS") or CHECKOUT / "plans"),
        calendars=Path(os.environ.get("HALLPULSE_CALENDARS") or CHECKOUT / "calendars"),
    )
    for sent in simulate(county_of(scene(settings), settings, cases)):
        out.write(encode_event(sent.event) + b"\n")
