"""Writing of files that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def put(path: Path, content: bytes, *, replace: bool = False) -> Iterator[None]:
    """Write a file that appears at the end of the `with` block, unless the block raises an error.

    Raise FileExistsError if the file exists, before or after the block, unless `replace` is true; raise OSError if it
    cannot be written.
    """
    if path.exists() and not replace:
        raise FileExistsError(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield
        if replace:
            beside.replace(path)
        else:
            _appear(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def _appear(beside: Path, path: Path) -> None:
    """Give the file its name unless the name is taken. Not every file system can do both in one step."""
    try:
        os.link(beside, path)
    except FileExistsError:
        raise
    except OSError:
        if path.exists():
            raise FileExistsError(path) from None
        beside.replace(path)
