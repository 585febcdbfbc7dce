"""Check the words of docstrings and comments: `python scripts/words.py`.

Prints a line for each fault; exit status 1 if there is one. A docstring opens with what the thing does or is, and uses
the terms of docs/glossary.md.
"""

from __future__ import annotations

import argparse
import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOMS = ("services", "shared")
"""Folders that are checked."""
OPENINGS = ("The same", "What ", "Whatever ", "Where ", "Who ", "Whoever ", "Nothing", "Nobody", "Somebody", "Raises ")
WORDS = re.compile(
    r"\b(whoever|nobody|somebody|nought|anew|whyever|of (?:its|their|his) own|so many|is away|doubles of|letters of)\b",
    re.IGNORECASE,
)
FIELDS = re.compile(r"[a-z_]+(, [a-z_]+)*: ").match
"""Finds a docstring that opens with a field: it must first say what the whole thing is."""
_USER = re.compile(r"`nobody`")
"""The system user `nobody`, which may be named."""


def texts(source: str) -> Iterator[tuple[int, str, bool]]:
    """Yield every line of docstrings and comments: its number, its text, and whether it opens a docstring."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            for number, line in enumerate(node.value.value.splitlines()):
                yield node.lineno + number, line.strip(), number == 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string, False


def faults(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line and a text for each fault: a banned opening of a docstring, or a banned word."""
    for line, text, opens in texts(source):
        if opens and (text.startswith(OPENINGS) or FIELDS(text)):
            yield line, f"opens with {text.split()[0]!r}: {text}"
        if found := WORDS.search(_USER.sub("", text)):
            yield line, f"{found[0]!r}: {text}"


def check(root: Path, rooms: tuple[str, ...]) -> list[str]:
    """Return a line for each fault in the rooms' files, `path:line: fault`."""
    listed = subprocess.run(("git", "-C", str(root), "ls-files", *rooms), capture_output=True, text=True, check=True)
    found = []
    for path in sorted(set(listed.stdout.splitlines())):
        if path.endswith(".py") and (root / path).exists():
            source = (root / path).read_text(encoding="utf-8")
            found += [f"{path}:{line}: {fault}" for line, fault in faults(source)]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("rooms", nargs="*", help="folders or files instead of services and shared")
    found = check(Path(__file__).parent.parent, tuple(parser.parse_args().rooms) or ROOMS)
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
