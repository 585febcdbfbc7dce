"""The scripts of tests/operations run commands of docs/operations.md, and every command there is run by one."""

from __future__ import annotations

import re
from pathlib import Path

from tests.operations.recipes import recipes

SCRIPTS = Path(__file__).parents[1] / "operations"


def test_each_recipe_of_the_page_is_run_by_a_script_and_each_script_finds_its_recipes() -> None:
    texts = [path.read_text("utf-8") for path in SCRIPTS.glob("*.py")]
    used = {name for text in texts for name in re.findall(r'\b(?:follow|begin|_tool)\((?:\w+,)?\s*"([a-z-]+)"', text)}
    assert used == set(recipes())
    assert len(used) >= 5
