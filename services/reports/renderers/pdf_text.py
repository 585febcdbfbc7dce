"""Typesetting of a PDF's text: fonts, styles, headings.

If Noto CJK is installed, it is embedded and used for all text. Otherwise each script uses a font that PDF viewers have.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_CENTER, TA_LEFT, TA_RIGHT
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.utils import simpleSplit
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Flowable
from reportlab.platypus import Paragraph as LibraryParagraph
from reportlab.platypus.paragraph import ParaLines, cjkU, makeCJKParaLine

from hallpulse.display import in_order
from services.reports.monthly import Tone

from .pdf_fonts import embeddable, installed

_OPENING, _CLOSING = "（“‘《〈【〔［「『", "，。；：！？、）”’》〉】〕］」』％%…·"
_UNIT = re.compile(rf"[{_OPENING}]*(?:[\x21-\x7e]+ ?|.)[{_CLOSING}]*", re.DOTALL)
"""A part of a text that stays on one line.

No line ends with an opening sign or begins with a closing sign, and numbers and words are not broken.
"""
_SIGN = re.compile(rf"[{_OPENING}]*.[{_CLOSING}]*", re.DOTALL)
"""A part of a unit that is longer than a line: then numbers and words are broken."""
_FUZZ = 1e-6

SERIF, SANS = "Hallpulse-Serif", "Hallpulse-Sans"
HAN, HANGUL, LATIN = "STSong-Light", "HYSMyeongJo-Medium", "Times-Roman"
INK, QUIET = HexColor("#1a1a1a"), HexColor("#767676")
_TONES = {Tone.PLAIN: INK, Tone.GOOD: HexColor("#1b6e3c"), Tone.BAD: HexColor("#b3261e"), Tone.QUIET: QUIET}
_HANGUL = r"\u1100-\u11ff\u3130-\u318f\uac00-\ud7af"
_RUNS = re.compile(rf"(?P<latin>[\x20-\x7e]+)|(?P<minus>−)|(?P<hangul>[{_HANGUL}]+)|(?P<han>[^\x20-\x7e−{_HANGUL}]+)")
_FONTS = {"latin": LATIN, "minus": "Symbol", "hangul": HANGUL, "han": HAN}
_REPLACED = "〓"
"""The sign for a character that the fonts lack, as Chinese typesetters use it."""


_known: dict[str, frozenset[int]] = {}
"""Embedded font → its characters, for the document that is being rendered; empty if no font is embedded."""


def choose_fonts(texts: Iterable[str]) -> None:
    """Embed the characters that the texts need, or use the viewers' fonts if Noto CJK is not installed."""
    _known.clear()
    all_texts, paths = [in_order(text) for text in texts], (installed("serif"), installed("sans"))
    if paths[0] is None or paths[1] is None:
        _register_fonts()
    else:
        for name, kind, path in ((SERIF, "serif", paths[0]), (SANS, "sans", paths[1])):
            content, known = embeddable(path, kind, [*all_texts, _REPLACED])
            _register(TTFont(name, io.BytesIO(content)))
            _known[name] = known
    for style in (BODY, REMARK, REMARK_FLUSH, SIGNED, CAPTION, CELL, HEAD_CELL, ENGLISH):
        style.fontName = body_font() if style is not ENGLISH or _known else LATIN
    _variant.cache_clear()


def _register(font: TTFont) -> None:
    """Register the font in place of an earlier document's font of the same name, which reportlab would keep."""
    pdfmetrics._fonts.pop(font.fontName, None)
    pdfmetrics._dynFaceNames.pop(font.face.name, None)
    pdfmetrics.registerFont(font)


def body_font() -> str:
    return SERIF if _known else HAN


def heading_font() -> str:
    return SANS if _known else HAN


def _style(name: str, size: float, leading: float, **more: Any) -> ParagraphStyle:
    return ParagraphStyle(name, fontName=HAN, fontSize=size, leading=leading, wordWrap="CJK", textColor=INK, **more)


BODY = _style("body", 14, 24, firstLineIndent=28)
REMARK = _style("remark", 11, 17, firstLineIndent=22)
REMARK_FLUSH = _style("remark flush", 11, 17)
SIGNED = _style("signed", 14, 24, alignment=TA_RIGHT, rightIndent=28)
CAPTION = _style("caption", 8.5, 12)
CELL = _style("cell", 8.5, 10.5)
HEAD_CELL = _style("head cell", 8.5, 10.5)
ENGLISH = ParagraphStyle("english", fontName=LATIN, fontSize=8.5, leading=11, textColor=QUIET, spaceAfter=4)


@cache
def _register_fonts() -> None:
    for name in (HAN, HANGUL):
        pdfmetrics.registerFont(UnicodeCIDFont(name))


def tone_of(tone: Tone) -> Any:
    return _TONES[tone]


class Lines(LibraryParagraph):  # type: ignore[misc]
    """A paragraph that breaks lines by the rules of Chinese (GB/T 15834); reportlab uses the rules of Japanese."""

    def breakLinesCJK(self, maxWidths: Any) -> Any:  # noqa: N802, N803 - the library's names
        if getattr(self, "_splitpara", 0) and hasattr(self, "blPara"):
            return self.blPara
        widths = maxWidths if isinstance(maxWidths, list | tuple) else [maxWidths]
        signs = [cjkU(sign, frag, "utf8") for frag in self.frags for sign in (frag.text or ("",))]
        found: list[Any] = []
        for line, is_last in _filled(signs, widths):
            wide, room = sum(sign.width for sign in line), widths[min(len(found), len(widths) - 1)]
            found.append(makeCJKParaLine(line, room, wide, room - wide, is_last, False))
        return ParaLines(kind=1, lines=found)


def _filled(signs: list[Any], widths: Sequence[float]) -> Iterator[tuple[list[Any], bool]]:
    """Yield the signs of each line, and whether a line break follows it.

    widths: the widths of the first lines; the last one holds for all further lines.
    """
    line: list[Any] = []
    used, number = 0.0, 0
    for unit in _units(signs):
        wide = sum(sign.width for sign in unit if sign != " ")
        room = widths[min(number, len(widths) - 1)]
        for part in [unit] if wide <= room else _cut(unit, _SIGN):
            if line and used + sum(sign.width for sign in part if sign != " ") > room + _FUZZ:
                yield line, False
                line, used, number = [], 0.0, number + 1
                room = widths[min(number, len(widths) - 1)]
            line = line + part
            used += sum(sign.width for sign in part)
        if hasattr(unit[-1].frag, "lineBreak"):
            yield line, True
            line, used, number = [], 0.0, number + 1
    if line:
        yield line, False


def _units(signs: list[Any]) -> Iterator[list[Any]]:
    """Yield the parts of a text that stay on one line; a line break is a part by itself."""
    start = 0
    for end, sign in enumerate([*signs, None]):
        if sign is None or hasattr(sign.frag, "lineBreak"):
            yield from _cut(signs[start:end], _UNIT)
            if sign is not None:
                yield [sign]
            start = end + 1


def _cut(signs: list[Any], unit: re.Pattern[str]) -> list[list[Any]]:
    return [signs[found.start() : found.end()] for found in unit.finditer("".join(signs))]


@cache
def _variant(style: ParagraphStyle, centred: bool, color: Any) -> ParagraphStyle:
    alignment = TA_CENTER if centred else TA_RIGHT if style.alignment == TA_RIGHT else TA_LEFT
    return ParagraphStyle(style.name, style, alignment=alignment, textColor=color)


def text(content: str, style: ParagraphStyle, *, centred: bool = False) -> Flowable:
    return Lines(_marked(content), _variant(style, centred, style.textColor))


def lines(content: str, *small: str, style: ParagraphStyle, centred: bool = False, color: Any = INK) -> Flowable:
    """Return a paragraph with a text and, below it, smaller texts."""
    size = style.fontSize - 2
    below = "".join(f'<br/><font size="{size}" color="#767676">{_marked(one)}</font>' for one in small if one)
    return Lines(_marked(content) + below, _variant(style, centred, color))


def _marked(content: str) -> str:
    if _known:
        return escape(reachable(content, SERIF))
    return "".join(f'<font name="{font}">{escape(run)}</font>' for font, run in _runs(content))


def reachable(content: str, font: str) -> str:
    """Return the text with each character that the font lacks replaced by 〓."""
    known = _known.get(font)
    if known is None:
        return content
    return "".join(char if ord(char) in known else _REPLACED for char in in_order(content))


def _runs(content: str) -> Iterator[tuple[str, str]]:
    """Yield each run of one script with its font; characters that no font has are replaced by 〓."""
    known = "".join(char if char <= "\uffff" else _REPLACED for char in in_order(content))
    for found in _RUNS.finditer(known):
        yield _FONTS[found.lastgroup or "han"], found.group()


class Heading(Flowable):  # type: ignore[misc]
    """A heading in the headings' font, or bold (by a thin outline) in the font of the text.

    size, indent: in points; beside: its English, in small letters after its last line.
    """

    def __init__(
        self,
        content: str,
        size: float,
        *,
        centred: bool = False,
        bold: bool = False,
        beside: str = "",
        indent: float = 0,
    ) -> None:
        super().__init__()
        font = body_font() if bold else heading_font()
        self._content, self._font = reachable(content, font), font
        self._size, self._centred, self._bold, self._beside, self._indent = size, centred, bold, beside, indent
        self._lines: list[str] = []
        self.keepWithNext = 1

    def wrap(self, width: float, _height: float) -> tuple[float, float]:
        self.width = width
        self._lines = simpleSplit(self._content, self._font, self._size, width)
        if len(self._lines) == 1 and pdfmetrics.stringWidth(self._content, self._font, self._size) > width:
            self._lines = _broken(self._content, self._font, self._size, width)
        self.height = len(self._lines) * self._size * 1.4
        return self.width, self.height

    def draw(self) -> None:
        self.canv.setFillColor(INK)
        self.canv.setStrokeColor(INK)
        self.canv.setLineWidth(self._size / 60)
        for number, line in enumerate(self._lines, start=1):
            self._draw_line(
                line, self.height - number * self._size * 1.4 + self._size * 0.35, number == len(self._lines)
            )

    def _draw_line(self, line: str, y: float, last: bool) -> None:
        latin = body_font() if _known else LATIN
        beside = reachable(self._beside, latin) if last else ""
        wide, small = pdfmetrics.stringWidth(line, self._font, self._size), max(8.0, self._size * 0.6)
        room = pdfmetrics.stringWidth(beside, latin, small) + small / 2 if beside else 0.0
        x = (self.width - wide - room) / 2 if self._centred else self._indent
        self.canv.setFont(self._font, self._size)
        self.canv.drawString(x, y, line, mode=2 if self._bold else 0)
        if beside:
            self.canv.setFillColor(QUIET)
            self.canv.setFont(latin, small)
            self.canv.drawString(x + wide + small / 2, y, beside, mode=0)
            self.canv.setFillColor(INK)


def _broken(content: str, font: str, size: float, width: float) -> list[str]:
    """Break a text into lines no wider than `width`, between units: Chinese has no blanks at which to break."""
    found, line = [], ""
    for unit in _UNIT.findall(content):
        if line and pdfmetrics.stringWidth(line + unit, font, size) > width:
            found.append(line)
            line = ""
        line += unit
    return [*found, line]
