"""YAML as a tree of nodes that know their line: syntax only, nothing is converted, nothing can be expanded."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import yaml

from hallpulse.plans.plan_problems import PlanError, PlanProblem

MAX_BYTES = 1 << 20
MAX_DEPTH = 16

_LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Mark(Protocol):
    line: int
    column: int


def read_document(path: Path) -> yaml.Node:
    """Return the root node of a file's only document.

    Raises PlanError if the file cannot be read, is too long, is no YAML, nests too deep or uses aliases: an alias of an
    alias of an alias makes a small file huge, and a plan reads better written out.
    """
    text = _text(path)
    try:
        _refuse_tricks(path, text)
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        raise _error(path, error.problem_mark, f"not YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise _error(path, None, f"not YAML: {' '.join(str(error).split())}") from None
    if root is None:
        raise _error(path, None, "the file is empty: expected a plan")
    return root


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _error(path, None, f"cannot be read: {error.strerror}") from None
    if len(content) > MAX_BYTES:
        raise _error(path, None, "longer than 1 MiB: expected a plan")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise PlanError([PlanProblem(str(path), line, 1, "", "not UTF-8: save the file as UTF-8")]) from None


def _refuse_tricks(path: Path, text: str) -> None:
    depth = documents = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.AliasEvent):
            raise _error(path, event.start_mark, "expected the value itself, not an alias (*)")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.DocumentStartEvent):
            documents += 1
        if depth > MAX_DEPTH:
            raise _error(path, event.start_mark, f"nested deeper than {MAX_DEPTH} levels")
        if documents > 1:
            raise _error(path, event.start_mark, "a second document: expected one plan a file")


def _error(path: Path, mark: _Mark | None, message: str) -> PlanError:
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    return PlanError([PlanProblem(str(path), line, column, "", message)])
