"""What the code says of pages and numbers that stand elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

from hallpulse.domain.targets import State
from hallpulse.metrics import STATE_NUMBERS, TARGET

ROOT = Path(__file__).parents[2]
SOURCES = {
    path: path.read_text(encoding="utf-8") for top in ("services", "shared") for path in (ROOT / top).rglob("*.py")
}


def test_every_page_that_the_code_names_is_there() -> None:
    named = {(path, page) for path, text in SOURCES.items() for page in re.findall(r"docs/[\w./-]*\w", text)}
    assert len(named) > 10
    assert [(str(path), page) for path, page in sorted(named) if not (ROOT / page).exists()] == []


def test_the_number_of_a_state_is_written_once() -> None:
    literal = re.compile(r"state['\"]?\)?\}? ?[=!<>]=? ?\d")
    assert [str(path) for path, text in SOURCES.items() if literal.search(text)] == []
    assert set(STATE_NUMBERS) == set(State)
    said = TARGET["state"].help
    assert [int(number) for number in re.findall(r"\d", said)] == list(range(len(STATE_NUMBERS)))
