"""Count what tells how easily one finds one's way in the code: `python scripts/structure.py [--root DIR]`.

Lines, files by size, functions by length, names that stand more than once, files that are small enough to be part of a
neighbour. The ways of an event, of a figure and of a scrape are counted by `scripts/ways.py`, which runs the product.
"""

from __future__ import annotations

import argparse
import ast
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles

SMALL_LINES = 30
SISTER_FILES = frozenset({"service.py", "run.py", "routes.py"})
"""Files that play the same role in sister packages: each nameko service has these."""
SISTER_FOLDERS = (
    "services/boards/",
    "services/reports/",
    "services/console/commands/",
    "services/gateway/",
)
"""One file a subject: a board, a rule group, a report's section, a command or an answer is named after its subject."""

KEPT_SMALL = {
    "services/console/entry.py": "entry point of the base install, which lacks the packages of its neighbours",
    "shared/hallpulse/domain/errors.py": "imported by every package, imports none",
}
"""Files below the limit that stay, with the reason."""


@dataclass(slots=True)
class Structure:
    """lines, files: of Python under services/ and shared/; functions: their lengths."""

    lines: int = 0
    sizes: list[int] = field(default_factory=list)
    functions: list[int] = field(default_factory=list)
    small: list[tuple[int, str]] = field(default_factory=list)
    files: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    classes: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, path: str, text: str) -> None:
        size = text.count("\n")
        self.lines += size
        self.sizes.append(size)
        name = path.rpartition("/")[2]
        if not name.startswith("__"):
            self.files[name].append(path)
            if 0 < size < SMALL_LINES and "/migrations/" not in path and path not in KEPT_SMALL:
                self.small.append((size, path))
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef):
                self.classes[node.name].append(path)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                self.functions.append((node.end_lineno or node.lineno) - node.lineno + 1)


def measure(root: Path) -> Structure:
    structure = Structure()
    for path in _sources(root):
        structure.add(path, (root / path).read_text(encoding="utf-8"))
    return structure


def _sources(root: Path) -> Iterator[str]:
    listed = subprocess.run(
        ("git", "-C", str(root), "ls-files", "services/**.py", "shared/**.py"),
        capture_output=True,
        text=True,
        check=True,
    )
    yield from (path for path in listed.stdout.splitlines() if (root / path).exists())


def twice(places: dict[str, list[str]], sisters: Iterable[str] = ()) -> dict[str, list[str]]:
    """Names that stand more than once outside sister roles."""
    excused = frozenset(sisters)
    found = {}
    for name, paths in sorted(places.items()):
        own = [path for path in paths if not path.startswith(SISTER_FOLDERS)]
        if name not in excused and len(own) > 1:
            found[name] = own
    return found


def _row(label: str, values: Sequence[int]) -> str:
    cuts = quantiles(values, n=10)
    return f"{label}: {len(values)}, median {cuts[4]:.0f}, p90 {cuts[8]:.0f}, longest {max(values)}"


def report(structure: Structure) -> Iterator[str]:
    yield f"lines: {structure.lines}"
    yield _row("files", structure.sizes)
    yield _row("functions", structure.functions)
    yield f"files below {SMALL_LINES} lines: {len(structure.small)}"
    yield from (f"  {size:3} {path}" for size, path in sorted(structure.small))
    for kind, found in (("file", twice(structure.files, SISTER_FILES)), ("class", twice(structure.classes))):
        yield f"{kind} names that stand more than once: {len(found)}"
        yield from (f"  {name}: {', '.join(paths)}" for name, paths in found.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--root", type=Path, default=Path(__file__).parent.parent, help="a checkout")
    print("\n".join(report(measure(parser.parse_args().root))))


if __name__ == "__main__":
    main()
