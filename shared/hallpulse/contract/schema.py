"""`python -m hallpulse.contract.schema --write | --check`: the published documents of the contract.

They are generated from the code's own types, committed under docs/, and compared in CI.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from .asyncapi import document
from .events import EventType
from .json_schema import batch_schema, event_schema


def documents() -> dict[str, str]:
    """Return the text of every generated document by its path below docs/."""
    schemas = {kind.wire_name: event_schema(kind) for kind in EventType} | {"batch": batch_schema()}
    return {
        "asyncapi.yaml": yaml_text(document()),
        **{f"schemas/{name}.json": json_text(schema) for name, schema in schemas.items()},
    }


def differences(docs: Path) -> list[str]:
    """Return a line for each document of a folder that is missing, differs from what the code says, or is stale."""
    wanted = documents()
    stale = {f"schemas/{path.name}" for path in (docs / "schemas").glob("*")} - set(wanted)
    missing = [name for name in wanted if not (docs / name).is_file()]
    changed = [
        name for name, text in wanted.items() if name not in missing and (docs / name).read_text("utf-8") != text
    ]
    return (
        [f"{docs / name}: missing" for name in missing]
        + [f"{docs / name}: not what the code says" for name in changed]
        + [f"{docs / name}: of no event type" for name in sorted(stale)]
    )


def write(docs: Path) -> None:
    (docs / "schemas").mkdir(parents=True, exist_ok=True)
    for name, text in documents().items():
        (docs / name).write_text(text, "utf-8")


def json_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def yaml_text(value: Any) -> str:
    return yaml.dump(value, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=120)


class _Dumper(yaml.SafeDumper):
    """A dumper that writes no anchors, and texts of several lines as blocks."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the signature is yaml's
        return True

    def represent_text(self, text: str) -> yaml.ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _Dumper.represent_text)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m hallpulse.contract.schema", description=__doc__)
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="the folder of the documents")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--write", action="store_true", help="write the documents")
    what.add_argument("--check", action="store_true", help="exit 1 where a document is not what the code says")
    options = parser.parse_args(arguments)
    if options.write:
        write(options.docs)
        return 0
    found = differences(options.docs)
    for line in found:
        print(f"{line}; run python -m hallpulse.contract.schema --write", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
