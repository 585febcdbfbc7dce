"""Measure how easily one finds one's way in the code: `python scripts/structure.py [--root DIR] [--check]`.

It counts lines, files by size, functions by length, names used more than once, and files small enough to be part of a
neighbour; with --check it prints only what breaks a rule, and the exit status is 1 if anything does.
`scripts/ways.py`, which runs the product, counts the files that an event, a figure and a scrape pass.
"""

from __future__ import annotations

import argparse
import ast
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles

SMALL_LINES = 30
LONGEST_FILE, LONGEST_FUNCTION = 400, 40
"""The most lines. Migrations, which list tables once and never change, have no limit."""
SISTER_FILES = frozenset({"service.py", "run.py", "routes.py"})
"""Names of files that play the same role in sister packages: each nameko service has them."""
SISTER_FOLDERS = (
    "services/boards/",
    "services/reports/",
    "services/console/commands/",
    "services/gateway/",
)
"""Folders in which a file is named after its subject: a board, rule group, report's section, command or answer."""

KEPT_SMALL = {
    "services/console/entry.py": "entry point of the base install, which lacks the packages of its neighbours",
    "shared/hallpulse/domain/errors.py": "imported by every package, imports none",
}
"""Small files that are kept, with the reason."""


@dataclass(slots=True)
class Structure:
    """Measures of the Python under services/ and shared/.

    sizes: lines of each file; functions: lines of each function; small: (lines, path) of the small files; long: (lines,
    place) of the files and functions above the most lines; files, classes: name → paths where it is used.
    """

    lines: int = 0
    sizes: list[int] = field(default_factory=list)
    functions: list[int] = field(default_factory=list)
    small: list[tuple[int, str]] = field(default_factory=list)
    long: list[tuple[int, str]] = field(default_factory=list)
    files: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    classes: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, path: str, text: str) -> None:
        size = text.count("\n")
        self.lines += size
        self.sizes.append(size)
        unlimited = "/migrations/" in path
        if size > LONGEST_FILE and not unlimited:
            self.long.append((size, path))
        name = path.rpartition("/")[2]
        if not name.startswith("__"):
            self.files[name].append(path)
            if 0 < size < SMALL_LINES and not unlimited and path not in KEPT_SMALL:
                self.small.append((size, path))
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef):
                self.classes[node.name].append(path)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                self.functions.append(length)
                if length > LONGEST_FUNCTION and not unlimited:
                    self.long.append((length, f"{path}:{node.lineno} {node.name}"))


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
    """Return the names that are used more than once, without the sisters' names and folders."""
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
    for rule, found in rules(structure).items():
        yield f"{rule}: {len(found)}"
        yield from (f"  {line}" for line in found)


def rules(structure: Structure) -> dict[str, list[str]]:
    """Return rule → a line for each place that breaks it."""
    names = {"file": twice(structure.files, SISTER_FILES), "class": twice(structure.classes)}
    return {
        f"files below {SMALL_LINES} lines": [f"{size:3} {path}" for size, path in sorted(structure.small)],
        f"files over {LONGEST_FILE} and functions over {LONGEST_FUNCTION} lines": [
            f"{size:3} {place}" for size, place in sorted(structure.long)
        ],
        **{
            f"{kind} names that stand more than once": [f"{name}: {', '.join(paths)}" for name, paths in found.items()]
            for kind, found in names.items()
        },
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--root", type=Path, default=Path(__file__).parent.parent, help="a checkout")
    parser.add_argument("--check", action="store_true", help="print only what breaks a rule")
    given = parser.parse_args()
    structure = measure(given.root)
    if not given.check:
        print("\n".join(report(structure)))
        return 0
    broken = [f"{rule}: {line}" for rule, found in rules(structure).items() for line in found]
    print("\n".join(broken), end="\n" if broken else "")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
