"""Files under the suite's directory: whole or not there, and private."""

from __future__ import annotations

import os
from pathlib import Path

from services.local.errors import CannotRun

PRIVATE = 0o600
_PRIVATE_DIRECTORY = 0o700


def write_private(path: Path, text: str) -> None:
    """Readers see the old text or the new, never half of it; only this user may read it."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise CannotRun(f"cannot write {path}: {error.strerror}") from None


def private_directory(path: Path) -> Path:
    try:
        path.mkdir(mode=_PRIVATE_DIRECTORY, parents=True, exist_ok=True)
    except OSError as error:
        raise CannotRun(f"cannot make the directory {path}: {error.strerror}") from None
    return path
