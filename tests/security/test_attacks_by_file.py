"""What a spreadsheet tries with whoever imports it; bombs and formulas are in tests/unit/test_tables.py."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from services.importing.showing import show_understanding
from tests.shelf import Shelf, take

pytestmark = pytest.mark.attack


def test_a_cell_that_looks_like_markup_is_shown_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "cases.csv"
    file.write_text(
        "办件编号,实施编码,部门,收件时间,申请渠道\n[/red]1,[bold]a,[link=file:///etc/passwd]5[/link],2026-03-02,[/]\n"
        "[/red]2,[bold]a,[link=file:///etc/passwd]5[/link],[/x],窗口\n",
        encoding="utf-8",
    )
    told = take(file, "cases", Shelf(), publish=False).told
    console = Console(width=300)
    with console.capture() as captured:
        show_understanding(console, told)
    shown = captured.get()
    assert all(text in shown for text in ("[/red]1", "[link=file:///etc/passwd]5[/link]", "[/]", "[/x]", "[bold]a"))
