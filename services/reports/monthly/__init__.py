"""The monthly report, pure: a plan and figures become a report, and a report becomes a document of texts and tables."""

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
