"""Draw the house from the code's own imports: `python scripts/picture.py --write|--check`.

It writes docs/images/architecture.svg. A box is a package that the layers contract of import-linter names; a row is a
layer. An arrow is at least one import, and its width shows how many modules import. An arrow that follows from a path
of other arrows is left out (transitive reduction).
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections import Counter
from html import escape
from pathlib import Path

import grimp

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "images" / "architecture.svg"
BOX_WIDTH, BOX_HEIGHT, GAP, ROW_HEIGHT, MARGIN = 118, 40, 14, 108, 24
COLOURS = {"services": ("#e8f1fb", "#2b6cb0"), "hallpulse": ("#eef7ee", "#2f7d4f")}
Pair = tuple[str, str]


def layers() -> list[list[str]]:
    """Return the layers in pyproject.toml, top first, as rows of packages."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    contract = next(contract for contract in contracts if contract["type"] == "layers")
    return [[name.strip() for name in row.replace(":", "|").split("|")] for row in contract["layers"]]


def arrows(boxes: list[str]) -> Counter[Pair]:
    """Return (importing box, imported box) → number of modules that import."""
    graph = grimp.build_graph("services", "hallpulse", cache_dir=None)
    found: Counter[Pair] = Counter()
    for module in graph.modules:
        own = _box(module, boxes)
        imported = {_box(other, boxes) for other in graph.find_modules_directly_imported_by(module)}
        found.update((own, other) for other in imported if own and other and own != other)
    return found


def _box(module: str, boxes: list[str]) -> str:
    return next((box for box in boxes if module == box or module.startswith(f"{box}.")), "")


def reduced(pairs: Counter[Pair]) -> dict[Pair, int]:
    """Return the arrows without those that follow from a longer path. The layers have no cycles."""
    below: dict[str, set[str]] = {}

    def reach(box: str) -> set[str]:
        if box not in below:
            direct = {to for start, to in pairs if start == box}
            below[box] = direct.union(*(reach(to) for to in direct)) if direct else set()
        return below[box]

    return {
        (start, to): count
        for (start, to), count in sorted(pairs.items())
        if not any(to in reach(other) for begin, other in pairs if begin == start and other != to)
    }


def places(rows: list[list[str]]) -> tuple[dict[str, tuple[float, float]], int, int]:
    """Return each box's upper left corner, and the picture's width and height."""
    width = max(len(row) for row in rows) * (BOX_WIDTH + GAP) - GAP + 2 * MARGIN
    found = {}
    for number, row in enumerate(rows):
        left = (width - len(row) * (BOX_WIDTH + GAP) + GAP) / 2
        for index, name in enumerate(row):
            found[name] = left + index * (BOX_WIDTH + GAP), MARGIN + number * ROW_HEIGHT
    return found, width, 2 * MARGIN + (len(rows) - 1) * ROW_HEIGHT + BOX_HEIGHT


def drawn() -> str:
    rows = layers()
    at, width, height = places(rows)
    lines = [_line(at[start], at[to], count) for (start, to), count in reduced(arrows(list(at))).items()]
    boxes = [_box_svg(name, *corner) for name, corner in at.items()]
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif">',
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
            'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0 8 4 0 8z" fill="#667"/></marker></defs>',
            f'<rect width="{width}" height="{height}" fill="#fff"/>',
            *lines,
            *boxes,
            "</svg>\n",
        )
    )


def _line(start: tuple[float, float], to: tuple[float, float], count: int) -> str:
    x1, y1, x2, y2 = start[0] + BOX_WIDTH / 2, start[1] + BOX_HEIGHT, to[0] + BOX_WIDTH / 2, to[1] - 1
    bend = (y2 - y1) / 2
    stroke = min(0.8 + count / 12, 3.0)
    return (
        f'<path d="M{x1:.0f} {y1:.0f}C{x1:.0f} {y1 + bend:.0f} {x2:.0f} {y2 - bend:.0f} {x2:.0f} {y2:.0f}" fill="none" '
        f'stroke="#667" stroke-opacity=".55" stroke-width="{stroke:.1f}" marker-end="url(#tip)"/>'
    )


def _box_svg(name: str, x: float, y: float) -> str:
    package, _, own = name.partition(".")
    fill, ink = COLOURS[package]
    return (
        f'<g><rect x="{x:.0f}" y="{y:.0f}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="6" '
        f'fill="{fill}" stroke="{ink}"/>'
        f'<text x="{x + BOX_WIDTH / 2:.0f}" y="{y + 17:.0f}" font-size="10" text-anchor="middle" fill="{ink}">'
        f"{escape(package)}</text>"
        f'<text x="{x + BOX_WIDTH / 2:.0f}" y="{y + 31:.0f}" font-size="13" text-anchor="middle" fill="#123">'
        f"{escape(own)}</text></g>"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--write", action="store_true", help="write the picture")
    mode.add_argument("--check", action="store_true", help="exit 1 if the picture is not what the code's imports give")
    content = drawn()
    if parser.parse_args().write:
        PICTURE.write_text(content, encoding="utf-8")
        return 0
    if PICTURE.exists() and PICTURE.read_text(encoding="utf-8") == content:
        return 0
    print(
        f"{PICTURE.relative_to(ROOT)} is not what the imports give: python scripts/picture.py --write", file=sys.stderr
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
