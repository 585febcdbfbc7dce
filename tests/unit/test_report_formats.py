"""Every format shows the whole report; hostile texts are texts in each of them."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from html.parser import HTMLParser
from itertools import product
from typing import Any

import docx
import pytest
from docx.shared import Pt
from openpyxl import load_workbook
from openpyxl.utils import get_column_letter
from pypdf import PdfReader

from hallpulse.contract.reasons import Sentence
from hallpulse.display import printable
from hallpulse.domain.compression import ItemChange, ItemLimits
from hallpulse.domain.figures import Figure
from hallpulse.domain.indicators import COMPUTED
from services.reports.monthly import Chart, Document, Paragraph, Table, document_of, monthly_report
from services.reports.renderers import FORMATS, Format, pdf_text, rendered
from services.reports.renderers.pdf_fonts import installed
from tests.reporting import DEPARTMENTS, material, tables

HOSTILE = ("=cmd|' /C calc'!A0", "<script>alert(1)</script> & co", "a\x01b\x0bc\x7f", "林业局 임업국 𠮷")
GIVEN = material(
    departments=DEPARTMENTS | {text: {"due_kept_rate": Figure(13 + n, 17 + n)} for n, text in enumerate(HOSTILE)},
    changes=tuple(
        ItemChange(222424, f"I-{n}", text, ItemLimits(text, False, 20, 0), ItemLimits(text, False, 20, 19))
        for n, text in enumerate(HOSTILE)
    ),
    provisional=(2027,),
)
REPORT = monthly_report(GIVEN)
DOCUMENT = document_of(REPORT)


class _Texts(HTMLParser):
    """What a reader sees, and which elements there are."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self.elements.append(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def _html(content: bytes) -> str:
    page = _Texts()
    page.feed(content.decode())
    assert not {"script", "link", "img"} & set(page.elements)
    return "".join(page.texts)


def _docx(content: bytes) -> str:
    word = docx.Document(io.BytesIO(content))
    cells = [cell.text for grid in word.tables for row in grid.rows for cell in row.cells]
    return "\n".join([*(paragraph.text for paragraph in word.paragraphs), *cells])


def _pdf(content: bytes) -> str:
    """The text without the pages' numbers, which stand between what goes on over a page."""
    pages = (page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)
    return "\n".join(re.sub(r"— [0-9]+ —", "", page) for page in pages)


READERS: dict[Format, Callable[[bytes], str]] = {"html": _html, "docx": _docx, "pdf": _pdf}


def tight(text: str) -> str:
    """Without blanks: where lines break is the format's own affair."""
    return "".join(text.split())


def readable(text: str) -> str:
    """A character beyond a format's reach stands as a sign of its own."""
    return tight(text.translate({1: "〓", 11: "〓", 127: "〓", ord("\ufffd"): "〓", ord("𠮷"): "〓"}))


@pytest.fixture(scope="module")
def files() -> dict[Format, bytes]:
    return {form: rendered(DOCUMENT, form) for form in FORMATS}


@pytest.fixture(scope="module")
def read(files: dict[Format, bytes]) -> dict[Format, str]:
    return {form: readable(reader(files[form])) for form, reader in READERS.items()}


def figures() -> Iterator[tuple[Figure, str]]:
    """Every figure of the report and its unit, taken from the report and not from its tables."""
    for line in REPORT.targets:
        yield line.result.figure, line.target.unit
        if line.before is not None:
            yield line.before, line.target.unit
    for ranking in REPORT.rankings:
        for standing in (*ranking.ranked, *ranking.unranked):
            yield from ((figure, COMPUTED[name].unit) for name, figure in standing.figures.items())
    yield from ((line.due, "share") for line in REPORT.open_lines)
    yield from ((figure, "share") for figure in REPORT.compression)


def shown(figure: Figure, unit: str) -> tuple[str, str]:
    """As it must be readable: two digits of a percentage or of days, and what it is made of."""
    assert figure.value is not None
    value = f"{float(figure.value * 100):.2f}%" if unit == "share" else f"{float(figure.value):.2f}"
    return value, f"{figure.numerator}/{figure.denominator}"


@pytest.mark.parametrize("form", READERS)
def test_every_figure_is_in_the_file_with_what_it_is_made_of(form: Format, read: dict[Format, str]) -> None:
    found = [(figure, unit) for figure, unit in figures() if figure.value is not None and unit != "count"]
    assert len(found) > 30
    assert {unit for _, unit in found} == {"share", "days"}
    for figure, unit in found:
        for text in shown(figure, unit):
            assert text in read[form], figure
    for line in REPORT.targets:
        for amount in (line.result.required, line.result.goal, line.result.forecast and line.result.forecast.value):
            if amount is not None and line.target.unit == "share":
                assert f"{float(amount * 100):.2f}%" in read[form], line.target.id


@pytest.mark.parametrize("form", READERS)
def test_every_word_is_in_the_file(form: Format, read: dict[Format, str]) -> None:
    for text in {readable(text) for text in words(DOCUMENT)}:
        assert text in read[form]


def words(document: Document) -> Iterator[str]:
    yield from (*document.title, *document.subtitle[:1], *document.closing)
    for name, content in document.facts:
        yield from (name.zh, content.zh)
    for section in document.sections:
        yield from section.head
        for block in section.blocks:
            if isinstance(block, Table):
                yield from (*block.title, *block.caption)
                for column in block.columns:
                    yield from column.head
                for row in block.rows:
                    for cell in row:
                        yield from (cell.text, cell.small, cell.en)
            else:
                yield from block.text if isinstance(block, Paragraph) else block.title


def test_the_workbook_holds_numbers_with_what_they_are_made_of(files: dict[Format, bytes]) -> None:
    book = load_workbook(io.BytesIO(files["xlsx"]), data_only=True)
    by_title = {table.title.zh: table for table in tables(DOCUMENT)}
    assert len(book.sheetnames) == 2 + len(by_title)
    rows = [[cell.value for cell in row] for row in book["方案目标"].iter_rows(min_row=7)]
    assert len(rows) == len(REPORT.targets)
    for row, line in zip(rows, REPORT.targets, strict=True):
        result = line.result
        forecast = result.forecast.value if result.forecast else None
        assert str(row[1]).startswith(line.target.names.zh)
        assert row[3:5] == [result.figure.numerator, result.figure.denominator]
        for place, value in ((2, result.value), (5, result.required), (6, result.goal), (9, forecast)):
            assert row[place] == ("—" if value is None else pytest.approx(float(value))), line.target.id
        scale = 100 if line.target.unit == "share" else 1
        assert row[7] == ("—" if result.gap is None else pytest.approx(float(result.gap * scale)))
    ranked = [[cell.value for cell in row] for row in book["按到期办结率排名"].iter_rows(min_row=7)]
    wanted = [(s.rank, s.figures["due_kept_rate"]) for s in REPORT.rankings[0].ranked]
    assert [(row[0], Figure(row[3], row[4])) for row in ranked] == wanted
    texts = tight("\n".join(str(row[0].value or "") for row in book["概况"].iter_rows()))
    assert all(
        tight(printable(b.text.zh)) in texts for s in DOCUMENT.sections for b in s.blocks if isinstance(b, Paragraph)
    )


def test_no_text_of_the_workbook_is_a_formula_and_every_formula_gives_the_number_beside_it(
    files: dict[Format, bytes],
) -> None:
    book, kept = load_workbook(io.BytesIO(files["xlsx"])), load_workbook(io.BytesIO(files["xlsx"]), data_only=True)
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    formulas = [cell for cell in cells if cell.data_type == "f"]
    assert len(formulas) > 100
    for cell in formulas:
        assert re.fullmatch(
            r"=(SUM\([A-Z]+[0-9]+:[A-Z]+[0-9]+\)|\(?[A-Z]+[0-9]+([-+/][A-Z]+[0-9]+)*\)?(\*100)?)", cell.value
        )
        sheet = kept[cell.parent.title]
        assert computed(cell.value, sheet) == pytest.approx(sheet[cell.coordinate].value, abs=1e-12), cell.coordinate
    assert "'=cmd|' /C calc'!A0" in {cell.value for cell in cells}


def computed(formula: str, sheet: Any) -> float:
    """The formula's value, by the numbers of the sheet."""
    total = re.fullmatch(r"=SUM\(([A-Z]+)([0-9]+):[A-Z]+([0-9]+)\)", formula)
    if total:
        return sum(float(sheet[f"{total[1]}{row}"].value) for row in range(int(total[2]), int(total[3]) + 1))
    terms = re.sub(r"[A-Z]+[0-9]+", lambda found: repr(float(sheet[found[0]].value)), formula.removeprefix("="))
    return float(eval(terms, {"__builtins__": {}}))


def test_the_workbook_has_filters_charts_and_a_query_for_each_figure(files: dict[Format, bytes]) -> None:
    book = load_workbook(io.BytesIO(files["xlsx"]))
    assert book["方案目标"].auto_filter.ref
    assert (
        len(book["图表数据"]._charts)
        == len([b for s in DOCUMENT.sections for b in s.blocks if isinstance(b, Chart)])
        > 1
    )
    heads = {
        sheet.title: [str(cell.value) for cell in sheet[6]] for sheet in book if sheet.title not in ("概况", "图表数据")
    }
    without = {title for title, names in heads.items() if "查询\nQuery" not in names}
    assert without == {"指标口径"}
    (query,) = {row[-1].value for row in book["方案目标"].iter_rows(min_row=7)}
    assert query == "/v1/targets?region=222424&on=2023-05-31"


LATIN = re.compile(r"[A-Za-z]{3,}")


@pytest.mark.parametrize("form", READERS)
def test_the_chinese_edition_has_no_english_word(form: Format) -> None:
    content = rendered(document_of(monthly_report(material()), "zh"), form)
    content = re.sub(rb"<style>.*</style>", b"", content, flags=re.DOTALL) if form == "html" else content
    found = {word for word in LATIN.findall(READERS[form](content))} - {"xlsx", "main"}
    assert not found


def test_every_font_of_the_pdf_is_embedded_where_noto_is_installed(files: dict[Format, bytes]) -> None:
    if installed("serif") is None:
        pytest.skip("Noto CJK is not installed")
    fonts = [font for page in PdfReader(io.BytesIO(files["pdf"])).pages for font in fonts_of(page)]
    assert fonts
    assert all("/FontFile2" in font["/FontDescriptor"].get_object() for font in fonts)
    assert "·" in _pdf(files["pdf"])


def test_a_pdf_has_its_characters_whichever_was_made_before_it() -> None:
    """The library keeps a font under its name: the second report of a process had the characters of the first."""
    rendered(document_of(monthly_report(material()), "zh"), "pdf")
    read = readable(_pdf(rendered(DOCUMENT, "pdf")))
    assert [text for text in {readable(one) for one in words(DOCUMENT)} if text not in read] == []


def fonts_of(page: Any) -> list[Any]:
    return [font.get_object() for font in page["/Resources"]["/Font"].get_object().values()]


def test_without_noto_a_pdf_is_made_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_text, "installed", lambda _kind: None)
    read_ = readable(_pdf(rendered(DOCUMENT, "pdf")))
    assert all(readable(line.target.names.zh) in read_ for line in REPORT.targets)


def test_the_word_document_is_an_official_one(files: dict[Format, bytes]) -> None:
    word = docx.Document(io.BytesIO(files["docx"]))
    page = word.sections[0]
    assert (round(page.page_width.mm), round(page.page_height.mm)) == (210, 297)
    edges = (page.top_margin, page.bottom_margin, page.left_margin, page.right_margin)
    assert [round(edge.mm) for edge in edges if edge is not None] == [37, 35, 28, 26]
    title = word.paragraphs[0].runs[0]
    assert 'w:eastAsia="方正小标宋简体"' in title._element.xml
    bodies = [p.runs[0] for p in word.paragraphs if p.text.startswith("截至")]
    assert bodies
    assert all('w:eastAsia="仿宋_GB2312"' in body._element.xml and body.font.size == Pt(16) for body in bodies)
    assert "PAGE" in page.footer._element.xml
    assert all(table.rows[0]._tr.xpath("w:trPr/w:tblHeader") for table in word.tables[:-1])
    fonts = next(p for p in word.part.package.iter_parts() if str(p.partname) == "/word/fontTable.xml").blob.decode()
    assert '<w:font w:name="仿宋_GB2312"><w:altName w:val="仿宋"/>' in fonts
    texts = [paragraph.text for paragraph in word.paragraphs]
    assert "汪清县人民政府：" in texts
    assert any(text.startswith("附件：") for text in texts)
    assert any(text.startswith("汪清县政务服务和数字化建设管理局") for text in texts)
    imprint = [row.cells[0].text for row in word.tables[-1].rows]
    assert imprint[1].startswith("编制单位：汪清县政务服务和数字化建设管理局")
    assert imprint[-1] == "印发日期：2023年6月5日"


def test_a_pdf_names_its_pages_and_its_title(files: dict[Format, bytes]) -> None:
    read = PdfReader(io.BytesIO(files["pdf"]))
    assert read.metadata is not None
    assert read.metadata.title == "汪清县2023年重点目标完成情况月报（2023年5月）"
    assert "— 1 —" in read.pages[0].extract_text()
    assert all(round(page.mediabox.width) == 595 for page in read.pages)


def test_a_short_table_and_its_title_are_on_one_page_wherever_they_fall() -> None:
    table = next(one for one in tables(DOCUMENT) if one.short and len(one.rows) > 2)
    for before in range(15, 19):
        parts = tuple(Paragraph(Sentence(f"第{number}段。", "")) for number in range(before))
        section = replace(DOCUMENT.sections[0], blocks=(*parts, table))
        pages = PdfReader(io.BytesIO(rendered(replace(DOCUMENT, sections=(section,)), "pdf"))).pages
        texts = [tight(page.extract_text()) for page in pages]
        (page,) = [text for text in texts if tight(table.title.zh) in text]
        assert all(tight(row[0].text) in page for row in table.rows), before


def test_the_head_of_a_part_does_not_stand_alone_at_the_foot_of_a_page() -> None:
    report, begins = DOCUMENT.sections[0], [one for one in DOCUMENT.sections if isinstance(one.blocks[0], Table)]
    assert len({one.blocks[0].short for one in begins if isinstance(one.blocks[0], Table)}) == 2
    for section, before in product(begins, range(15, 19)):
        parts = tuple(Paragraph(Sentence(f"第{number}段。", "")) for number in range(before))
        document = replace(DOCUMENT, sections=(replace(report, blocks=parts), section))
        texts = [tight(page.extract_text()) for page in PdfReader(io.BytesIO(rendered(document, "pdf"))).pages]
        (page,) = [text for text in texts if tight(section.head.zh) in text]
        first = section.blocks[0]
        assert isinstance(first, Table)
        assert tight(first.title.zh) in page, (section.head.zh, before)


def test_the_bars_of_the_workbook_begin_at_0_and_its_pages_have_the_table_without_the_queries(
    files: dict[Format, bytes],
) -> None:
    with zipfile.ZipFile(io.BytesIO(files["xlsx"])) as parts:
        charts = [parts.read(name).decode() for name in parts.namelist() if name.startswith("xl/charts/chart")]
    assert charts
    assert all('<c:min val="0' in chart for chart in charts)
    for sheet in load_workbook(io.BytesIO(files["xlsx"])):
        heads = [cell.value for cell in sheet[6]] if sheet.max_row >= 6 else []
        asked = next((at for at, head in enumerate(heads) if str(head).startswith("查询")), None)
        if asked is not None:
            assert sheet.print_area.endswith(f"${get_column_letter(asked)}${sheet.max_row}"), sheet.title
