"""How a PDF's text is set: fonts by script, styles, headings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_CENTER, TA_LEFT
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.utils import simpleSplit
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import Flowable
from reportlab.platypus import Paragraph as Lines

from hallpulse.display import printable
from services.reports.monthly import Tone

HAN, HANGUL, LATIN = "STSong-Light", "HYSMyeongJo-Medium", "Times-Roman"
INK, QUIET = HexColor("#1a1a1a"), HexColor("#767676")
_TONES = {Tone.PLAIN: INK, Tone.GOOD: HexColor("#1b6e3c"), Tone.BAD: HexColor("#b3261e"), Tone.QUIET: QUIET}
_HANGUL = r"\u1100-\u11ff\u3130-\u318f\uac00-\ud7af"
_RUNS = re.compile(rf"(?P<latin>[\x20-\x7e]+)|(?P<minus>−)|(?P<hangul>[{_HANGUL}]+)|(?P<han>[^\x20-\x7e−{_HANGUL}]+)")
_FONTS = {"latin": LATIN, "minus": "Symbol", "hangul": HANGUL, "han": HAN}
_REPLACED = "〓"
"""Stands where the fonts have no character: typesetters' old sign for a missing one."""


def _style(name: str, size: float, leading: float, **more: Any) -> ParagraphStyle:
    return ParagraphStyle(name, fontName=HAN, fontSize=size, leading=leading, wordWrap="CJK", textColor=INK, **more)


BODY = _style("body", 12, 19, firstLineIndent=24, keepWithNext=1)
REMARK = _style("remark", 10, 15, firstLineIndent=20, keepWithNext=1)
CAPTION = _style("caption", 8.5, 12)
CELL = _style("cell", 8.5, 10.5)
HEAD_CELL = _style("head cell", 8.5, 10.5)
ENGLISH = ParagraphStyle("english", fontName=LATIN, fontSize=8.5, leading=11, textColor=QUIET, spaceAfter=4)


@cache
def register_fonts() -> None:
    for name in (HAN, HANGUL):
        pdfmetrics.registerFont(UnicodeCIDFont(name))


def tone_of(tone: Tone) -> Any:
    return _TONES[tone]


@cache
def _variant(style: ParagraphStyle, centred: bool, color: Any) -> ParagraphStyle:
    return ParagraphStyle(style.name, style, alignment=TA_CENTER if centred else TA_LEFT, textColor=color)


def text(content: str, style: ParagraphStyle, *, centred: bool = False) -> Flowable:
    return Lines(_marked(content), _variant(style, centred, style.textColor))


def lines(content: str, small: str, style: ParagraphStyle, *, centred: bool = False, color: Any = INK) -> Flowable:
    """A text, and below it a smaller one."""
    below = f'<br/><font size="{style.fontSize - 2}" color="#767676">{_marked(small)}</font>' if small else ""
    return Lines(_marked(content) + below, _variant(style, centred, color))


def _marked(content: str) -> str:
    return "".join(f'<font name="{font}">{escape(run)}</font>' for font, run in _runs(content))


def _runs(content: str) -> Iterator[tuple[str, str]]:
    """Each run of one script with its font; what is beyond the fonts' reach is replaced."""
    reachable = "".join(char if char <= "\uffff" else _REPLACED for char in printable(content))
    for found in _RUNS.finditer(reachable):
        yield _FONTS[found.lastgroup or "han"], found.group()


class Heading(Flowable):  # type: ignore[misc]
    """Bold by a thin outline: the font has no bold. beside: its English, small, after it or below it."""

    def __init__(
        self, content: str, size: float, *, centred: bool = False, bold: bool = True, beside: str = ""
    ) -> None:
        super().__init__()
        self._content, self._size, self._centred, self._bold, self._beside = content, size, centred, bold, beside
        self._lines: list[str] = []

    def wrap(self, width: float, _height: float) -> tuple[float, float]:
        self.width = width
        self._lines = simpleSplit(self._content, HAN, self._size, width)
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
        beside = self._beside if last else ""
        wide, small = pdfmetrics.stringWidth(line, HAN, self._size), max(8.0, self._size * 0.6)
        room = pdfmetrics.stringWidth(beside, LATIN, small) + small / 2 if beside else 0.0
        x = (self.width - wide - room) / 2 if self._centred else 0.0
        self.canv.setFont(HAN, self._size)
        self.canv.drawString(x, y, line, mode=2 if self._bold else 0)
        if beside:
            self.canv.setFillColor(QUIET)
            self.canv.setFont(LATIN, small)
            self.canv.drawString(x + wide + small / 2, y, beside, mode=0)
            self.canv.setFillColor(INK)
