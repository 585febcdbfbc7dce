"""What a spreadsheet tries with whoever imports it; bombs and formulas are in tests/unit/test_tables.py."""

from __future__ import annotations

import pytest
from rich.console import Console
from rich.table import Table

from services.importing.notes import NoteCounts, each_note
from services.importing.rows import Flag, Note

pytestmark = pytest.mark.attack


def test_a_cell_that_looks_like_markup_is_shown_as_it_is() -> None:
    notes = [Note(2, "[/red]", "promised", Flag.NO_PROMISE, "[link=file:///etc/passwd]5[/link]", "[/]")]
    counted = NoteCounts()
    counted.add(notes)
    shown = printed(each_note(notes)) + printed(counted.table())
    assert all(text in shown for text in ("[/red]", "[link=file:///etc/passwd]5[/link]", "[/]"))


def printed(table: Table) -> str:
    console = Console(width=300)
    with console.capture() as captured:
        console.print(table)
    return captured.get()
