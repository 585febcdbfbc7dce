"""`hallpulse status`: show the parts of a suite."""

from __future__ import annotations

import time
from pathlib import Path

import click

from hallpulse.tls import TlsFiles, client_context
from services.console.suite_connection import directory_option, endpoints
from services.local import lifecycle, probes
from services.local.state import HALTED, RUNNING, PartState, SuiteState
from services.local.suite_directory import SuiteDirectory

_COLUMNS = "{:<14} {:<11} {:>8} {:>9} {:>9}  {}"


@click.command()
@directory_option
def command(directory: Path) -> None:
    """Show every part of the suite in DIR. Exit status 0 if all run and the gateway is ready, else 1."""
    layout = SuiteDirectory(directory.absolute())
    suite = lifecycle.running(layout)
    if suite is None:
        raise click.ClickException(f"no suite runs in {layout.root}")
    _show(suite)
    if layout.endpoints.exists():
        click.echo(f"users and passwords of Prometheus and Alertmanager: in their addresses in {layout.endpoints}")
    problems = [*_troubled(suite), *_not_ready(suite, layout)]
    for problem in problems:
        click.echo(problem, err=True)
    if problems or not layout.endpoints.exists():
        raise SystemExit(1)


def _show(suite: SuiteState) -> None:
    click.echo(_COLUMNS.format("part", "state", "pid", "for", "restarts", "address"))
    for part in suite.parts:
        pid = part.process.pid if part.process else "-"
        click.echo(_COLUMNS.format(part.name, part.state, pid, _age(part), part.restarts, part.address).rstrip())


def _age(part: PartState) -> str:
    seconds = int(max(0.0, time.time() - part.since))
    return f"{seconds}s" if seconds < 120 else f"{seconds // 60}min" if seconds < 7200 else f"{seconds // 3600}h"


def _troubled(suite: SuiteState) -> list[str]:
    return [_trouble(part) for part in suite.parts if part.state != RUNNING or part.failing_since]


def _trouble(part: PartState) -> str:
    if part.state == HALTED:
        return f"{part.name} waits for a person: {part.why}"
    why = f": {part.why}" if part.why else ""
    if part.failing_since:
        tried = f"next try {_clock(part.next_try)}" if part.next_try else f"{part.state} for {_age(part)}"
        return f"{part.name} is failing since {_clock(part.failing_since)}, {part.restarts} restarts, {tried}{why}"
    return f"{part.name} is {part.state} after {part.restarts} restarts, last exit status {part.exit_status}{why}"


def _clock(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))


def _not_ready(suite: SuiteState, layout: SuiteDirectory) -> list[str]:
    pages = [part.address for part in suite.parts if part.name == "gateway" and part.state == RUNNING]
    ca = endpoints(layout.root).ca if layout.endpoints.exists() else ""
    trusted = client_context(TlsFiles(ca)) if ca else None
    return [f"the gateway is not ready: {page}readyz" for page in pages if not probes.answers(f"{page}readyz", trusted)]
