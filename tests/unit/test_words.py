"""The words of docstrings and comments, the draw of docstrings for reading, and the rules of sizes and names."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import docstrings, structure, words

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


def test_functions_and_files_that_are_too_long_are_found_with_their_place() -> None:
    found = structure.Structure()
    long = "def long() -> None:\n" + "    x = 1\n" * structure.LONGEST_FUNCTION
    found.add("services/a.py", "x = 1\n" * structure.LONGEST_FILE + long)
    found.add("shared/hallpulse/store/migrations/versions/0001_a.py", long)
    lines = structure.LONGEST_FILE + structure.LONGEST_FUNCTION + 1
    assert sorted(found.long) == [(41, "services/a.py:401 long"), (lines, "services/a.py")]


def test_the_tree_keeps_the_rules_of_sizes_and_names() -> None:
    assert {rule: found for rule, found in structure.rules(structure.measure(ROOT)).items() if found} == {}
