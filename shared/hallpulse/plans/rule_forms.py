"""Read a target's rule and path."""

from __future__ import annotations

import re
from datetime import date
from fractions import Fraction

from hallpulse.contract.reasons import Sentence
from hallpulse.domain.figures import Window
from hallpulse.domain.rules import BARS, AtLeast, Below, Linear, NoPath, Path, Raised, Reading, Rule, Step, Unit
from hallpulse.plans.plan_problems import did_you_mean
from hallpulse.plans.yaml_node import YamlMapping, YamlNode

_BARS = {rule.kind: rule for rule in BARS}
FORMS = (*((kind,) for kind in _BARS), ("below",), ("base", "raise", "as"))
PLACEHOLDER = AtLeast(Fraction(0))
_FIGURE = re.compile(r"-?[0-9].*")


def read_rule(node: YamlNode, unit: Unit, known: tuple[str, ...]) -> Rule:
    """Read a rule, which has exactly one of the forms. known: the indicators that `below` may compare with."""
    section = node.section(*(key for form in FORMS for key in form))
    forms = [form for form in FORMS if any(key in section.entries for key in form)]
    if len(forms) != 1:
        section.node.note(
            f"应为 {'、'.join(_BARS)}、below 之一，或 base、raise、as 三项",
            f"expected one of {', '.join(_BARS)}, below, or base with raise and as",
        )
        return PLACEHOLDER
    rule = (
        _raised(section, unit) if forms == [FORMS[-1]] else _simple(section.need(forms[0][0]), forms[0][0], unit, known)
    )
    goal = rule.goal()
    if unit == "share" and goal is not None and goal > 1:
        section.node.note(
            f"目标是 {_percent(goal)}：应不超过 100 %", f"the goal is {_percent(goal)}: expected 100 % at most"
        )
    return rule


def _simple(node: YamlNode, form: str, unit: Unit, known: tuple[str, ...]) -> Rule:
    if form == "below" and node.is_scalar and not _FIGURE.fullmatch(str(node.raw.value if node.raw else "")):
        return Below(indicator=_reference(node, known))
    amount = node.amount(unit)
    if amount is None:
        return PLACEHOLDER
    return Below(reference=amount) if form == "below" else _BARS[form](amount)


def _reference(node: YamlNode, known: tuple[str, ...]) -> str:
    name = node.text(
        Sentence("数字，或存放参照值的指标 id", "a number, or the id of the indicator that holds the reference")
    )
    if name and name not in known:
        hint = did_you_mean(name, known)
        node.note(f"方案中没有指标“{name}”：{hint.zh}", f"{name!r} is no indicator of this plan: {hint.en}")
    return name


def _raised(section: YamlMapping, unit: Unit) -> Rule:
    if unit != "share":
        section.node.note(
            "base 和 raise 只用于比率：应为 at_least、at_most 或 below",
            "base and raise are for shares: expected at_least, at_most or below",
        )
        return PLACEHOLDER
    base, increase = section.need("base").amount(unit), section.need("raise").amount(unit)
    reading = section.need("as").choice([r.value for r in Reading])
    return PLACEHOLDER if base is None or increase is None else Raised(base, increase, Reading(reading))


def read_path(node: YamlNode | None, unit: Unit, rule: Rule, period: Window) -> Path:
    """Read `linear`, `step` or `none`, alone or with `start` (linear) or `from` (step)."""
    if node is None:
        return NoPath()
    if node.is_scalar:
        kind, section = node.choice(_KINDS), YamlMapping(node, {})
    else:
        section = node.section("kind", "start", "from")
        kind = section.need("kind").choice(_KINDS)
    for key, owner in (("start", "linear"), ("from", "step")):
        given = section.get(key)
        if given is not None and kind != owner:
            given.note(f"只用于 {owner} 路径", f"belongs to a {owner} path")
    if kind == "linear":
        return Linear(_start(section, unit, rule))
    return Step(_first(section.get("from"), period)) if kind == "step" else NoPath()


_KINDS = ("linear", "step", "none")


def _start(section: YamlMapping, unit: Unit, rule: Rule) -> Fraction:
    given, goal = section.get("start"), rule.goal()
    if isinstance(rule, Raised):
        if given is not None:
            given.note("base 加 raise 从 base 开始：不写 start", "a raised base starts at its base: expected no start")
        return rule.base
    if given is None:
        if unit != "count" or not isinstance(rule, AtLeast):
            section.node.note(
                "linear 要有起点：写作 {kind: linear, start: …}",
                "linear needs a start: expected {kind: linear, start: ...}",
            )
        return Fraction(0)
    start = given.amount(unit)
    if start is None:
        return Fraction(0)
    if goal is not None and rule.gap(start, goal) > 0:
        given.note("起点已超过目标", "lies beyond the goal already")
    return start


def _first(node: YamlNode | None, period: Window) -> date | None:
    if node is None:
        return None
    first = node.day(period.start)
    if not period.start <= first <= period.end:
        node.note(
            f"{first} 不在期间 {period.start} 至 {period.end} 之内",
            f"{first} lies outside the period from {period.start} to {period.end}",
        )
    return first


def _percent(share: Fraction) -> str:
    return f"{float(share * 100):g} %"
