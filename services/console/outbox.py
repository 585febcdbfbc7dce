"""Where `hallpulse publish` keeps events until the broker has confirmed them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from services.local.layout import Layout

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def outbox_option(command: Decorated) -> Decorated:
    """`--outbox PATH`: the parameter `outbox`, None where it is not given (`outbox_in`)."""
    return click.option(
        "--outbox",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Where events wait until the broker has confirmed them.  [default: outbox.sqlite in --dir]",
    )(command)


def outbox_in(directory: Path, environment: Mapping[str, str] = os.environ) -> Path:
    """The default. Each broker that HALLPULSE_AMQP_URL names has its own: what waits for one goes to no other."""
    elsewhere = environment.get("HALLPULSE_AMQP_URL")
    if not elsewhere:
        return Layout(directory).outbox
    address = elsewhere.partition("://")[2].rpartition("@")[2].partition("?")[0]
    return directory / f"outbox-{re.sub(r'[^A-Za-z0-9.]+', '-', address).strip('-')}.sqlite"
