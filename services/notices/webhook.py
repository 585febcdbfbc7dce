"""Alertmanager's messages (webhook version 4), decoded once when they arrive, and the rules that made their alerts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from hallpulse.store.notices import Notice

MAX_BYTES = 4 << 20
MAX_ALERTS = 10_000
HALLS = "halls"
"""The name of Alertmanager's receiver for alerts that concern a hall's owner."""


class BadNotice(Exception):
    """The body is not a notification of Alertmanager; the message says what was expected."""


class WebhookAlert(msgspec.Struct, frozen=True):
    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    annotations: dict[str, str]
    startsAt: datetime  # noqa: N815
    endsAt: datetime  # noqa: N815
    fingerprint: str


class Webhook(msgspec.Struct, frozen=True):
    """A notification: the alerts of one group for one receiver."""

    version: Literal["4"]
    receiver: str
    status: Literal["firing", "resolved"]
    alerts: list[WebhookAlert]


_DECODER = msgspec.json.Decoder(Webhook)


def decode(body: bytes) -> Webhook:
    """Decode a message. Raises BadNotice."""
    if len(body) > MAX_BYTES:
        raise BadNotice(f"expected at most {MAX_BYTES} bytes, got {len(body)}")
    try:
        webhook = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise BadNotice(f"expected a notification of Alertmanager, version 4: {error}") from None
    if len(webhook.alerts) > MAX_ALERTS:
        raise BadNotice(f"expected at most {MAX_ALERTS} alerts, got {len(webhook.alerts)}")
    if any(alert.startsAt.tzinfo is None or alert.endsAt.tzinfo is None for alert in webhook.alerts):
        raise BadNotice("expected startsAt and endsAt with an offset")
    return webhook


def notices_of(webhook: Webhook, is_ours: Callable[[WebhookAlert], bool] = lambda _: True) -> list[Notice]:
    """Return a line of the ledger for each alert. An alert for a hall's owner has the receiver REGION.HALL.

    is_ours: returns whether a rule of this suite can have made the alert.
    """
    return [
        replace(_notice(_receiver(webhook.receiver, alert.labels), alert), ours=is_ours(alert))
        for alert in webhook.alerts
    ]


def _receiver(name: str, labels: Mapping[str, str]) -> str:
    region, hall = labels.get("region", ""), labels.get("hall", "")
    return f"{region}.{hall}" if name == HALLS and region and hall else name


def _notice(receiver: str, alert: WebhookAlert) -> Notice:
    labels = _clean(alert.labels)
    annotations = _clean(alert.annotations)
    region = labels.get("region", "")
    return Notice(
        region=int(region) if region.isascii() and region.isdigit() and len(region) == 6 else 0,
        fingerprint=plain(alert.fingerprint),
        started=alert.startsAt,
        receiver=plain(receiver),
        alert=labels.get("alertname", ""),
        severity=labels.get("severity", ""),
        summary=annotations.get("summary", labels.get("alertname", "")),
        labels=labels,
        annotations=annotations,
        ended=alert.endsAt if alert.status == "resolved" else None,
    )


def _clean(texts: Mapping[str, str]) -> dict[str, str]:
    return {plain(name): plain(text) for name, text in texts.items()}


def plain(text: str) -> str:
    """Return the text without characters that control a terminal or change the direction of writing.

    Line ends and tabs become blanks; the other such characters are removed.
    """
    return text.translate(_STEERING)


_TURNS = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_CONTROLS = (*range(0x20), *range(0x7F, 0xA0))
_BLANKS = (*b"\t\n\v\f\r", 0x85, 0x2028, 0x2029)
_STEERING = dict.fromkeys((*_CONTROLS, *_TURNS), "") | dict.fromkeys(_BLANKS, " ")


_TAG = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)
_OPENS = re.compile(r"(with|range|if|block|define)\b")
_ENDS = re.compile(r"end\b")


class RulesError(Exception):
    """The folder holds no rules, or rules that cannot be read. The message is one line."""


@dataclass(frozen=True, slots=True)
class Template:
    """A rule's text with holes. literals: the literal parts before, between and after the holes."""

    literals: tuple[str, ...]

    def fits(self, text: str) -> bool:
        """Return whether some content of the holes gives the text. The time grows only with the text's length."""
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
        """Return whether this rule can have made the alert: its labels and annotations fit.

        For an alert that is over only the labels count, since the rule's words may have changed.
        """
        labelled = all(template.fits(alert.labels.get(name, "")) for name, template in self.labels.items())
        return labelled and (alert.status == "resolved" or self._says(alert.annotations))

    def _says(self, annotations: Mapping[str, str]) -> bool:
        if not annotations.keys() <= self.annotations.keys():
            return False
        return all(template.fits(annotations.get(name, "")) for name, template in self.annotations.items())


@dataclass(frozen=True, slots=True)
class RuleBook:
    """The alerting rules. rules: alert name → the rules that make alerts of this name."""

    rules: Mapping[str, tuple[Rule, ...]]

    def can_have_made(self, alert: WebhookAlert) -> bool:
        return any(rule.can_have_made(alert) for rule in self.rules.get(alert.labels.get("alertname", ""), ()))


def load_rules(folder: Path) -> RuleBook:
    """Return the rules of every file in a folder of Prometheus. Raises RulesError if there are none."""
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
    """Return the template of a Prometheus text. A control block up to its `end` is one hole; so is any other tag."""
    literals, at, depth = [""], 0, 0
    for tag in _TAG.finditer(text):
        if depth == 0:
            literals[-1] += text[at : tag.start()]
            literals.append("")
        depth += bool(_OPENS.match(tag[1])) - bool(_ENDS.match(tag[1]))
        at = tag.end()
    literals[-1] += text[at:]
    return Template(tuple(literals))
