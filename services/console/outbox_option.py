"""The outbox of `hallpulse publish`: the file that keeps events until the broker has confirmed them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from services.local.suite_directory import SuiteDirectory

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def outbox_option(command: Decorated) -> Decorated:
    """Add `--outbox PATH` as the parameter `outbox`. It is None if not given; `outbox_in` returns the default path."""
    return click.option(
        "--outbox",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Where events wait until the broker has confirmed them.  [default: outbox.sqlite in --dir]",
    )(command)


def outbox_in(directory: Path, environment: Mapping[str, str] = os.environ) -> Path:
    """Return the default path of the outbox.

    If HALLPULSE_AMQP_URL names a broker, the path is for this broker only: its events must not go to another one.
    """
    elsewhere = environment.get("HALLPULSE_AMQP_URL")
    if not elsewhere:
        return SuiteDirectory(directory).outbox
    address = elsewhere.partition("://")[2].rpartition("@")[2].partition("?")[0]
    return directory / f"outbox-{re.sub(r'[^A-Za-z0-9.]+', '-', address).strip('-')}.sqlite"
