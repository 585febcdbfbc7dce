"""Fonts that are embedded in a PDF, so that every viewer shows the same; each has only the document's characters.

They are Noto CJK as installed on the machine (package fonts-noto-cjk). reportlab embeds TrueType fonts only, and Noto
CJK has PostScript outlines, so the outlines of the needed characters are converted. A process converts each character
once: that is most of the time that a PDF takes, and reports use the same words.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTCollection

FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path.home() / ".local/share/fonts")
FILES = {"serif": "NotoSerifCJK-Regular.ttc", "sans": "NotoSansCJK-Regular.ttc"}
_FAMILY = {"serif": "Noto Serif CJK SC", "sans": "Noto Sans CJK SC"}
_NAMES = {"familyName": 1, "styleName": 2, "fullName": 4, "psName": 6}
"""FontBuilder's word for a name → the number of that name in a font."""
_MEASURES = ("sTypoAscender", "sTypoDescender", "usWinAscent", "usWinDescent", "sCapHeight", "usWeightClass", "fsType")
_NOTHING = ".notdef"
_HIGHEST = 0xFFFF
"""Highest character that is embedded: text beyond the basic plane could not be copied out of reportlab's PDFs."""
_ERROR = 1.0
"""Largest deviation of a converted curve from the original one, in thousandths of the font size."""
_KEPT_OUTLINES = 20_000
"""Converted outlines that a process keeps, of some 2 kB each."""


def installed(kind: str) -> Path | None:
    """Return the path of a font, `serif` or `sans`; None if it is not installed."""
    return next((path for folder in FOLDERS if folder.is_dir() for path in folder.rglob(FILES[kind])), None)


def embeddable(path: Path, kind: str, texts: Iterable[str]) -> tuple[bytes, frozenset[int]]:
    """Return a TrueType font with the characters of the texts, and the set of characters that it has.

    path, kind: the installed font, `serif` or `sans`.
    """
    wanted = {ord(char) for text in texts for char in text} | set(range(0x20, 0x7F))
    names = {code: _cmap(path, kind)[code] for code in sorted(wanted & _cmap(path, kind).keys()) if code <= _HIGHEST}
    file = io.BytesIO()
    _built(path, kind, names).save(file)
    return file.getvalue(), frozenset(names)


def _built(path: Path, kind: str, names: Mapping[int, str]) -> FontBuilder:
    """Return a font of the characters with these glyphs, measured as the installed font is."""
    font, order = _installed_font(path, kind), list(dict.fromkeys((_NOTHING, *names.values())))
    outlines = {name: _outline(path, kind, name) for name in order}
    builder = FontBuilder(font["head"].unitsPerEm, isTTF=True)
    builder.setupGlyphOrder(order)
    builder.setupCharacterMap(dict(names))
    builder.setupGlyf(outlines)
    widths = font["hmtx"].metrics
    builder.setupHorizontalMetrics({name: (widths[name][0], getattr(outlines[name], "xMin", 0)) for name in order})
    builder.setupHorizontalHeader(ascent=font["hhea"].ascent, descent=font["hhea"].descent)
    builder.setupNameTable({name: font["name"].getDebugName(number) for name, number in _NAMES.items()})
    measured = {name: getattr(font["OS/2"], name) for name in _MEASURES}
    builder.setupOS2(**measured)
    builder.setupPost(keepGlyphNames=False)
    return builder


@lru_cache(len(FILES))
def _installed_font(path: Path, kind: str) -> Any:
    """Return the Chinese member of the collection; it stays open, and reads of it what is asked for."""
    fonts = TTCollection(path, lazy=True)
    return next(one for one in fonts if one["name"].getDebugName(_NAMES["familyName"]) == _FAMILY[kind])


@lru_cache(len(FILES))
def _cmap(path: Path, kind: str) -> Mapping[int, str]:
    """Return character → glyph, of all that the installed font has."""
    names: Mapping[int, str] = _installed_font(path, kind).getBestCmap()
    return names


@lru_cache(len(FILES))
def _glyphs(path: Path, kind: str) -> Any:
    return _installed_font(path, kind).getGlyphSet()


@lru_cache(_KEPT_OUTLINES)
def _outline(path: Path, kind: str, name: str) -> Any:
    """Return a glyph's outline in quadratic curves, as TrueType has them."""
    pen = TTGlyphPen(None)
    _glyphs(path, kind)[name].draw(Cu2QuPen(pen, _ERROR, reverse_direction=True))
    return pen.glyph()
