"""Read a plan's `groups` and `scores`: groups of comparable departments, points by steps, deductions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from hallpulse.contract.reasons import Sentence
from hallpulse.domain.integrity import CHECKS
from hallpulse.domain.plan import Names
from hallpulse.domain.rules import Unit
from hallpulse.domain.scoring import Deduction, Group, ScoredIndicator, ScoreStep, Scoring
from hallpulse.plans.plan_problems import did_you_mean
from hallpulse.plans.yaml_node import YamlNode

_ID = re.compile(r"[a-z][a-z0-9_]{0,63}")
_POINTS = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,6})?")
_AN_ID = Sentence("小写字母、数字和 _ 组成的 id", "an id of lower case letters, digits and _")
_SOME_POINTS = Sentence("分数，如 1.5", "points, such as 1.5")
_A_DEPARTMENT = Sentence("部门的 id", "a department's id")
_FORMS = ("at_least", "at_most")
RESERVED = ("all", "others")
"""Ids that a plan cannot give: those of the group of all departments, or of the others, that `Plan` adds."""
_DEDUCTIBLE = {check.id: check for check in CHECKS if check.of != "halls"}
"""Checks whose findings belong to one department; those of halls do not, since a hall serves many departments."""

ReadNames = Callable[[YamlNode], Names]
ReadIndicator = Callable[[YamlNode], tuple[str, Unit]]


def read_groups(nodes: Sequence[YamlNode], departments: Mapping[str, str], names: ReadNames) -> tuple[Group, ...]:
    """Read the groups; each department is in one group at most. departments: the plan's, as Chinese name → id."""
    taken: dict[str, str] = {}
    groups = []
    for node in nodes:
        section = node.section("id", "names", "departments").named()
        own = section.need("id")
        id_ = own.text(_AN_ID, _ID)
        if id_ in RESERVED:
            own.note(f"{id_} 已有用途：请换一个 id", f"{id_!r} is taken: expected another id")
        members = _members(section.need("departments"), departments, taken, id_)
        groups.append(Group(id_, names(section.need("names")), members))
    return tuple(groups)


def _members(node: YamlNode, departments: Mapping[str, str], taken: dict[str, str], group: str) -> tuple[str, ...]:
    found = []
    for place in node.one_or_more():
        id_ = place.text(_A_DEPARTMENT)
        if id_ and id_ not in departments.values():
            hint = did_you_mean(id_, tuple(departments.values()), departments)
            place.note(
                f"departments 中没有“{id_}”（应写部门的 id）：{hint.zh}",
                f"{id_!r} is not listed under departments: {hint.en}",
            )
        elif id_ in taken:
            place.note(
                f"“{id_}”已在分组 {taken[id_]} 中：一个部门只归一组",
                f"{id_!r} is in the group {taken[id_]} already: expected each department in one group",
            )
        elif id_:
            taken[id_] = group
            found.append(id_)
    return tuple(found)


def read_scoring(node: YamlNode, names: ReadNames, indicator: ReadIndicator) -> Scoring:
    """Read the items that give points, and the deductions.

    names: reads names in both languages; indicator: reads one of the plan's indicators, returns its name and unit.
    """
    section = node.section("items", "deductions")
    deductions = section.get("deductions")
    return Scoring(
        tuple(_item(one, names, indicator) for one in section.need("items").items()),
        tuple(_deduction(one) for one in deductions.items()) if deductions is not None else (),
    )


def _item(node: YamlNode, names: ReadNames, indicator: ReadIndicator) -> ScoredIndicator:
    section = node.section("id", "names", "indicator", "steps", "weight").named()
    name, unit = indicator(section.need("indicator"))
    steps, weight = section.need("steps"), section.get("weight")
    read = [_step(one, unit) for one in steps.items()]
    falling = bool(read) and read[0][0] == "at_most"
    given = tuple(step for _, step in read if step is not None)
    if {form for form, _ in read} == set(_FORMS):
        steps.note("各档要么都写 at_least，要么都写 at_most", "expected all steps with at_least, or all with at_most")
    elif len(given) == len(read) and not _climbs(given, falling):
        steps.note(
            "各档应由易到难，分数依次增加",
            "expected steps from the easiest to the hardest, each with more points than the one before",
        )
    return ScoredIndicator(
        section.need("id").text(_AN_ID, _ID),
        names(section.need("names")),
        name,
        unit,
        given or (ScoreStep(Fraction(0), Fraction(1)),),
        falling,
        (_points(weight) if weight is not None else None) or Fraction(1),
    )


def _climbs(steps: Sequence[ScoreStep], falling: bool) -> bool:
    """Return whether each step asks for more than the one before, and gives more points."""
    bars = [-step.bar if falling else step.bar for step in steps]
    points = [step.points for step in steps]
    return bars == sorted(set(bars)) and points == sorted(set(points))


def _step(node: YamlNode, unit: Unit) -> tuple[str, ScoreStep | None]:
    """Return the form of a step, and the step if it can be read."""
    section = node.section(*_FORMS, "points")
    forms = [form for form in _FORMS if form in section.entries]
    points = _points(section.need("points"))
    if len(forms) != 1:
        node.note("应有 at_least、at_most 之一", "expected one of at_least and at_most")
        return _FORMS[0], None
    bar = section.need(forms[0]).amount(unit)
    return forms[0], None if bar is None or points is None else ScoreStep(bar, points)


def _points(node: YamlNode) -> Fraction | None:
    text = node.text(_SOME_POINTS, _POINTS)
    return Fraction(text) if text else None


def _deduction(node: YamlNode) -> Deduction:
    section = node.section("check", "points", "most")
    check = section.need("check")
    id_ = check.text(Sentence("真实性检查的 id", "an integrity check's id"))
    if id_ and id_ not in _DEDUCTIBLE:
        hint = did_you_mean(id_, tuple(_DEDUCTIBLE), {one.zh: one.id for one in _DEDUCTIBLE.values()})
        check.note(
            f"没有可按部门扣分的检查“{id_}”：{hint.zh}", f"{id_!r} is no check with findings of departments: {hint.en}"
        )
    points, most = _points(section.need("points")), _points(section.need("most"))
    return Deduction(id_, points or Fraction(0), most or Fraction(0))
