"""Write docs/openapi.json, or compare it with the code: `python -m services.gateway.openapi --write | --check`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .app import handlers
from .document import document

FILE = Path("docs/openapi.json")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m services.gateway.openapi", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--write", action="store_true", help=f"write {FILE}")
    what.add_argument("--check", action="store_true", help=f"exit 1 where {FILE} is not what the code says")
    if parser.parse_args(arguments).write:
        FILE.write_text(text(), encoding="utf-8")
        return 0
    if not FILE.exists() or FILE.read_text(encoding="utf-8") != text():
        print(f"{FILE} is not what the code says: python -m services.gateway.openapi --write", file=sys.stderr)
        return 1
    return 0


def text() -> str:
    """Return the document as it is committed. No server is needed."""
    made: dict[str, Any] = document(handlers())
    return json.dumps(made, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.exit(main())
