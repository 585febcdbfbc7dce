"""`hallpulse up` and `hallpulse down`: start and end the whole suite on this machine."""

from __future__ import annotations

import os
from pathlib import Path

import click

from services.console.commands.user import first_account
from services.console.suite_connection import directory_option, endpoints
from services.local import detached, lifecycle
from services.local.encryption import SWITCH
from services.local.monitoring import without_login
from services.local.suite_directory import SuiteDirectory


@click.command()
@click.option("--detach", is_flag=True, help="Return when all is ready; end it with `hallpulse down`.")
@click.option("--tls", is_flag=True, help="Encrypt the broker and the gateway with certificates made for this suite.")
@directory_option
def command(*, detach: bool, tls: bool, directory: Path) -> None:
    """Start the whole suite on this machine: database, broker, services, Prometheus and Alertmanager.

    All run privately under DIR on the loopback address; addresses and keys are then in DIR/endpoints.json. Without
    --detach the command runs until Ctrl-C and then ends everything. HALLPULSE_DATABASE_URL, HALLPULSE_AMQP_URL (with
    HALLPULSE_MANAGEMENT_URL), HALLPULSE_PROMETHEUS_URL and HALLPULSE_ALERTMANAGER_URL name servers that already run;
    no private one is started for them. If a suite already runs in DIR, it is left alone and the exit status is 1.

    With --tls (or HALLPULSE_TLS=on) broker and gateway accept only encrypted connections; clients trust
    DIR/tls/ca.pem. HALLPULSE_TLS_CA, _CERT and _KEY name your own certificates instead.
    """
    layout = SuiteDirectory(directory.absolute())
    given = os.environ | ({SWITCH: "on"} if tls else {})
    if detach:
        detached.start(layout, given, _tell)
        _tell_addresses(layout)
    else:
        lifecycle.run(layout, given, lambda line: _tell_in_foreground(line, layout))


@click.command()
@click.option("--purge", is_flag=True, help="Delete all its data too: events, figures, keys and logs.")
@directory_option
def down(*, purge: bool, directory: Path) -> None:
    """End the suite that runs in DIR, and nothing that `up` did not start. It is no failure if none runs."""
    layout = SuiteDirectory(directory.absolute())
    ended = lifecycle.down(layout, click.echo, drop=purge)
    click.echo(f"ended: {layout.root}" if ended else f"nothing runs in {layout.root}")
    if purge:
        layout.purge()
        click.echo("its data is deleted")


def _tell(line: str) -> None:
    click.echo(line)


def _tell_in_foreground(line: str, layout: SuiteDirectory) -> None:
    if line != detached.READY:
        _tell(line)
        return
    _tell_addresses(layout)
    _tell("Ctrl-C ends it.")


def _tell_addresses(layout: SuiteDirectory) -> None:
    there = endpoints(layout.root)
    prometheus, alertmanager = without_login(there.prometheus), without_login(there.alertmanager)
    _tell(f"ready: {there.gateway}/  (Prometheus {prometheus}, Alertmanager {alertmanager})")
    _tell(f"addresses and keys, users and passwords: {layout.endpoints}")
    first = first_account(layout.root)
    if first:
        _tell(first)
