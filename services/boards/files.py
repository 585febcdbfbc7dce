"""Rendered files on disk: compare them with their folder, or write the differing ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def differing(folder: Path, files: Mapping[str, str], owned: str) -> list[Path]:
    """Return the paths that are missing, different or obsolete.

    owned: glob pattern of the files that only this program writes; such a file is obsolete if it is not rendered.
    """
    other = [folder / name for name, text in files.items() if _read(folder / name) != text]
    stale = [path for path in _owned(folder, owned) if str(path.relative_to(folder)) not in files]
    return sorted([*other, *stale])


def write(folder: Path, files: Mapping[str, str], owned: str) -> list[Path]:
    """Write the differing files, delete the obsolete ones, and return the paths of both."""
    changed = differing(folder, files, owned)
    for path in changed:
        text = files.get(str(path.relative_to(folder)))
        if text is None:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return changed


def _owned(folder: Path, pattern: str) -> list[Path]:
    return [path for path in folder.glob(pattern) if path.is_file()]


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
