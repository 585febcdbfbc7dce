"""Fonts that a PDF takes with it: of each only the characters of the document, so that every viewer shows the same.

They are the machine's Noto CJK (package fonts-noto-cjk). reportlab embeds TrueType alone, and these have the curves of
PostScript: the few characters that are needed are turned into TrueType's.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTCollection, TTFont, newTable

FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path.home() / ".local/share/fonts")
FILES = {"serif": "NotoSerifCJK-Regular.ttc", "sans": "NotoSansCJK-Regular.ttc"}
_FAMILY = {"serif": "Noto Serif CJK SC", "sans": "Noto Sans CJK SC"}
_FAMILY_NAME = 1
_HIGHEST = 0xFFFF
"""reportlab writes no character beyond the basic plane so that it can be read out again."""
_ERROR = 1.0
"""How far a curve may lie from the one that it takes the place of, in thousandths of the letter's size."""


def installed(kind: str) -> Path | None:
    """The file of a font, serif or sans; None where it is not installed."""
    return next((path for folder in FOLDERS if folder.is_dir() for path in folder.rglob(FILES[kind])), None)


def embeddable(path: Path, kind: str, texts: Iterable[str]) -> tuple[bytes, frozenset[int]]:
    """A TrueType font of the texts' characters, and which of them it has."""
    wanted = {ord(char) for text in texts for char in text} | set(range(0x20, 0x7F))
    with TTCollection(path, lazy=True) as collection:
        font = next(one for one in collection if one["name"].getDebugName(_FAMILY_NAME) == _FAMILY[kind])
        options = Options()
        options.layout_features, options.hinting, options.notdef_outline = [], False, True
        options.name_IDs, options.drop_tables = [1, 2, 4, 6], [*options.drop_tables, "GPOS", "GSUB", "BASE", "VORG"]
        subsetter = Subsetter(options)
        subsetter.populate(unicodes=wanted)
        subsetter.subset(font)
        _to_truetype(font)
        file = io.BytesIO()
        font.save(file)
        return file.getvalue(), frozenset(code for code in font.getBestCmap() if code <= _HIGHEST)


def _to_truetype(font: TTFont) -> None:
    """Put quadratic curves in the place of the cubic ones, and the tables that go with them."""
    glyphs, order = font.getGlyphSet(), font.getGlyphOrder()
    table: Any = newTable("glyf")
    table.glyphOrder, table.glyphs = order, {name: _quadratic(glyphs, name) for name in order}
    font["loca"], font["glyf"] = newTable("loca"), table
    del font["CFF "]
    highest: Any = font["maxp"]
    highest.tableVersion = 0x00010000
    for name in (
        "maxTwilightPoints", "maxStorage", "maxFunctionDefs", "maxInstructionDefs", "maxStackElements",
        "maxSizeOfInstructions", "maxPoints", "maxContours", "maxCompositePoints", "maxCompositeContours",
        "maxComponentElements", "maxComponentDepth",
    ):  # fmt: skip
        setattr(highest, name, 0)
    highest.maxZones = 1
    font["post"].formatType = 3.0
    font.sfntVersion = "\000\001\000\000"


def _quadratic(glyphs: Any, name: str) -> Any:
    pen = TTGlyphPen(None)
    glyphs[name].draw(Cu2QuPen(pen, _ERROR, reverse_direction=True))
    return pen.glyph()
