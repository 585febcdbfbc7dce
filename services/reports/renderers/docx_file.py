"""A Word document in the form of an official one: A4, 宋体 title, 黑体 headings, 仿宋 text, numbered pages.

The fonts are only named: a computer that has none of them takes its own.
"""

from __future__ import annotations

import io

import docx
from docx.document import Document as Word
from docx.enum.table import WD_CELL_VERTICAL_ALIGNMENT, WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.shared import Mm, Pt
from docx.table import Table as Grid
from docx.table import _Cell as GridCell

from hallpulse.display import printable
from services.reports.monthly import Cell, Column, Document, Paragraph, Section, Table, Tone

from .docx_text import (
    FANG_SONG,
    HEI,
    INK,
    QUIET,
    RED,
    SONG,
    Look,
    add_page_number,
    bordered,
    narrow,
    prepare_styles,
    repeated,
    shaded,
    unbroken,
    write,
)

_WIDTH = 174
_CENTRE = WD_ALIGN_PARAGRAPH.CENTER
_COLORS = {Tone.PLAIN: INK, Tone.GOOD: "1B6E3C", Tone.BAD: "B3261E", Tone.QUIET: QUIET}


def render(document: Document) -> bytes:
    word = docx.Document()
    prepare_styles(word)
    _page(word)
    word.core_properties.title = printable(f"{document.title.zh}{document.subtitle.zh}")
    word.core_properties.author = "Hallpulse"
    word.core_properties.comments = ""
    _head(word, document)
    for section in document.sections:
        _section(word, section)
    _lines(word, document.closing.zh, document.closing.en, Look(9, color=QUIET))
    file = io.BytesIO()
    word.save(file)
    return file.getvalue()


def _page(word: Word) -> None:
    page = word.sections[0]
    page.page_width, page.page_height = Mm(210), Mm(297)
    page.left_margin = page.right_margin = Mm(18)
    page.top_margin, page.bottom_margin = Mm(26), Mm(24)
    footer = page.footer.paragraphs[0]
    footer.alignment = _CENTRE
    add_page_number(footer)


def _head(word: Word, document: Document) -> None:
    _lines(word, document.title.zh, document.title.en, Look(22, SONG, bold=True), centred=True, small=11)
    _lines(word, document.subtitle.zh, "", Look(15, FANG_SONG), centred=True)
    facts = [f"{name.zh}：{content.zh}" for name, content in document.facts]
    grid = word.add_table(rows=(len(facts) + 1) // 2, cols=2)
    bordered(grid, RED, inside=False)
    for number, fact in enumerate(facts):
        cell = grid.cell(number // 2, number % 2)
        write(cell.paragraphs[0], fact, Look(10.5))


def _section(word: Word, section: Section) -> None:
    heading = word.add_paragraph(style="Heading 1")
    write(heading, section.head.zh, Look(16, HEI))
    write(heading, f"  {section.head.en}", Look(10.5, color=QUIET))
    for block in section.blocks:
        if isinstance(block, Table):
            _table(word, block)
        else:
            _paragraph(word, block)


def _paragraph(word: Word, block: Paragraph) -> None:
    size = 11 if block.quiet else 14
    said = word.add_paragraph()
    said.paragraph_format.first_line_indent = Pt(2 * size)
    said.paragraph_format.line_spacing = 1.4
    said.paragraph_format.keep_with_next = True
    write(said, block.text.zh, Look(size))
    english = word.add_paragraph()
    english.paragraph_format.space_after = Pt(4)
    write(english, block.text.en, Look(9, color=QUIET))


def _lines(word: Word, zh: str, en: str, look: Look, *, centred: bool = False, small: float = 9) -> None:
    """A text, and its English below it."""
    for text, own in ((zh, look), (en, Look(small, color=QUIET))):
        if text:
            paragraph = word.add_paragraph()
            if centred:
                paragraph.alignment = _CENTRE
            paragraph.paragraph_format.keep_with_next = centred
            write(paragraph, text, own)


def _table(word: Word, table: Table) -> None:
    title = word.add_paragraph()
    title.alignment, title.paragraph_format.space_before = _CENTRE, Pt(8)
    title.paragraph_format.keep_with_next = True
    write(title, table.title.zh, Look(12, HEI))
    write(title, f"  {table.title.en}", Look(9, color=QUIET))
    _lines(word, table.caption.zh, table.caption.en, Look(9, color=QUIET), centred=True, small=8)
    grid = word.add_table(rows=1 + len(table.rows), cols=len(table.columns))
    grid.alignment, grid.autofit = WD_TABLE_ALIGNMENT.CENTER, False
    bordered(grid, "8A8A8A")
    narrow(grid)
    for made, column in zip(grid.columns, table.columns, strict=True):
        made.width = _width(column, table)
    _head_row(grid, table)
    for number, row in enumerate(table.rows, start=1):
        _row(grid, number, row, table)
    word.add_paragraph()


def _head_row(grid: Grid, table: Table) -> None:
    repeated(grid.rows[0])
    for cell, column in zip(grid.rows[0].cells, table.columns, strict=True):
        shaded(cell, "F2F2F2")
        _fill(cell, Cell(column.head.zh, column.head.en), column, bold=True, centred=True)
        cell.width = _width(column, table)


def _row(grid: Grid, number: int, row: tuple[Cell, ...], table: Table) -> None:
    last = table.total and number == len(table.rows)
    unbroken(grid.rows[number])
    for place, content, column in zip(grid.rows[number].cells, row, table.columns, strict=True):
        if last:
            shaded(place, "FAFAFA")
        _fill(place, content, column, bold=last, centred=not column.left)
        place.width = _width(column, table)


def _width(column: Column, table: Table) -> Mm:
    return Mm(_WIDTH * column.width / sum(one.width for one in table.columns))


def _fill(place: GridCell, content: Cell, column: Column, *, bold: bool, centred: bool) -> None:
    place.vertical_alignment = WD_CELL_VERTICAL_ALIGNMENT.CENTER
    paragraph = place.paragraphs[0]
    if centred:
        paragraph.alignment = _CENTRE
    size = 9 if column.left else 8.5
    write(paragraph, content.text, Look(size, bold=bold, color=_COLORS[content.tone]))
    if content.small:
        paragraph.add_run().add_break()
        write(paragraph, content.small, Look(7, color=QUIET))
