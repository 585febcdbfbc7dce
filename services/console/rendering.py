"""What commands that render files have in common: where plans are, and writing or only comparing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import click

from services.boards.files import differing, write
from services.local.layout import CHECKOUT


def plans_folder(given: Path | None) -> Path:
    """The one that is named, else HALLPULSE_PLANS, else the checkout's."""
    return given or Path(os.environ.get("HALLPULSE_PLANS") or CHECKOUT / "plans")


def check_or_write(command: str, folder: Path, files: Mapping[str, str], owned: str, *, check: bool) -> None:
    """Say what was written; or, only checking, what is not as rendered, and exit 1."""
    changed = differing(folder, files, owned) if check else write(folder, files, owned)
    if check and changed:
        for path in changed:
            click.echo(f"{path}: not as the plans render it: run {command}", err=True)
        raise SystemExit(1)
    for path in changed:
        click.echo(path)
    click.echo(f"{len(files)} files, {len(changed)} changed")
