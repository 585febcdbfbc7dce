"""Find the suite for a command: by `--dir`, the files that `up` writes there, and the environment."""

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
from services.local.suite_directory import SuiteDirectory, default_directory

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
_SERVERS = ("HALLPULSE_AMQP_URL", "HALLPULSE_DATABASE_URL")


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The content of `.run/endpoints.json`.

    All members but token and ca are URLs. token: reads everything at the gateway; ca: path of the authority's
    certificate, "" if nothing is encrypted.
    """

    amqp: str
    database: str
    gateway: str
    token: str
    metrics: tuple[str, ...]
    prometheus: str
    alertmanager: str
    notices: str
    ca: str = ""


def directory_option(command: Decorated) -> Decorated:
    """Add `--dir DIR` as the parameter `directory`, a Path."""
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
    """Return the settings to reach the suite that runs in `directory`.

    HALLPULSE_… variables of the environment override the suite's. If they name broker and database, no suite needs to
    run here. Raises Unavailable if none runs, SettingsError for an invalid variable.
    """
    given = os.environ if environment is None else environment
    if all(given.get(name) or given.get(f"{name}_FILE") for name in _SERVERS):
        return settings_from(given)
    root = directory or default_directory()
    return settings_from({**_read(root, SuiteDirectory(root).environment), **_own(given)})


def endpoints(directory: Path | None = None) -> Endpoints:
    """Return the addresses of the suite that runs in `directory`. Raises Unavailable if none runs."""
    root = directory or default_directory()
    raw = _read(root, SuiteDirectory(root).endpoints)
    return Endpoints(**{**raw, "metrics": tuple(raw["metrics"])})


def _own(given: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in given.items() if name.startswith("HALLPULSE_") and value}


def _read(root: Path, file: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(file.read_text())
    except (OSError, ValueError):
        raise Unavailable(f"no suite runs in {root}: start one with `hallpulse up`") from None
    return content
