"""Charts of a Word document: bar charts that Word draws and users can change; openpyxl writes their XML."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import tostring

from docx.document import Document as Word
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml
from docx.shared import Mm, Pt
from openpyxl.chart import BarChart
from openpyxl.chart.data_source import AxDataSource, NumData, NumDataSource, NumVal, StrData, StrVal
from openpyxl.chart.label import DataLabelList
from openpyxl.chart.layout import Layout
from openpyxl.chart.series import Series, SeriesLabel
from openpyxl.chart.shapes import GraphicalProperties
from openpyxl.chart.text import RichText
from openpyxl.drawing.text import CharacterProperties, Paragraph, ParagraphProperties

from hallpulse.display import in_order
from services.reports.monthly import Bar, Chart

COLORS = ("4472A8", "C9CDD3")
_CONTENT = "application/vnd.openxmlformats-officedocument.drawingml.chart+xml"
_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/chart"
_HEIGHT_OF_BAR, _HEIGHT_BESIDE = 7, 22
_FRAME = (
    '<w:drawing xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    ' xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"'
    ' xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
    ' xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
    '<wp:inline><wp:extent cx="{width}" cy="{height}"/><wp:docPr id="{number}" name="chart {number}"/>'
    "<wp:cNvGraphicFramePr/><a:graphic>"
    '<a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/chart">'
    '<c:chart xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart" r:id="{relation}"/>'
    "</a:graphicData></a:graphic></wp:inline></w:drawing>"
)


def add_chart(word: Word, chart: Chart, number: int, width: int) -> None:
    """Add the chart as a paragraph. number: its number, unique in the document, from 1; width: in millimetres."""
    part = Part(PackURI(f"/word/charts/chart{number}.xml"), _CONTENT, _xml(chart), word.part.package)
    relation = word.part.relate_to(part, _RELATION)
    height = _HEIGHT_BESIDE + _HEIGHT_OF_BAR * len(chart.bars)
    frame = _FRAME.format(width=Mm(width), height=Mm(height), number=100 + number, relation=relation)
    paragraph = word.add_paragraph()
    paragraph.paragraph_format.space_after = Pt(6)
    paragraph.add_run()._element.append(parse_xml(frame))


def _xml(chart: Chart) -> bytes:
    drawn: Any = BarChart()
    drawn.type, drawn.gapWidth, drawn.overlap = "bar", 60, -5
    drawn.series.append(_series(0, chart.value.zh, chart, [float(bar.value) for bar in chart.bars]))
    if any(bar.goal is not None for bar in chart.bars):
        drawn.series.append(_series(1, chart.goal.zh, chart, [float(bar.goal or 0) for bar in chart.bars]))
    drawn.legend.position = "b"
    drawn.x_axis.scaling.orientation = "maxMin"
    drawn.x_axis.delete = drawn.y_axis.delete = False
    drawn.y_axis.number_format, drawn.y_axis.majorGridlines = _format(chart), None
    drawn.y_axis.scaling.min = min(0.0, *(float(bar.value) for bar in chart.bars))
    drawn.x_axis.txPr = drawn.y_axis.txPr = drawn.legend.txPr = _small()
    drawn.layout = Layout()
    content: bytes = tostring(drawn._write(), encoding="utf-8", xml_declaration=True)
    return content


def _format(chart: Chart) -> str:
    return "0%" if chart.unit == "share" else "General"


def _series(number: int, name: str, chart: Chart, values: list[float]) -> Any:
    labels = AxDataSource(strLit=_texts([_label(bar) for bar in chart.bars]))
    points = [NumVal(idx=place, v=repr(value)) for place, value in enumerate(values)]
    code = "0.00%" if chart.unit == "share" else "General"
    series = Series(
        idx=number,
        order=number,
        tx=SeriesLabel(v=in_order(name)),
        cat=labels,
        val=NumDataSource(numLit=NumData(formatCode=code, ptCount=len(points), pt=points)),
    )
    series.spPr = GraphicalProperties(solidFill=COLORS[number])
    series.dLbls = DataLabelList(numFmt=code, showVal=True, showSerName=False, showCatName=False, showLegendKey=False)
    series.dLbls.txPr = _small()
    return series


def _label(bar: Bar) -> str:
    return in_order(bar.label.zh)


def _texts(texts: list[str]) -> StrData:
    return StrData(ptCount=len(texts), pt=[StrVal(idx=place, v=text) for place, text in enumerate(texts)])


def _small() -> RichText:
    properties = ParagraphProperties(defRPr=CharacterProperties(sz=800))
    return RichText(p=[Paragraph(pPr=properties, endParaRPr=CharacterProperties())])
