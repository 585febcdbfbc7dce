"""A YAML node of a plan file with its place: read as the expected type, or noted as a problem.

Reading never stops at a problem: a placeholder of the right type stands in, so that one run finds all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

import yaml

from hallpulse.contract.reasons import Sentence
from hallpulse.display import TURNS
from hallpulse.domain.rules import Unit
from hallpulse.plans.plan_problems import PlanProblem, did_you_mean

_NUMBER = re.compile(r"(-?[0-9]{1,12}(?:\.[0-9]{1,12})?)\s*([%％]?)")
_WHOLE = re.compile(r"[0-9]{1,9}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NULL = "tag:yaml.org,2002:null"
_CONTROL = re.compile(f"[\\x00-\\x1f\\x7f{TURNS}]")
MAX_TEXT = 300
_WIDE_QUOTES = ("“", "”", "‘", "’", "＂")
_A_TEXT = Sentence("文字", "a text")
_A_LIST = Sentence("一个列表", "a list")
_A_DATE = Sentence("日期，写作 2026-01-01", "a date YYYY-MM-DD")


@dataclass(slots=True)
class Notes:
    """The problems of one file."""

    file: str
    problems: list[PlanProblem] = field(default_factory=list)

    def add(self, node: yaml.Node | None, where: str, said: Sentence) -> None:
        mark = node.start_mark if node is not None else None
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        self.problems.append(PlanProblem(self.file, line, column, where, said))


@dataclass(frozen=True, slots=True)
class YamlNode:
    """A value with its place in the file; `raw` is None for a missing value, which has been noted already."""

    raw: yaml.Node | None
    where: str
    notes: Notes

    def note(self, zh: str, en: str) -> None:
        """Note a problem of this value, in Chinese and in English."""
        if self.raw is not None:
            self.notes.add(self.raw, self.where, Sentence(zh, en))

    @property
    def line(self) -> int:
        return self.raw.start_mark.line + 1 if self.raw is not None and self.raw.start_mark is not None else 1

    @property
    def is_scalar(self) -> bool:
        return isinstance(self.raw, yaml.ScalarNode)

    def text(self, expected: Sentence = _A_TEXT, pattern: re.Pattern[str] | None = None) -> str:
        """Return the value's characters: 31.94 stays "31.94", 2023-04-01 stays a text.

        expected: named in the problem if the text is not valid; pattern: what the whole text must match.
        """
        if not isinstance(self.raw, yaml.ScalarNode):
            self._unexpected(expected, _kind(self.raw))
            return ""
        text = "" if self.raw.tag == _NULL else str(self.raw.value)
        fits = pattern.fullmatch(text) if pattern else text.strip() and not _CONTROL.search(text)
        if not fits or len(text) > MAX_TEXT:
            self._unexpected(expected, Sentence(f"“{_CONTROL.sub('�', text[:60])}”", repr(text[:60])))
            return ""
        if pattern is None and text[:1] in _WIDE_QUOTES and not self.raw.style:
            self.note(f'引号要用半角 "，现在是全角的“{text[:1]}”', f"expected plain quotation marks, got {text[:1]!r}")
        return text

    def _unexpected(self, expected: Sentence, got: Sentence) -> None:
        self.note(f"应为{_spaced(expected.zh)}，现在是{got.zh}", f"expected {expected.en}, got {got.en}")

    def day(self, fallback: date) -> date:
        text = self.text(_A_DATE, _DATE)
        try:
            return date.fromisoformat(text) if text else fallback
        except ValueError:
            self.note(f"没有 {text} 这一天", f"there is no day {text}")
            return fallback

    def whole(self, lowest: int) -> int:
        expected = Sentence(f"不小于 {lowest} 的整数", f"a whole number, {lowest} or more")
        text = self.text(expected, _WHOLE)
        if text and int(text) < lowest:
            self._unexpected(expected, Sentence(text, text))
        return int(text or lowest)

    def choice(self, options: Iterable[str]) -> str:
        listed = list(options)
        text = self.text(Sentence(f" {'、'.join(listed)} 之一", f"one of {', '.join(listed)}"))
        if text and text not in listed:
            hint = did_you_mean(text, listed)
            self.note(f"没有“{text}”这个取值：{hint.zh}", f"{text!r} is unknown: {hint.en}")
            return listed[0]
        return text or listed[0]

    def amount(self, unit: Unit) -> Fraction | None:
        """Return the exact number in the unit; a share is written in percent. None if it is not valid."""
        text = self.text(_EXPECTED[unit], _NUMBER)
        match = _NUMBER.fullmatch(text)
        if match is None:
            return None
        number, percent = Fraction(match[1]), bool(match[2])
        wrong = _wrong_amount(unit, number, percent)
        if wrong is not None:
            self.note(f"{wrong.zh}，现在是“{text}”", f"{wrong.en}, got {text!r}")
            return None
        return number / 100 if unit == "share" else number

    def items(self) -> list[YamlNode]:
        if not isinstance(self.raw, yaml.SequenceNode):
            self._unexpected(_A_LIST, _kind(self.raw))
            return []
        return [YamlNode(item, f"{self.where}[{n}]", self.notes) for n, item in enumerate(self.raw.value, start=1)]

    def one_or_more(self) -> list[YamlNode]:
        """Return the nodes of a list, or this node alone for a single value."""
        return [self] if self.is_scalar else self.items()

    def peek(self, key: str) -> yaml.ScalarNode | None:
        """Return the key's value if this is a mapping with that key."""
        pairs = self.raw.value if isinstance(self.raw, yaml.MappingNode) else []
        return next((v for k, v in pairs if k.value == key and isinstance(v, yaml.ScalarNode)), None)

    def section(self, *keys: str) -> YamlMapping:
        """Return the mapping's entries; note every other key as a problem."""
        if not isinstance(self.raw, yaml.MappingNode):
            expected = Sentence(f"含 {'、'.join(keys)} 的一组键", f"a mapping with {', '.join(keys)}")
            self._unexpected(expected, _kind(self.raw))
            return YamlMapping(YamlNode(None, self.where, self.notes), {})
        return YamlMapping(self, self._entries(self.raw, keys))

    def _entries(self, node: yaml.MappingNode, keys: tuple[str, ...]) -> dict[str, YamlNode]:
        entries: dict[str, YamlNode] = {}
        for key_node, value in node.value:
            key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else "?"
            where = f"{self.where}.{key}" if self.where else key
            if key not in keys:
                hint = did_you_mean(key, keys)
                self.notes.add(key_node, where, Sentence(f"没有这个键：{hint.zh}", f"unknown key: {hint.en}"))
            elif key in entries:
                first = entries[key].line
                said = Sentence(f"重复，第 {first} 行已有", f"is there twice, first on line {first}")
                self.notes.add(key_node, where, said)
            else:
                entries[key] = YamlNode(value, where, self.notes)
        return entries


@dataclass(frozen=True, slots=True)
class YamlMapping:
    """The entries of a mapping."""

    node: YamlNode
    entries: dict[str, YamlNode]

    def get(self, key: str) -> YamlNode | None:
        return self.entries.get(key)

    def need(self, key: str) -> YamlNode:
        """Return the entry; note a problem if it is missing."""
        found = self.entries.get(key)
        if found is None:
            self.node.note(f"缺少 {key}", f"{key} is missing")
            return YamlNode(None, f"{self.node.where}.{key}", self.node.notes)
        return found

    def named(self, key: str = "id") -> YamlMapping:
        """Return the mapping with the entry's id in its path: targets.full_process instead of targets[4]."""
        own, base = self.node.peek(key), self.node.where
        if own is None:
            return self
        name = f"{base.rsplit('[', 1)[0]}.{own.value}"
        moved = {k: YamlNode(s.raw, name + s.where.removeprefix(base), s.notes) for k, s in self.entries.items()}
        return YamlMapping(YamlNode(self.node.raw, name, self.node.notes), moved)


_EXPECTED: dict[Unit, Sentence] = {
    "share": Sentence("百分数，如 92 %（不写 ≥、≤）", "a percentage such as 92 %"),
    "count": Sentence("整数", "a whole number"),
    "days": Sentence("工作日数", "a number of working days"),
}


def _wrong_amount(unit: Unit, number: Fraction, percent: bool) -> Sentence | None:
    if number < 0:
        return Sentence("不应为负数", "expected no minus")
    if unit == "share" and not percent and 0 < number <= 1:
        return Sentence(
            "是百分数还是小数？请写明 % 号，如 92 %", "is it a percentage or a part of 1? expected the % sign"
        )
    if unit != "share" and percent:
        expected = _EXPECTED[unit]
        return Sentence(f"应为{_spaced(expected.zh)}，不带 %", f"expected {expected.en}, without %")
    if unit == "count" and number.denominator != 1:
        return Sentence("应为整数", "expected a whole number")
    return None


def _kind(node: yaml.Node | None) -> Sentence:
    if isinstance(node, yaml.ScalarNode):
        return Sentence(f"“{str(node.value)[:60]}”", repr(str(node.value)[:60]))
    mapping = isinstance(node, yaml.MappingNode)
    return Sentence("一组键", "a mapping") if mapping else Sentence("一个列表", "a list")


def _spaced(zh: str) -> str:
    """Return text to stand after Chinese text: a space precedes digits and Latin letters."""
    return f" {zh}" if zh[:1].isascii() else zh
