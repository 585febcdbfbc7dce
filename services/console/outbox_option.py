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
    """Add `--outbox PATH` as the parameter `outbox`, None if it is not given (`outbox_in`)."""
    return click.option(
        "--outbox",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Where events wait until the broker has confirmed them.  [default: outbox.sqlite in --dir]",
    )(command)


def outbox_in(directory: Path, environment: Mapping[str, str] = os.environ) -> Path:
    """Return the default path, one for each broker that HALLPULSE_AMQP_URL names: its events go to no other."""
    elsewhere = environment.get("HALLPULSE_AMQP_URL")
    if not elsewhere:
        return SuiteDirectory(directory).outbox
    address = elsewhere.partition("://")[2].rpartition("@")[2].partition("?")[0]
    return directory / f"outbox-{re.sub(r'[^A-Za-z0-9.]+', '-', address).strip('-')}.sqlite"
