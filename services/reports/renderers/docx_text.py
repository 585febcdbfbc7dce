"""Formatting of a Word document: fonts for Chinese and Latin letters, and settings that python-docx does not offer."""

from __future__ import annotations

from dataclasses import dataclass

from docx.document import Document as Word
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.oxml.xmlchemy import BaseOxmlElement
from docx.shared import Pt, RGBColor
from docx.table import Table as Grid
from docx.table import _Cell as GridCell
from docx.table import _Row as GridRow
from docx.text.paragraph import Paragraph
from docx.text.run import Run

from hallpulse.display import in_order

TITLE, SONG, HEI, KAI = "方正小标宋简体", "宋体", "黑体", "楷体_GB2312"
FANG_SONG, LATIN = "仿宋_GB2312", "Times New Roman"
INK, QUIET = "1A1A1A", "767676"
_INSTEAD = {TITLE: "华文中宋", KAI: "楷体", FANG_SONG: "仿宋"}
"""Font → its substitute, for fonts that only older systems have."""
_FONT_TABLE = "/word/fontTable.xml"


@dataclass(frozen=True, slots=True)
class Look:
    size: float
    font: str = FANG_SONG
    bold: bool = False
    color: str = INK


def write(paragraph: Paragraph, text: str, look: Look) -> None:
    run = paragraph.add_run(in_order(text))
    _dress(run, look)


def _dress(run: Run, look: Look) -> None:
    run.font.size, run.font.bold, run.font.name = Pt(look.size), look.bold or None, LATIN
    run.font.color.rgb = RGBColor.from_string(look.color)
    run._element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), look.font)


def prepare_styles(word: Word) -> None:
    """Replace the font, language and colour of the default styles, which are made for English and partly blue."""
    normal = word.styles["Normal"]
    normal.font.name, normal.font.size = LATIN, Pt(12)
    fonts = normal.element.get_or_add_rPr().get_or_add_rFonts()
    fonts.set(qn("w:eastAsia"), FANG_SONG)
    language = _element("w:lang", val="en-US", eastAsia="zh-CN")
    normal.element.get_or_add_rPr().append(language)
    normal.paragraph_format.space_after = Pt(0)
    heading = word.styles["Heading 1"]
    heading.paragraph_format.space_before, heading.paragraph_format.space_after = Pt(14), Pt(4)
    heading.font.bold = False


def name_fonts(word: Word) -> None:
    """Name the substitute of each font that may be missing, in the document's table of fonts."""
    part = next(part for part in word.part.package.iter_parts() if str(part.partname) == _FONT_TABLE)
    fonts = "".join(
        f'<w:font w:name="{name}"><w:altName w:val="{instead}"/><w:charset w:val="86"/></w:font>'
        for name, instead in _INSTEAD.items()
    )
    part._blob = part.blob.replace(b"</w:fonts>", fonts.encode() + b"</w:fonts>")


def add_page_number(paragraph: Paragraph) -> None:
    """Add the page number in the form of official documents: — 1 —."""
    write(paragraph, "— ", Look(14, SONG))
    run = paragraph.add_run()
    _dress(run, Look(14, SONG))
    for kind in ("begin", None, "end"):
        run._element.append(_element("w:fldChar", fldCharType=kind) if kind else _instruction("PAGE"))
    write(paragraph, " —", Look(14, SONG))


def bordered(grid: Grid, color: str, *, inside: bool = True, between: bool = False) -> None:
    """Draw thin lines around and inside the table.

    inside: if false, draw only the lines at the top and bottom; between: then also draw lines between rows.
    """
    borders = OxmlElement("w:tblBorders")
    for side in ("top", "left", "bottom", "right", "insideH", "insideV"):
        drawn = inside or side in ("top", "bottom") or (between and side == "insideH")
        size = "8" if not inside and side in ("top", "bottom") else "4"
        borders.append(_element(f"w:{side}", val="single" if drawn else "nil", sz=size, space="0", color=color))
    grid._tbl.tblPr.insert_element_before(borders, "w:shd", "w:tblLayout", "w:tblCellMar", "w:tblLook")


def narrow(grid: Grid) -> None:
    """Set narrow margins at the left and right of every cell."""
    margins = OxmlElement("w:tblCellMar")
    for side in ("left", "right"):
        margins.append(_element(f"w:{side}", w="45", type="dxa"))
    grid._tbl.tblPr.insert_element_before(margins, "w:tblLook")


def shaded(cell: GridCell, color: str) -> None:
    cell._element.get_or_add_tcPr().append(_element("w:shd", val="clear", color="auto", fill=color))


def repeated(row: GridRow) -> None:
    """Repeat the row at the top of every page of the table."""
    row._tr.get_or_add_trPr().append(_element("w:tblHeader", val="true"))
    unbroken(row)


def unbroken(row: GridRow) -> None:
    """Keep the row on one page."""
    row._tr.get_or_add_trPr().append(_element("w:cantSplit", val="true"))


def _element(name: str, **attributes: str) -> BaseOxmlElement:
    element = OxmlElement(name)
    for attribute, value in attributes.items():
        element.set(qn(f"w:{attribute}"), value)
    return element


def _instruction(text: str) -> BaseOxmlElement:
    element = OxmlElement("w:instrText")
    element.text = text
    return element
