"""The rendered alert rules, and whether one of them can have made an alert.

Alertmanager takes alerts from everybody who may sign in there. Only those that this suite's own rules make are passed
on to people; any other is foreign, and is kept and shown as such.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .webhook import WebhookAlert

_TAG = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)
_OPENS = re.compile(r"(with|range|if|block|define)\b")
_ENDS = re.compile(r"end\b")


class RulesError(Exception):
    """The folder holds no rules that can be read; one line."""


@dataclass(frozen=True, slots=True)
class Template:
    """A text with holes, as a rule has it: the literal parts before, between and after them."""

    literals: tuple[str, ...]

    def fits(self, text: str) -> bool:
        """Whether some content of the holes makes the text; in time that grows with its length alone."""
        first, *others = self.literals
        if not others:
            return text == first
        if not text.startswith(first):
            return False
        at, *between, last = len(first), *others
        for literal in between:
            found = text.find(literal, at)
            if found < 0:
                return False
            at = found + len(literal)
        return len(text) - len(last) >= at and text.endswith(last)


@dataclass(frozen=True, slots=True)
class Rule:
    labels: Mapping[str, Template]
    annotations: Mapping[str, Template]

    def can_have_made(self, alert: WebhookAlert) -> bool:
        """What is over was told in the words of its time: then its labels tell."""
        labelled = all(template.fits(alert.labels.get(name, "")) for name, template in self.labels.items())
        return labelled and (alert.status == "resolved" or self._says(alert.annotations))

    def _says(self, annotations: Mapping[str, str]) -> bool:
        if not annotations.keys() <= self.annotations.keys():
            return False
        return all(template.fits(annotations.get(name, "")) for name, template in self.annotations.items())


@dataclass(frozen=True, slots=True)
class RuleBook:
    """Alert name → the rules that make alerts of it."""

    rules: Mapping[str, tuple[Rule, ...]]

    def can_have_made(self, alert: WebhookAlert) -> bool:
        return any(rule.can_have_made(alert) for rule in self.rules.get(alert.labels.get("alertname", ""), ()))


def load_rules(folder: Path) -> RuleBook:
    """The rules of every file of a folder, as Prometheus is given them. Raises RulesError where there are none."""
    found: dict[str, list[Rule]] = {}
    for name, rule in _rules(folder):
        found.setdefault(name, []).append(rule)
    if not found:
        raise RulesError(f"{folder}: expected files of alert rules, *.yml")
    return RuleBook({name: tuple(rules) for name, rules in found.items()})


def _rules(folder: Path) -> Iterable[tuple[str, Rule]]:
    for path in sorted(folder.glob("*.yml")):
        try:
            groups = yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
            alerting = [rule for group in groups for rule in group["rules"] if "alert" in rule]
            made = [(str(rule["alert"]), _rule(rule)) for rule in alerting]
        except (OSError, ValueError, TypeError, KeyError, AttributeError, yaml.YAMLError) as error:
            raise RulesError(f"{path}: expected alert rules of Prometheus: {type(error).__name__}") from None
        yield from made


def _rule(rule: Mapping[str, Any]) -> Rule:
    labels, annotations = rule.get("labels", {}), rule.get("annotations", {})
    return Rule(
        {name: template_of(str(text)) for name, text in labels.items()},
        {name: template_of(str(text)) for name, text in annotations.items()},
    )


def template_of(text: str) -> Template:
    """A template of Prometheus: what stands between a control and its end is one hole, every other tag another."""
    literals, at, depth = [""], 0, 0
    for tag in _TAG.finditer(text):
        if depth == 0:
            literals[-1] += text[at : tag.start()]
            literals.append("")
        depth += bool(_OPENS.match(tag[1])) - bool(_ENDS.match(tag[1]))
        at = tag.end()
    literals[-1] += text[at:]
    return Template(tuple(literals))
