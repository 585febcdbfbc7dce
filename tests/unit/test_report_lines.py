"""Lines of Chinese as they are read: signs where they belong, numbers whole, one format for a column."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook
from reportlab.lib.styles import ParagraphStyle

from hallpulse.contract.reasons import Sentence
from services.reports.monthly import Cell, Column, Section, Table, document_of, monthly_report
from services.reports.monthly.document import evened
from services.reports.renderers import pdf_text, rendered
from tests.reporting import material, tables

OPENING, CLOSING = "（“《〈【", "，。；：！？、）”》】％"
SAID = "平均用时最长的部门：县自来水公司（2.85个工作日）、县民政局（2.81个工作日）、县残联（14397/20148，“无”）。"


def lines_of(content: str, width: float, size: float = 14) -> list[str]:
    style = ParagraphStyle("x", fontName=pdf_text.body_font(), fontSize=size, leading=24, wordWrap="CJK")
    paragraph = pdf_text.Lines(content, style)
    paragraph.wrap(width, 10_000)
    return ["".join(word.text for word in line.words) for line in paragraph.blPara.lines]


@pytest.fixture(autouse=True, scope="module")
def fonts() -> None:
    pdf_text.choose_fonts([SAID, OPENING, CLOSING])


@pytest.mark.parametrize("width", range(90, 420, 7))
def test_no_line_begins_with_a_sign_that_closes_or_ends_with_one_that_opens(width: int) -> None:
    lines = lines_of(SAID, width)
    assert "".join(lines) == SAID
    assert [line for line in lines if line[0] in CLOSING or line[-1] in OPENING] == []
    assert width < 130 or {"2.85", "14397/20148"} <= set(re.findall(r"[\d./]+", "\n".join(lines)))


@given(st.text(st.sampled_from("县局办件（）、，。“”12./ ab"), max_size=80), st.integers(10, 200))
def test_a_text_is_all_there_however_narrow_its_column(content: str, width: int) -> None:
    lines = lines_of(content, width, 8.5)
    assert "".join(lines).split() == content.split() or "".join(lines) == " ".join(content.split())


def test_points_of_a_column_have_as_many_decimals_as_the_one_that_needs_most() -> None:
    def row(share: Fraction, text: str) -> tuple[Cell, Cell]:
        return Cell("事项"), Cell(text, number=share, unit="points")

    columns = Column(Sentence("原因", "Cause"), 10, left=True), Column(Sentence("变动", "Change"), 10)
    rows = row(Fraction(68, 10_000), "+0.68"), row(Fraction(22, 1_000_000), "+0.0022"), row(Fraction(0), "+0.00")
    table = Table(Sentence("表", "Table"), Sentence("", ""), columns, rows)
    assert [line[1].text for line in evened(table).rows] == ["+0.6800", "+0.0022", "+0.0000"]
    document = document_of(monthly_report(material()), "zh")
    book = replace(document, sections=(Section(Sentence("一", "1"), (evened(table),)),))
    sheet = load_workbook(io.BytesIO(rendered(book, "xlsx")))["表"]
    assert {sheet.cell(number, 2).number_format for number in (7, 8, 9)} == {"+0.0000;−0.0000;0.0000"}
    assert evened(replace(table, rows=rows[:1])).rows == rows[:1]


def test_no_table_of_the_report_mixes_formats_in_a_column_of_points() -> None:
    for table in tables(document_of(monthly_report(material()), "zh")):
        for column in zip(*table.rows, strict=True):
            places = {len(cell.text.partition(".")[2]) for cell in column if cell.unit == "points"}
            assert len(places) <= 1, table.title
