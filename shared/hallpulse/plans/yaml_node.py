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

from hallpulse.domain.rules import Unit
from hallpulse.plans.plan_problems import PlanProblem, did_you_mean

_NUMBER = re.compile(r"(-?[0-9]{1,12}(?:\.[0-9]{1,12})?)\s*(%?)")
_WHOLE = re.compile(r"[0-9]{1,9}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NULL = "tag:yaml.org,2002:null"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
MAX_TEXT = 300


@dataclass(slots=True)
class Notes:
    """The problems of one file."""

    file: str
    problems: list[PlanProblem] = field(default_factory=list)

    def add(self, node: yaml.Node | None, where: str, message: str) -> None:
        mark = node.start_mark if node is not None else None
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        self.problems.append(PlanProblem(self.file, line, column, where, message))


@dataclass(frozen=True, slots=True)
class YamlNode:
    """A value with its place in the file; `raw` is None for a missing value, which has been noted already."""

    raw: yaml.Node | None
    where: str
    notes: Notes

    def note(self, message: str) -> None:
        if self.raw is not None:
            self.notes.add(self.raw, self.where, message)

    @property
    def line(self) -> int:
        return self.raw.start_mark.line + 1 if self.raw is not None and self.raw.start_mark is not None else 1

    @property
    def is_scalar(self) -> bool:
        return isinstance(self.raw, yaml.ScalarNode)

    def text(self, expected: str = "a text", pattern: re.Pattern[str] | None = None) -> str:
        """Return the value's characters: 31.94 stays "31.94", 2023-04-01 stays a text."""
        if not isinstance(self.raw, yaml.ScalarNode):
            self.note(f"expected {expected}, got {_kind(self.raw)}")
            return ""
        text = "" if self.raw.tag == _NULL else str(self.raw.value)
        fits = pattern.fullmatch(text) if pattern else text.strip() and not _CONTROL.search(text)
        if not fits or len(text) > MAX_TEXT:
            self.note(f"expected {expected}, got {text[:60]!r}")
            return ""
        return text

    def day(self, fallback: date) -> date:
        text = self.text("a date YYYY-MM-DD", _DATE)
        try:
            return date.fromisoformat(text) if text else fallback
        except ValueError:
            self.note(f"there is no day {text}")
            return fallback

    def whole(self, lowest: int) -> int:
        expected = f"a whole number, {lowest} or more"
        text = self.text(expected, _WHOLE)
        if text and int(text) < lowest:
            self.note(f"expected {expected}, got {text}")
        return int(text or lowest)

    def choice(self, options: Iterable[str]) -> str:
        listed = list(options)
        text = self.text(f"one of {', '.join(listed)}")
        if text and text not in listed:
            self.note(f"{text!r} is unknown: {did_you_mean(text, listed)}")
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
        if wrong:
            self.note(f"{wrong}, got {text!r}")
            return None
        return number / 100 if unit == "share" else number

    def items(self) -> list[YamlNode]:
        if not isinstance(self.raw, yaml.SequenceNode):
            self.note(f"expected a list, got {_kind(self.raw)}")
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
        """Return the mapping's entries; keys other than these are noted."""
        if not isinstance(self.raw, yaml.MappingNode):
            self.note(f"expected a mapping with {', '.join(keys)}, got {_kind(self.raw)}")
            return YamlMapping(YamlNode(None, self.where, self.notes), {})
        return YamlMapping(self, self._entries(self.raw, keys))

    def _entries(self, node: yaml.MappingNode, keys: tuple[str, ...]) -> dict[str, YamlNode]:
        entries: dict[str, YamlNode] = {}
        for key_node, value in node.value:
            key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else "?"
            where = f"{self.where}.{key}" if self.where else key
            if key not in keys:
                self.notes.add(key_node, where, f"unknown key: {did_you_mean(key, keys)}")
            elif key in entries:
                self.notes.add(key_node, where, f"is there twice, first on line {entries[key].line}")
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
        """Return the entry; note it if it is missing."""
        found = self.entries.get(key)
        if found is None:
            self.node.note(f"{key} is missing")
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


_EXPECTED: dict[Unit, str] = {
    "share": "a percentage such as 92 %",
    "count": "a whole number",
    "days": "a number of working days",
}


def _wrong_amount(unit: Unit, number: Fraction, percent: bool) -> str:
    if number < 0:
        return "expected no minus"
    if unit == "share" and not percent and 0 < number <= 1:
        return "is it a percentage or a part of 1? expected the % sign"
    if unit != "share" and percent:
        return f"expected {_EXPECTED[unit]}, without %"
    return "expected a whole number" if unit == "count" and number.denominator != 1 else ""


def _kind(node: yaml.Node | None) -> str:
    if isinstance(node, yaml.ScalarNode):
        return repr(str(node.value)[:60])
    return "a mapping" if isinstance(node, yaml.MappingNode) else "a list"
