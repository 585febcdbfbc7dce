"""A PDF of A4 pages by reportlab, which is Python alone: no browser, no system library.

Its Chinese is set in STSong-Light, which every PDF reader has or replaces: nothing is embedded, so that no font has to
be installed where the report is made, and a dozen pages stay small.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.platypus import BaseDocTemplate, CondPageBreak, Flowable, Frame, HRFlowable, PageTemplate, Spacer
from reportlab.platypus import Table as Grid

from services.reports.monthly import Cell, Column, Document, Paragraph, Section, Table

from .pdf_text import (
    BODY,
    CAPTION,
    CELL,
    ENGLISH,
    HEAD_CELL,
    INK,
    QUIET,
    REMARK,
    Heading,
    lines,
    register_fonts,
    text,
    tone_of,
)

_LEFT, _RIGHT, _TOP, _BOTTOM = 18 * mm, 18 * mm, 24 * mm, 22 * mm
_WIDTH = A4[0] - _LEFT - _RIGHT
_RED, _LINE, _SHADE, _FAINT = HexColor("#c00000"), HexColor("#8a8a8a"), HexColor("#f2f2f2"), HexColor("#fafafa")


def render(document: Document) -> bytes:
    register_fonts()
    file = io.BytesIO()
    title = f"{document.title.zh}{document.subtitle.zh}"
    template = BaseDocTemplate(file, pagesize=A4, title=title, author="Hallpulse", lang="zh-CN", pageCompression=1)
    frame = Frame(_LEFT, _BOTTOM, _WIDTH, A4[1] - _TOP - _BOTTOM, leftPadding=0, rightPadding=0, topPadding=0)
    template.addPageTemplates([PageTemplate("page", [frame], onPage=_number)])
    template.build([*_head(document), *(part for section in document.sections for part in _section(section)),
                    *_closing(document)])  # fmt: skip
    return file.getvalue()


def _number(canvas: Any, template: Any) -> None:
    """— 1 —, as official documents number their pages."""
    canvas.saveState()
    canvas.setFillColor(INK)
    canvas.setFont("STSong-Light", 10)
    canvas.drawCentredString(A4[0] / 2, _BOTTOM / 2, f"— {template.page} —")
    canvas.restoreState()


def _head(document: Document) -> Iterator[Flowable]:
    yield Heading(document.title.zh, 21, centred=True)
    yield text(document.title.en, ENGLISH, centred=True)
    yield Heading(document.subtitle.zh, 14, centred=True, bold=False)
    yield Spacer(0, 3 * mm)
    yield HRFlowable(width="100%", thickness=2, color=_RED, spaceAfter=1.5 * mm)
    facts = [lines(f"{name.zh}：{content.zh}", "", CAPTION) for name, content in document.facts]
    rows = [facts[start : start + 2] + [""] * (2 - len(facts[start : start + 2])) for start in range(0, len(facts), 2)]
    tight = [("TOPPADDING", (0, 0), (-1, -1), 0.5), ("BOTTOMPADDING", (0, 0), (-1, -1), 0.5)]
    yield Grid(rows, [_WIDTH / 2] * 2, style=tight)
    yield HRFlowable(width="100%", thickness=0.6, color=_RED, spaceBefore=1.5 * mm, spaceAfter=3 * mm)


def _section(section: Section) -> Iterator[Flowable]:
    yield CondPageBreak(45 * mm)
    yield Spacer(0, 4 * mm)
    yield Heading(section.head.zh, 15, beside=section.head.en)
    yield Spacer(0, 2 * mm)
    for block in section.blocks:
        yield from _table(block) if isinstance(block, Table) else _paragraph(block)


def _paragraph(block: Paragraph) -> Iterator[Flowable]:
    yield text(block.text.zh, REMARK if block.quiet else BODY)
    yield text(block.text.en, ENGLISH)


def _table(table: Table) -> Iterator[Flowable]:
    """Its head is repeated on every page."""
    yield CondPageBreak(40 * mm)
    yield Spacer(0, 3 * mm)
    yield Heading(table.title.zh, 11, centred=True, beside=table.title.en)
    yield lines(table.caption.zh, table.caption.en, CAPTION, centred=True, color=QUIET)
    yield Spacer(0, 1.5 * mm)
    whole = sum(column.width for column in table.columns)
    widths = [_WIDTH * column.width / whole for column in table.columns]
    head = [lines(column.head.zh, column.head.en, HEAD_CELL, centred=True) for column in table.columns]
    rows = [[_cell(*pair) for pair in zip(row, table.columns, strict=True)] for row in table.rows]
    yield Grid([head, *rows], widths, repeatRows=1, style=_style(table))
    yield Spacer(0, 2 * mm)


def _cell(cell: Cell, column: Column) -> Flowable:
    return lines(cell.text, cell.small, CELL, centred=not column.left, color=tone_of(cell.tone))


def _style(table: Table) -> list[tuple[Any, ...]]:
    everywhere = ((0, 0), (-1, -1))
    style: list[tuple[Any, ...]] = [
        ("GRID", *everywhere, 0.5, _LINE),
        ("VALIGN", *everywhere, "MIDDLE"),
        ("BACKGROUND", (0, 0), (-1, 0), _SHADE),
        ("TOPPADDING", *everywhere, 1.8),
        ("BOTTOMPADDING", *everywhere, 2.2),
        ("LEFTPADDING", *everywhere, 2),
        ("RIGHTPADDING", *everywhere, 2),
    ]
    return [*style, ("BACKGROUND", (0, -1), (-1, -1), _FAINT)] if table.total else style


def _closing(document: Document) -> Iterator[Flowable]:
    yield Spacer(0, 6 * mm)
    yield HRFlowable(width="100%", thickness=0.5, color=_LINE, spaceAfter=2 * mm)
    yield lines(document.closing.zh, document.closing.en, CAPTION, color=QUIET)
