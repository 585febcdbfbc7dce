"""A value of a plan file with its place: read as what is expected there, or noted as a problem.

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

from .problems import Problem, did_you_mean

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
    problems: list[Problem] = field(default_factory=list)

    def add(self, node: yaml.Node | None, where: str, message: str) -> None:
        mark = node.start_mark if node is not None else None
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        self.problems.append(Problem(self.file, line, column, where, message))


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in the file; `node` is None where the value is missing, which has been noted already."""

    node: yaml.Node | None
    where: str
    notes: Notes

    def note(self, message: str) -> None:
        if self.node is not None:
            self.notes.add(self.node, self.where, message)

    @property
    def line(self) -> int:
        return self.node.start_mark.line + 1 if self.node is not None and self.node.start_mark is not None else 1

    @property
    def is_scalar(self) -> bool:
        return isinstance(self.node, yaml.ScalarNode)

    def text(self, expected: str = "a text", pattern: re.Pattern[str] | None = None) -> str:
        """The value's own characters: 31.94 stays "31.94", 2023-04-01 stays a text."""
        if not isinstance(self.node, yaml.ScalarNode):
            self.note(f"expected {expected}, got {_kind(self.node)}")
            return ""
        text = "" if self.node.tag == _NULL else str(self.node.value)
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
        """A number of the unit, exactly; a share is written in percent. None where it is none."""
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

    def items(self) -> list[Spot]:
        if not isinstance(self.node, yaml.SequenceNode):
            self.note(f"expected a list, got {_kind(self.node)}")
            return []
        return [Spot(node, f"{self.where}[{n}]", self.notes) for n, node in enumerate(self.node.value, start=1)]

    def one_or_more(self) -> list[Spot]:
        """A list, or the one value that stands for a list of one."""
        return [self] if self.is_scalar else self.items()

    def peek(self, key: str) -> yaml.ScalarNode | None:
        """The key's value if this is a mapping that has one."""
        pairs = self.node.value if isinstance(self.node, yaml.MappingNode) else []
        return next((v for k, v in pairs if k.value == key and isinstance(v, yaml.ScalarNode)), None)

    def section(self, *keys: str) -> Section:
        """The mapping's entries; other keys than these are noted."""
        if not isinstance(self.node, yaml.MappingNode):
            self.note(f"expected a mapping with {', '.join(keys)}, got {_kind(self.node)}")
            return Section(Spot(None, self.where, self.notes), {})
        return Section(self, self._entries(self.node, keys))

    def _entries(self, node: yaml.MappingNode, keys: tuple[str, ...]) -> dict[str, Spot]:
        entries: dict[str, Spot] = {}
        for key_node, value in node.value:
            key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else "?"
            where = f"{self.where}.{key}" if self.where else key
            if key not in keys:
                self.notes.add(key_node, where, f"unknown key: {did_you_mean(key, keys)}")
            elif key in entries:
                self.notes.add(key_node, where, f"is there twice, first on line {entries[key].line}")
            else:
                entries[key] = Spot(value, where, self.notes)
        return entries


@dataclass(frozen=True, slots=True)
class Section:
    """The entries of a mapping."""

    spot: Spot
    entries: dict[str, Spot]

    def get(self, key: str) -> Spot | None:
        return self.entries.get(key)

    def need(self, key: str) -> Spot:
        """The entry; noted where it is missing."""
        found = self.entries.get(key)
        if found is None:
            self.spot.note(f"{key} is missing")
            return Spot(None, f"{self.spot.where}.{key}", self.spot.notes)
        return found

    def named(self, key: str = "id") -> Section:
        """The same with the entry's id in its path: targets.full_process instead of targets[4]."""
        own, base = self.spot.peek(key), self.spot.where
        if own is None:
            return self
        name = f"{base.rsplit('[', 1)[0]}.{own.value}"
        moved = {k: Spot(s.node, name + s.where.removeprefix(base), s.notes) for k, s in self.entries.items()}
        return Section(Spot(self.spot.node, name, self.spot.notes), moved)


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
