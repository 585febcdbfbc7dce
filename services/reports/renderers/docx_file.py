"""Rendering into a Word document in the format of official documents (GB/T 9704-2012): A4, margins, fonts, page number.

The title is in 方正小标宋, headings are in 黑体, the text is in 仿宋_GB2312 of size 三号 (16 points), on lines of 28
points. The document names these fonts and a substitute for some; a computer without both uses its default font.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

import docx
from docx.document import Document as Word
from docx.enum.table import WD_CELL_VERTICAL_ALIGNMENT, WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
from docx.shared import Mm, Pt
from docx.table import Table as Grid
from docx.table import _Cell as GridCell
from docx.text.paragraph import Paragraph as Lines

from hallpulse.contract.reasons import Sentence
from hallpulse.display import in_order
from services.reports.monthly import Cell, Chart, Column, Document, Section, Table, Tone
from services.reports.monthly.texts import (
    ATTACHMENT,
    COPIED_TO,
    ISSUED_BY,
    ISSUED_ON,
    SIGNED_BY,
    TO,
)

from .docx_chart import add_chart
from .docx_text import (
    HEI,
    INK,
    KAI,
    QUIET,
    SONG,
    TITLE,
    Look,
    add_page_number,
    bordered,
    name_fonts,
    narrow,
    prepare_styles,
    repeated,
    shaded,
    unbroken,
    write,
)

_WIDTH = 156
_LEFT, _CENTRE, _RIGHT = WD_ALIGN_PARAGRAPH.LEFT, WD_ALIGN_PARAGRAPH.CENTER, WD_ALIGN_PARAGRAPH.RIGHT
_SIZE, _LINE = 16, 28
_COLORS = {Tone.PLAIN: INK, Tone.GOOD: "1B6E3C", Tone.BAD: "B3261E", Tone.QUIET: QUIET}
_SIGNATURE = "　　　　　　"


def render(document: Document) -> bytes:
    word = docx.Document()
    prepare_styles(word)
    name_fonts(word)
    _page(word)
    word.core_properties.title = in_order(f"{document.title.zh}{document.subtitle.zh}")
    word.core_properties.author = in_order(document.imprint.issuer.zh)
    word.core_properties.comments = ""
    _head(word, document)
    charts = iter(range(1, 1000))
    for section in document.sections:
        _section(word, section, charts)
    _foot(word, document)
    _imprint(word, document)
    file = io.BytesIO()
    word.save(file)
    return file.getvalue()


def _page(word: Word) -> None:
    """Set the type area of 156 by 225 mm, with the page number below it."""
    page = word.sections[0]
    page.page_width, page.page_height = Mm(210), Mm(297)
    page.left_margin, page.right_margin = Mm(28), Mm(26)
    page.top_margin, page.bottom_margin = Mm(37), Mm(35)
    page.footer_distance = Mm(26)
    footer = page.footer.paragraphs[0]
    footer.alignment = _CENTRE
    add_page_number(footer)


def _head(word: Word, document: Document) -> None:
    _centred(word, document.title, Look(22, TITLE), 32)
    _centred(word, document.subtitle, Look(_SIZE, KAI), _LINE)
    word.add_paragraph()
    to = word.add_paragraph()
    _spaced(to)
    write(to, f"{document.imprint.to.zh}：", Look(_SIZE))
    _english(word, document.imprint.to.en and f"{TO.en}: {document.imprint.to.en}")
    _body(word, document.opening)


def _centred(word: Word, text: Sentence, look: Look, line: int) -> None:
    paragraph = word.add_paragraph()
    paragraph.alignment = _CENTRE
    _spaced(paragraph, line)
    write(paragraph, text.zh, look)
    if text.en:
        english = word.add_paragraph()
        english.alignment = _CENTRE
        write(english, text.en, Look(10.5, color=QUIET))


def _spaced(paragraph: Lines, line: int = _LINE) -> None:
    paragraph.paragraph_format.line_spacing_rule = WD_LINE_SPACING.EXACTLY
    paragraph.paragraph_format.line_spacing = Pt(line)


def _body(word: Word, text: Sentence, *, quiet: bool = False) -> None:
    size = 12 if quiet else _SIZE
    said = word.add_paragraph()
    said.paragraph_format.first_line_indent = Pt(2 * size)
    said.paragraph_format.widow_control = True
    _spaced(said, 20 if quiet else _LINE)
    said.paragraph_format.keep_with_next = bool(text.en)
    write(said, text.zh, Look(size))
    _english(word, text.en)


def _english(word: Word, text: str) -> None:
    if text:
        english = word.add_paragraph()
        english.paragraph_format.space_after = Pt(4)
        write(english, text, Look(9, color=QUIET))


def _section(word: Word, section: Section, charts: Iterator[int]) -> None:
    heading = word.add_paragraph(style="Heading 1")
    heading.paragraph_format.first_line_indent = Pt(2 * _SIZE)
    _spaced(heading)
    write(heading, section.head.zh, Look(_SIZE, HEI))
    if section.head.en:
        write(heading, f"  {section.head.en}", Look(10.5, color=QUIET))
    for block in section.blocks:
        if isinstance(block, Table):
            _table(word, block)
        elif isinstance(block, Chart):
            _caption(word, block.title)
            add_chart(word, block, next(charts), _WIDTH)
        else:
            _body(word, block.text, quiet=block.quiet)


def _caption(word: Word, title: Sentence) -> None:
    paragraph = word.add_paragraph()
    paragraph.alignment, paragraph.paragraph_format.space_before = _CENTRE, Pt(8)
    paragraph.paragraph_format.keep_with_next = True
    write(paragraph, title.zh, Look(12, HEI))
    if title.en:
        write(paragraph, f"  {title.en}", Look(9, color=QUIET))


def _table(word: Word, table: Table) -> None:
    _caption(word, table.title)
    for text in table.caption:
        if text:
            caption = word.add_paragraph()
            caption.alignment, caption.paragraph_format.keep_with_next = _CENTRE, True
            write(caption, text, Look(9, color=QUIET))
    grid = word.add_table(rows=1 + len(table.rows), cols=len(table.columns))
    grid.alignment, grid.autofit = WD_TABLE_ALIGNMENT.CENTER, False
    bordered(grid, "8A8A8A")
    narrow(grid)
    for made, column in zip(grid.columns, table.columns, strict=True):
        made.width = _width(column, table)
    cells = iter(grid._cells)  # read once for the table: for each row, python-docx would count again
    _head_row(grid, table, cells)
    for number, row in enumerate(table.rows, start=1):
        _row(grid, number, row, table, cells)
    word.add_paragraph()


def _head_row(grid: Grid, table: Table, cells: Iterator[GridCell]) -> None:
    """Write the head row, which is repeated on every page and never stands alone at the end of a page."""
    repeated(grid.rows[0])
    for column in table.columns:
        cell = next(cells)
        shaded(cell, "F2F2F2")
        _fill(cell, Cell(column.head.zh, en=column.head.en), column, bold=True, centred=True)
        cell.paragraphs[0].paragraph_format.keep_with_next = True
        cell.width = _width(column, table)


def _row(grid: Grid, number: int, row: tuple[Cell, ...], table: Table, cells: Iterator[GridCell]) -> None:
    last = table.total and number == len(table.rows)
    unbroken(grid.rows[number])
    kept = number < len(table.rows) if table.short else number in (1, len(table.rows) - 1)
    for content, column in zip(row, table.columns, strict=True):
        place = next(cells)
        if last:
            shaded(place, "FAFAFA")
        _fill(place, content, column, bold=last, centred=not column.left)
        place.paragraphs[0].paragraph_format.keep_with_next = kept or None
        place.width = _width(column, table)


def _width(column: Column, table: Table) -> Mm:
    return Mm(_WIDTH * column.width / sum(one.width for one in table.columns))


def _fill(place: GridCell, content: Cell, column: Column, *, bold: bool, centred: bool) -> None:
    place.vertical_alignment = WD_CELL_VERTICAL_ALIGNMENT.CENTER
    paragraph = place.paragraphs[0]
    if centred:
        paragraph.alignment = _CENTRE
    size = 9 if column.left else 8.5
    write(paragraph, content.text, Look(size, SONG, bold=bold, color=_COLORS[content.tone]))
    for text in (content.en, content.small):
        if text:
            paragraph.add_run().add_break()
            write(paragraph, text, Look(7, SONG, color=QUIET))


def _foot(word: Word, document: Document) -> None:
    """Write the attachment, the issuer and the date, then in small letters the report's basis."""
    imprint, before = document.imprint, len(word.paragraphs)
    attached = imprint.attached
    if attached.zh:
        _body(word, Sentence(f"{ATTACHMENT.zh}：{attached.zh}", _labelled(ATTACHMENT.en, attached.en)))
    word.add_paragraph()
    for paragraph in word.paragraphs[before:]:
        paragraph.paragraph_format.keep_with_next = True  # the signature does not stand alone on the last page
    for text in (imprint.issuer, imprint.date):
        signed = word.add_paragraph()
        signed.alignment, signed.paragraph_format.right_indent = _RIGHT, Pt(2 * _SIZE)
        signed.paragraph_format.keep_with_next = True
        _spaced(signed)
        write(signed, text.zh, Look(_SIZE))
        if text.en:
            below = word.add_paragraph()
            below.alignment, below.paragraph_format.right_indent = _RIGHT, Pt(2 * _SIZE)
            below.paragraph_format.keep_with_next = True
            write(below, text.en, Look(9, color=QUIET))
    facts = "；".join(f"{name.zh}：{content.zh}" for name, content in document.facts)
    in_english = "; ".join(f"{name.en}: {content.en}" for name, content in document.facts) if imprint.issuer.en else ""
    for said in (Sentence(facts, in_english), document.closing):
        note = word.add_paragraph()
        note.paragraph_format.space_before = Pt(6)
        note.paragraph_format.keep_with_next = True  # the imprint does not stand alone on the last page
        write(note, said.zh, Look(9, color=QUIET))
        _english(word, said.en)


def _imprint(word: Word, document: Document) -> None:
    """Write the imprint (版记): recipients of copies, issuer, signer, date of issue."""
    imprint = document.imprint
    rows = [f"{COPIED_TO.zh}：{imprint.copies.zh}。"] if imprint.copies.zh else []
    signer = imprint.signer.zh or _SIGNATURE
    rows.append(f"{ISSUED_BY.zh}：{imprint.issuer.zh}　　{SIGNED_BY.zh}：{signer}")
    rows.append(f"{ISSUED_ON.zh}：{imprint.date.zh}")
    grid = word.add_table(rows=len(rows), cols=1)
    grid.alignment = WD_TABLE_ALIGNMENT.CENTER
    bordered(grid, INK, inside=False, between=True)
    for row, text in zip(grid.rows, rows, strict=True):
        unbroken(row)
        place = row.cells[0].paragraphs[0]
        place.alignment = _LEFT
        _spaced(place, 24)
        write(place, text, Look(14))
    if imprint.issuer.en:
        copies = f"{COPIED_TO.en}: {imprint.copies.en}; " if imprint.copies.en else ""
        signed = f"; {SIGNED_BY.en}: {imprint.signer.en}" if imprint.signer.en else ""
        _english(word, f"{copies}{ISSUED_BY.en}: {imprint.issuer.en}{signed}; {ISSUED_ON.en}: {imprint.date.en}")


def _labelled(name: str, text: str) -> str:
    return f"{name}: {text}" if text else ""
