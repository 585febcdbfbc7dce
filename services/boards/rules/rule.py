"""The elements of a rules file: alerting rules, recording rules, groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import yaml

from services.boards.intervals import Links, duration

GENERATED = (
    "# 由 hallpulse rules render 生成，请勿手改。 Rendered by `hallpulse rules render`: change the plan, not this.\n"
)


@dataclass(frozen=True, slots=True)
class Alert:
    """An alerting rule.

    name: its name, which is also a heading of docs/runbook.md; lasting: how long its condition must hold.
    """

    name: str
    expr: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    lasting: timedelta = timedelta(0)

    def as_entry(self) -> dict[str, Any]:
        held = {"for": duration(self.lasting)} if self.lasting else {}
        return {
            "alert": self.name,
            "expr": self.expr,
            **held,
            "labels": dict(self.labels),
            "annotations": dict(self.annotations),
        }


@dataclass(frozen=True, slots=True)
class RecordingRule:
    """A recording rule. name: the series that it records; expr: the expression that it evaluates."""

    name: str
    expr: str

    def as_entry(self) -> dict[str, Any]:
        return {"record": self.name, "expr": self.expr}


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that Prometheus evaluates together, in order."""

    name: str
    interval: timedelta
    rules: Sequence[Alert | RecordingRule] = field(default_factory=tuple)

    def as_entry(self) -> dict[str, Any]:
        rules = [rule.as_entry() for rule in self.rules]
        return {"name": self.name, "interval": duration(self.interval), "rules": rules}


def with_runbook(group: Group, links: Links) -> Group:
    """Return the group with every alert linked to its section of the runbook."""
    return replace(group, rules=[_linked(r, links) if isinstance(r, Alert) else r for r in group.rules])


def _linked(alert: Alert, links: Links) -> Alert:
    where = f"{links.runbook}#{alert.name.lower()}"
    return replace(alert, annotations={**alert.annotations, "runbook_url": where})


class _RulesDumper(yaml.SafeDumper):
    """Writes YAML with indented lists, so that the same input always gives the same file."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        del indentless
        return super().increase_indent(flow, False)


def as_yaml(content: object, comment: str = GENERATED) -> str:
    body = yaml.dump(content, Dumper=_RulesDumper, allow_unicode=True, sort_keys=False, width=10_000)
    return comment + body


def as_file(groups: Sequence[Group]) -> str:
    return as_yaml({"groups": [group.as_entry() for group in groups]})
