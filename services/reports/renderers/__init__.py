"""Rendering of a document into a file: one module for each format, imported with its library on first use."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Literal, get_args

from services.reports.monthly import Document

Format = Literal["docx", "xlsx", "html", "pdf"]
FORMATS: tuple[Format, ...] = get_args(Format)
MEDIA_TYPES: dict[Format, str] = {
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
}


def rendered(document: Document, form: Format) -> bytes:
    """Return the content of the file in one of FORMATS."""
    render: Callable[[Document], bytes] = import_module(f".{form}_file", __name__).render
    return render(document)
