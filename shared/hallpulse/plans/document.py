"""YAML files as trees of nodes that know their line: syntax only, no conversion of values, no expansion of aliases."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Protocol

import yaml

from hallpulse.contract.reasons import Sentence
from hallpulse.plans.plan_problems import PlanError, PlanProblem

MAX_BYTES = 1 << 20
MAX_DEPTH = 16

_LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Mark(Protocol):
    line: int
    column: int


def read_document(path: Path) -> yaml.Node:
    """Return the root node of a file's only document.

    Raises PlanError if the file cannot be read, is too long, is not YAML, nests too deep or uses aliases: aliases of
    aliases can make a small file huge, and a plan reads better written out.
    """
    text = _text(path)
    try:
        _refuse_tricks(path, text)
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        problem = error.problem or error.context or ""
        said = Sentence(f"不是合法的 YAML：{_hint(text, error.problem_mark, problem)}", f"not YAML: {problem}")
        raise _error(path, error.problem_mark, said) from None
    except yaml.YAMLError as error:
        said = Sentence("不是合法的 YAML（有不可见的控制字符）", f"not YAML: {' '.join(str(error).split())}")
        raise _error(path, None, said) from None
    if root is None:
        raise _error(path, None, Sentence("文件是空的：应为一份方案", "the file is empty: expected a plan"))
    return root


def _hint(text: str, mark: _Mark | None, problem: str) -> str:
    """Return the usual cause of a mistake in the syntax, in Chinese, judged by its line and the lines before."""
    lines = text.splitlines()
    line = mark.line if mark is not None else 0
    near = lines[max(line - 1, 0) : line + 1]
    if "\\t" in problem or any(one[: len(one) - len(one.lstrip())].count("\t") for one in near):
        return "缩进要用空格，不能用 Tab"
    wide = next((number for number, one in enumerate(lines, 1) if re.match(r"\s*(- )?[a-z_]+：", one)), None)
    if wide is not None:
        return f"第 {wide} 行用了全角冒号“：”，请改为半角冒号加空格“: ”"
    if "mapping values" in problem:
        return "一行里有两个冒号，或上一行没有写完；含冒号的文字请加半角引号"
    return "请检查该行的缩进、冒号和引号"


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _error(
            path, None, Sentence(f"无法读取（{error.strerror}）", f"cannot be read: {error.strerror}")
        ) from None
    if len(content) > MAX_BYTES:
        raise _error(path, None, Sentence("超过 1 MiB：应为一份方案", "longer than 1 MiB: expected a plan"))
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        said = Sentence(
            "这是 Excel 工作簿或压缩包，不是方案文件（YAML 文本）",
            "a workbook or an archive: expected a plan as YAML text",
        )
        raise _error(path, None, said)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        said = Sentence("不是 UTF-8 编码（可能是 GBK）：请用编辑器另存为 UTF-8", "not UTF-8: save the file as UTF-8")
        raise PlanError([PlanProblem(str(path), line, 1, "", said)]) from None


def _refuse_tricks(path: Path, text: str) -> None:
    depth = documents = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.AliasEvent):
            raise _error(
                path,
                event.start_mark,
                Sentence("请直接写出内容，不使用别名（*）", "expected the value itself, not an alias (*)"),
            )
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.DocumentStartEvent):
            documents += 1
        if depth > MAX_DEPTH:
            raise _error(
                path, event.start_mark, Sentence(f"嵌套超过 {MAX_DEPTH} 层", f"nested deeper than {MAX_DEPTH} levels")
            )
        if documents > 1:
            raise _error(
                path,
                event.start_mark,
                Sentence("有第二个文档：一个文件只写一份方案", "a second document: expected one plan a file"),
            )


def _error(path: Path, mark: _Mark | None, said: Sentence) -> PlanError:
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    return PlanError([PlanProblem(str(path), line, column, "", said)])
