"""Private files in the suite's directory, written as a whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from hallpulse.domain.errors import HallpulseError


class CannotRun(HallpulseError):
    """The suite cannot start or continue until a person changes something; the message says what to change."""


PRIVATE = 0o600
_PRIVATE_DIRECTORY = 0o700


def write_private(path: Path, text: str) -> None:
    """Write a file that only this user may read. Readers see the old text or the new text, never a part.

    Raises CannotRun if it cannot be written.
    """
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
