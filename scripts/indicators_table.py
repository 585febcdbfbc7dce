"""`--write` puts the table of indicators into docs/indicators.md as the code declares it; `--check` compares."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hallpulse.domain.indicators import COMPUTED, table_rows

PAGE = Path(__file__).resolve().parents[1] / "docs" / "indicators.md"
_HEAD = "| id | numerator | denominator | counted on |\n|---|---|---|---|\n"
_LAST = "| declared figures |"


def page_with_table(page: str) -> str:
    """Return the page with the table's rows replaced by those that the code declares."""
    before, _, rest = page.partition(_HEAD)
    _, last, after = rest.partition(_LAST)
    return "".join((before, _HEAD, *(f"{row}\n" for row in table_rows()), last, after))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--write", action="store_true")
    mode.add_argument("--check", action="store_true")
    given = parser.parse_args(arguments)
    page = PAGE.read_text(encoding="utf-8")
    wanted = page_with_table(page)
    if given.write:
        PAGE.write_text(wanted, encoding="utf-8")
    elif page != wanted:
        print("docs/indicators.md: the table is not what the code declares; run: make generate", file=sys.stderr)
        return 1
    print(f"docs/indicators.md: {len(COMPUTED)} indicators")
    return 0


if __name__ == "__main__":
    sys.exit(main())
