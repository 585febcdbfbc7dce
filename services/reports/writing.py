"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def put(path: Path, content: bytes, *, replace: bool = False) -> Iterator[None]:
    """The file appears at the end of the block, if that raises nothing.

    Raises FileExistsError where there is one by then, unless it is to be replaced, and OSError where it cannot be
    written.
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
    """Under its name where there is none yet; not every file system can decide that by itself."""
    try:
        os.link(beside, path)
    except FileExistsError:
        raise
    except OSError:
        if path.exists():
            raise FileExistsError(path) from None
        beside.replace(path)
