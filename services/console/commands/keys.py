"""`hallpulse keys`: replace the secrets of the suite on this machine."""

from __future__ import annotations

from pathlib import Path

import click

from services.console.suite_connection import directory_option
from services.local import keys, lifecycle
from services.local.suite_directory import SuiteDirectory


@click.group()
def command() -> None:
    """Secrets that `up` made for its servers and services. A hall's keys are replaced by `hallpulse hall rotate`.

    本机套件自己的密码和令牌。大厅的密钥用 hallpulse hall rotate 更换。
    """


@command.command()
@directory_option
def rotate(directory: Path) -> None:
    """Draw new passwords and tokens for everything that `up` starts in DIR; the suite must not run meanwhile."""
    layout = SuiteDirectory(directory.absolute())
    if lifecycle.running(layout) is not None:
        raise click.ClickException(f"a suite runs in {layout.root}: end it first with `hallpulse down`")
    keys.rotate(layout.keys)
    click.echo("已更换，启动后生效 new secrets are drawn: `hallpulse up` gives them to the servers")
