"""The monthly report, pure: from a plan and figures to a report, and from a report to a document's words and tables."""

from .composed import document_of, file_stem
from .document import (
    LANGUAGES,
    Bar,
    Block,
    Cell,
    Chart,
    Column,
    Document,
    Imprint,
    Language,
    Paragraph,
    Section,
    Table,
    Tone,
    places_of,
)
from .material import Listed, ListedCase, Material, Urging
from .periods import Period, period_of
from .report import MonthlyReport, monthly_report

__all__ = [
    "LANGUAGES",
    "Bar",
    "Block",
    "Cell",
    "Chart",
    "Column",
    "Document",
    "Imprint",
    "Language",
    "Listed",
    "ListedCase",
    "Material",
    "MonthlyReport",
    "Paragraph",
    "Period",
    "Section",
    "Table",
    "Tone",
    "Urging",
    "document_of",
    "file_stem",
    "monthly_report",
    "period_of",
    "places_of",
]
