"""The words of docstrings and comments, and the draw of docstrings for reading."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import docstrings, words

ROOT = Path(__file__).parents[2]


def test_the_checked_rooms_hold_no_banned_word() -> None:
    assert words.check(ROOT, words.ROOMS) == []


@pytest.mark.parametrize(
    "line",
    [
        '"""The same, but quicker."""',
        '"""What a hall sent."""',
        '"""Whoever merges batches."""',
        '"""Raises Halt where a file is missing."""',
        '"""Return a lock of its own."""',
        "# nobody waits for it",
        "x = 1  # starts anew",
    ],
)
def test_a_banned_opening_or_word_is_found_with_its_line(line: str) -> None:
    assert {found for found, _ in words.faults(f"import os\n{line}\n")} == {2}


def test_words_inside_code_and_the_user_nobody_are_no_faults() -> None:
    source = '"""Return the uid of `nobody`."""\nWHO = "nobody"\n'
    assert list(words.faults(source)) == []


def test_every_checked_room_exists() -> None:
    assert [room for room in words.ROOMS if not (ROOT / room).exists()] == []


def test_a_seed_repeats_a_draw_and_private_names_are_left_out() -> None:
    found = docstrings.tree(ROOT)
    drawn = docstrings.draw(found, 60, seed=7)
    assert drawn == docstrings.draw(found, 60, seed=7) != docstrings.draw(found, 60, seed=8)
    assert len({place for place, _ in drawn}) == 60
    source = 'def _hidden() -> None:\n    """No."""\n\n\ndef shown() -> None:\n    """Yes."""\n'
    assert [text for _, text in docstrings.public_docstrings("a.py", source)] == ["Yes."]
