"""A document as a file: each format in a separate module, whose library is loaded when the format is asked for."""

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
    """The whole file."""
    render: Callable[[Document], bytes] = import_module(f".{form}_file", __name__).render
    return render(document)
