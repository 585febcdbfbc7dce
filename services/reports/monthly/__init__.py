"""The monthly report, pure: from a plan and figures to a report, and from a report to a document's words and tables."""

from .composed import document_of
from .document import Cell, Column, Document, Paragraph, Section, Table, Tone
from .material import Material
from .report import MonthlyReport, monthly_report

__all__ = [
    "Cell",
    "Column",
    "Document",
    "Material",
    "MonthlyReport",
    "Paragraph",
    "Section",
    "Table",
    "Tone",
    "document_of",
    "monthly_report",
]
