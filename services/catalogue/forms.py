"""Tables to fill in, made for the page: a month's form of a department, and the templates of catalogue and cases."""

from __future__ import annotations

import tempfile
from pathlib import Path

from services.importing.figure_template import Form, write_form
from services.importing.template import TEMPLATES, Kind, write_workbook


def workbook_of(form: Form | Kind) -> bytes:
    """Return the table as an xlsx file."""
    with tempfile.TemporaryDirectory(prefix="hallpulse-form-") as folder:
        path = Path(folder) / "form.xlsx"
        if isinstance(form, Form):
            write_form(form, path)
        else:
            write_workbook(TEMPLATES[form], path)
        return path.read_bytes()
