"""Print public docstrings drawn at random, with their places: `python scripts/docstrings.py [--seed N] [--count 60]`.

They are for reading aloud: each must be clear at the first reading. The printed seed repeats the draw of a tree.
"""

from __future__ import annotations

import argparse
import ast
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


class Drawn(NamedTuple):
    """A docstring and its place: `path:line name`."""

    place: str
    text: str


def public_docstrings(path: str, source: str) -> Iterator[Drawn]:
    """Yield the docstrings of a file's module, public classes, functions and methods."""
    yield from _inside(ast.parse(source), path, "")


def _inside(node: Documented, path: str, name: str) -> Iterator[Drawn]:
    text = ast.get_docstring(node)
    if text:
        line = 1 if isinstance(node, ast.Module) else node.lineno
        yield Drawn(f"{path}:{line} {name}".rstrip(), text)
    for child in node.body:
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not child.name.startswith("_"):
            yield from _inside(child, path, f"{name}.{child.name}".lstrip("."))


def tree(root: Path) -> list[Drawn]:
    """Return every public docstring under services/ and shared/, in the order of the files."""
    command = ("git", "-C", str(root), "ls-files", "services/**.py", "shared/**.py")
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    there = [path for path in listed if (root / path).exists() and "/migrations/" not in path]
    return [drawn for path in there for drawn in public_docstrings(path, (root / path).read_text(encoding="utf-8"))]


def draw(found: list[Drawn], count: int, seed: int) -> list[Drawn]:
    """Return `count` docstrings drawn at random, the same ones for the same seed."""
    return random.Random(seed).sample(found, min(count, len(found)))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--count", type=int, default=60)
    given = parser.parse_args()
    found = tree(Path(__file__).parent.parent)
    print(f"seed {given.seed}: {given.count} of {len(found)} public docstrings")
    for number, drawn in enumerate(draw(found, given.count, given.seed), start=1):
        indented = drawn.text.replace("\n", "\n    ")
        print(f"\n{number}. {drawn.place}\n    {indented}")


if __name__ == "__main__":
    main()
