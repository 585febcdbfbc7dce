"""How a command finds the suite: `--dir`, the files that `up` writes there, and the environment."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from hallpulse.domain.errors import Unavailable
from hallpulse.settings import Settings, settings_from
from services.local.layout import Layout, default_directory

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
_SERVERS = ("HALLPULSE_AMQP_URL", "HALLPULSE_DATABASE_URL")


@dataclass(frozen=True, slots=True)
class Endpoints:
    """`.run/endpoints.json`: `token` reads everything at the gateway; `ca`: what to trust where all is encrypted."""

    amqp: str
    database: str
    gateway: str
    token: str
    metrics: tuple[str, ...]
    prometheus: str
    alertmanager: str
    ca: str = ""


def directory_option(command: Decorated) -> Decorated:
    """`--dir DIR` as every command has it: the parameter `directory`, a Path."""
    return click.option(
        "--dir",
        "directory",
        type=click.Path(path_type=Path, file_okay=False),
        envvar="HALLPULSE_DIR",
        default=default_directory,
        show_default=".run of the checkout",
        help="Where the suite keeps its data and tells its addresses; also HALLPULSE_DIR.",
    )(command)


def connect(directory: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """The settings with which to reach the suite that runs in `directory`.

    A HALLPULSE_… variable of the environment wins over what the suite says; with both servers named there,
    no suite needs to run here. Raises Unavailable where none does, SettingsError where a variable is wrong.
    """
    given = os.environ if environment is None else environment
    if all(given.get(name) or given.get(f"{name}_FILE") for name in _SERVERS):
        return settings_from(given)
    root = directory or default_directory()
    return settings_from({**_read(root, Layout(root).environment), **_own(given)})


def endpoints(directory: Path | None = None) -> Endpoints:
    """The addresses of the suite that runs in `directory`. Raises Unavailable where none does."""
    root = directory or default_directory()
    raw = _read(root, Layout(root).endpoints)
    return Endpoints(**{**raw, "metrics": tuple(raw["metrics"])})


def _own(given: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in given.items() if name.startswith("HALLPULSE_") and value}


def _read(root: Path, file: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(file.read_text())
    except (OSError, ValueError):
        raise Unavailable(f"no suite runs in {root}: start one with `hallpulse up`") from None
    return content
