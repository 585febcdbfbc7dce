"""Rendered files on disk: written if they differ, or only compared."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def differing(folder: Path, files: Mapping[str, str], owned: str) -> list[Path]:
    """Return the paths that are missing, different or obsolete. owned: pattern of the files written only here."""
    other = [folder / name for name, text in files.items() if _read(folder / name) != text]
    stale = [path for path in _owned(folder, owned) if str(path.relative_to(folder)) not in files]
    return sorted([*other, *stale])


def write(folder: Path, files: Mapping[str, str], owned: str) -> list[Path]:
    """Write the rendered files; return the paths that were written or deleted."""
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
