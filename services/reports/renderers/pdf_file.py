"""Rendering into a PDF of A4 pages by reportlab, without a browser. Fonts are embedded if installed (`pdf_fonts`)."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator
from typing import Any

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import BaseDocTemplate, CondPageBreak, Flowable, Frame, KeepTogether, PageTemplate, Spacer
from reportlab.platypus import Table as Grid

from hallpulse.contract.reasons import Sentence
from hallpulse.display import amount
from services.reports.monthly import Bar, Block, Cell, Chart, Column, Document, Paragraph, Section, Table
from services.reports.monthly.texts import ATTACHMENT, COPIED_TO, ISSUED_BY, ISSUED_ON, SIGNED_BY, TO

from .pdf_text import (
    BODY,
    CAPTION,
    CELL,
    ENGLISH,
    HEAD_CELL,
    INK,
    QUIET,
    REMARK,
    REMARK_FLUSH,
    SIGNED,
    Heading,
    body_font,
    choose_fonts,
    lines,
    reachable,
    text,
    tone_of,
)

_LEFT, _RIGHT, _TOP, _BOTTOM = 28 * mm, 26 * mm, 37 * mm, 35 * mm
_WIDTH = A4[0] - _LEFT - _RIGHT
_LINE, _SHADE, _FAINT = HexColor("#8a8a8a"), HexColor("#f2f2f2"), HexColor("#fafafa")
_VALUES, _GOALS = HexColor("#4472a8"), HexColor("#c00000")
_DASH, _GAP = "—", "\u00a0" * 6


def render(document: Document) -> bytes:
    choose_fonts(texts_in(document))
    file = io.BytesIO()
    title, author = f"{document.title.zh}{document.subtitle.zh}", document.imprint.issuer.zh
    template = BaseDocTemplate(file, pagesize=A4, title=title, author=author, lang="zh-CN",
                               pageCompression=1, initialFontName=body_font())  # fmt: skip
    frame = Frame(_LEFT, _BOTTOM, _WIDTH, A4[1] - _TOP - _BOTTOM, leftPadding=0, rightPadding=0, topPadding=0)
    template.addPageTemplates([PageTemplate("page", [frame], onPage=_number)])
    template.build([*_head(document), *(part for section in document.sections for part in _section(section)),
                    *_foot(document)])  # fmt: skip
    return file.getvalue()


def texts_in(value: object) -> Iterator[str]:
    """Yield every text of a document, and every text that the pages add to it."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from texts_in(part)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from texts_in(getattr(value, field.name))
        if isinstance(value, Document):
            labels = (TO, ATTACHMENT, COPIED_TO, ISSUED_BY, ISSUED_ON, SIGNED_BY)
            yield from (*(label.zh for label in labels), f"{_DASH}{_GAP}：；。　")


def _number(canvas: Any, template: Any) -> None:
    """Draw the page number in the form of official documents: — 1 —."""
    canvas.saveState()
    canvas.setFillColor(INK)
    canvas.setFont(body_font(), 14)
    canvas.drawCentredString(A4[0] / 2, _BOTTOM - 9 * mm, f"{_DASH} {template.page} {_DASH}")
    canvas.restoreState()


def _head(document: Document) -> Iterator[Flowable]:
    yield Heading(document.title.zh, 21, centred=True, bold=True)
    if document.title.en:
        yield text(document.title.en, ENGLISH, centred=True)
    yield Heading(document.subtitle.zh, 15, centred=True)
    yield Spacer(0, 8 * mm)
    to = document.imprint.to
    yield lines(f"{to.zh}：", f"{TO.en}: {to.en}" if to.en else "", style=BODY)
    yield from _said(document.opening, BODY)


def _said(said: Sentence, style: ParagraphStyle) -> Iterator[Flowable]:
    yield text(said.zh, style)
    if said.en:
        yield text(said.en, ENGLISH)


def _section(section: Section) -> Iterator[Flowable]:
    yield CondPageBreak(_room(section.blocks[0]) if section.blocks else 0)
    yield Spacer(0, 2 * mm)
    yield Heading(section.head.zh, 14, beside=section.head.en, indent=28)
    yield Spacer(0, 1 * mm)
    for block in section.blocks:
        if isinstance(block, Table):
            yield from _table(block)
        elif isinstance(block, Chart):
            yield from _chart(block)
        else:
            yield from _said(block.text, REMARK if block.quiet else BODY)


def _room(first: Block) -> float:
    """Return the height, in points, that a section's head and first block need together.

    With less room left on the page, the head would stand alone at its foot.
    """
    if isinstance(first, Paragraph):
        room = 45 * mm
    elif isinstance(first, Chart):
        room = 40 * mm + Bars.ROW * len(first.bars)
    else:
        room = (40 + 12 * len(first.rows) if first.short else 65) * mm
    return float(room)


def _table(table: Table) -> Iterator[Flowable]:
    """Yield a table with its title; its head is repeated on every page, and a short table stays on one page."""
    above = (
        Spacer(0, 3 * mm),
        Heading(table.title.zh, 11, centred=True, beside=table.title.en),
        lines(table.caption.zh, table.caption.en, style=CAPTION, centred=True, color=QUIET),
        Spacer(0, 1.5 * mm),
    )
    whole = sum(column.width for column in table.columns)
    widths = [_WIDTH * column.width / whole for column in table.columns]
    head = [lines(column.head.zh, column.head.en, style=HEAD_CELL, centred=True) for column in table.columns]
    rows = [[_cell(*pair) for pair in zip(row, table.columns, strict=True)] for row in table.rows]
    grid = Grid([head, *rows], widths, repeatRows=1, style=_style(table))
    yield from (KeepTogether([*above, grid]),) if table.short else (CondPageBreak(40 * mm), *above, grid)
    yield Spacer(0, 2 * mm)


def _cell(cell: Cell, column: Column) -> Flowable:
    return lines(cell.text, cell.en, cell.small, style=CELL, centred=not column.left, color=tone_of(cell.tone))


def _chart(chart: Chart) -> Iterator[Flowable]:
    yield CondPageBreak(22 * mm + Bars.ROW * len(chart.bars))
    yield Spacer(0, 3 * mm)
    yield Heading(chart.title.zh, 11, centred=True, beside=chart.title.en)
    yield Bars(chart)
    yield Spacer(0, 2 * mm)


class Bars(Flowable):  # type: ignore[misc]
    """A chart of bars with their values, and a line at each goal."""

    ROW, _BAR, _LABELS, _ROOM = 5.6 * mm, 3.2 * mm, 52 * mm, 20 * mm

    def __init__(self, chart: Chart) -> None:
        super().__init__()
        self._chart = chart
        self.width, self.height = _WIDTH, self.ROW * (len(chart.bars) + 1)

    def wrap(self, _width: float, _height: float) -> tuple[float, float]:
        return self.width, self.height

    def draw(self) -> None:
        bars = self._chart.bars
        top = max([1e-9, *(float(bar.value) for bar in bars), *(float(bar.goal or 0) for bar in bars)])
        scale = (self.width - self._LABELS - self._ROOM) / top
        for number, bar in enumerate(bars):
            self._draw_bar(bar, self.height - (number + 1) * self.ROW, scale)
        self._draw_key()

    def _draw_bar(self, bar: Bar, y: float, scale: float) -> None:
        canvas, width = self.canv, max(0.0, float(bar.value)) * scale
        self._write(bar.label.zh, self._LABELS - 2 * mm, y + 1 * mm, right=True)
        canvas.setFillColor(_VALUES)
        canvas.rect(self._LABELS, y, width, self._BAR, stroke=0, fill=1)
        if bar.goal is not None:
            canvas.setFillColor(_GOALS)
            canvas.rect(
                self._LABELS + float(bar.goal) * scale - 0.6, y - 1 * mm, 1.2, self._BAR + 2 * mm, stroke=0, fill=1
            )
        unit = "share" if self._chart.unit == "share" else "count"
        goal = 0.0 if bar.goal is None else float(bar.goal) * scale
        behind = goal if width - 1 <= goal <= width + 12 * mm else width  # keep the value off the goal's mark
        self._write(amount(bar.value, unit).replace(" ", ""), self._LABELS + behind + 1.5 * mm, y + 1 * mm)

    def _draw_key(self) -> None:
        canvas = self.canv
        canvas.setFillColor(_VALUES)
        canvas.rect(self._LABELS, 1 * mm, 3 * mm, 3 * mm, stroke=0, fill=1)
        self._write(self._chart.value.zh, self._LABELS + 4.5 * mm, 1.2 * mm)
        if any(bar.goal is not None for bar in self._chart.bars):
            canvas.setFillColor(_GOALS)
            canvas.rect(self._LABELS + 45 * mm, 0.5 * mm, 1.2, 4 * mm, stroke=0, fill=1)
            self._write(self._chart.goal.zh, self._LABELS + 47.5 * mm, 1.2 * mm)

    def _write(self, said: str, x: float, y: float, *, right: bool = False) -> None:
        self.canv.setFillColor(INK)
        self.canv.setFont(body_font(), 8)
        shown = reachable(said, body_font())
        (self.canv.drawRightString if right else self.canv.drawString)(x, y, shown)


def _style(table: Table) -> list[tuple[Any, ...]]:
    everywhere = ((0, 0), (-1, -1))
    style: list[tuple[Any, ...]] = [
        ("FONTNAME", *everywhere, body_font()),
        ("GRID", *everywhere, 0.5, _LINE),
        ("VALIGN", *everywhere, "MIDDLE"),
        ("BACKGROUND", (0, 0), (-1, 0), _SHADE),
        ("TOPPADDING", *everywhere, 1.8),
        ("BOTTOMPADDING", *everywhere, 2.2),
        ("LEFTPADDING", *everywhere, 2),
        ("RIGHTPADDING", *everywhere, 2),
    ]
    if len(table.rows) > 1:
        style.append(("NOSPLIT", (0, -2), (-1, -1)))  # the last row never stands alone on a page
    return [*style, ("BACKGROUND", (0, -1), (-1, -1), _FAINT)] if table.total else style


def _foot(document: Document) -> Iterator[Flowable]:
    """Yield the attachment, the issuer and the date, the report's basis and the imprint, kept on one page."""
    imprint, bilingual = document.imprint, document.language == "both"
    attached = imprint.attached
    english = f"{ATTACHMENT.en}: {attached.en}" if bilingual else ""
    yield Spacer(0, 3 * mm)
    above: list[Flowable] = [Spacer(0, 6 * mm)]
    if attached.zh:
        above = [*_said(Sentence(f"{ATTACHMENT.zh}：{attached.zh}", english), BODY), *above]
    signed = [lines(imprint.issuer.zh, imprint.issuer.en, style=SIGNED), lines(imprint.date.zh, style=SIGNED)]
    facts = "；".join(f"{name.zh}：{content.zh}" for name, content in document.facts)
    told = "; ".join(f"{name.en}: {content.en}" for name, content in document.facts) if bilingual else ""
    rows = [f"{COPIED_TO.zh}：{imprint.copies.zh}。"] if imprint.copies.zh else []
    signer = imprint.signer.zh or "　　　　"
    rows += [f"{ISSUED_BY.zh}：{imprint.issuer.zh}{_GAP}{SIGNED_BY.zh}：{signer}", f"{ISSUED_ON.zh}：{imprint.date.zh}"]
    everywhere = ((0, 0), (-1, -1))
    style = [("FONTNAME", *everywhere, body_font()), ("LINEBELOW", *everywhere, 0.5, _LINE),
             ("LINEABOVE", (0, 0), (-1, 0), 1, INK), ("LINEBELOW", (0, -1), (-1, -1), 1, INK)]  # fmt: skip
    grid = Grid([[lines(row, style=REMARK_FLUSH)] for row in rows], [_WIDTH], style=style)
    notes = (lines(facts, told, style=CAPTION, color=QUIET),
             lines(document.closing.zh, document.closing.en, style=CAPTION, color=QUIET))  # fmt: skip
    yield KeepTogether([*above, *signed, Spacer(0, 4 * mm), *notes, Spacer(0, 4 * mm), grid])
