"""Make a plan of a document: read its keys, and find contradictions between them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path

from hallpulse.contract.reasons import Sentence
from hallpulse.domain.figures import LENGTHS, Window
from hallpulse.domain.indicators import COMPUTED
from hallpulse.domain.integrity import USUAL
from hallpulse.domain.ladder import USUAL_SUPERVISION
from hallpulse.domain.plan import (
    DeclaredIndicator,
    Department,
    Letter,
    Names,
    Phase,
    Plan,
    Severity,
    Target,
    TargetScope,
)
from hallpulse.domain.reporting import MONTHLY_REPORT
from hallpulse.domain.rules import Unit
from hallpulse.plans.integrity_form import read_thresholds
from hallpulse.plans.plan_problems import PlanError, PlanProblem, did_you_mean
from hallpulse.plans.reporting_form import read_reporting
from hallpulse.plans.rule_forms import read_path, read_rule
from hallpulse.plans.score_forms import read_groups, read_scoring
from hallpulse.plans.supervision_form import read_supervision, read_tasks
from hallpulse.plans.yaml_node import Notes, YamlMapping, YamlNode

from .document import read_document

_ID = re.compile(r"[a-z][a-z0-9_]{0,63}")
_PLAN_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_CODE = re.compile(r"[^\s\x00-\x1f\x7f](?:[^\x00-\x1f\x7f]{0,62}[^\s\x00-\x1f\x7f])?")
_REGION = re.compile(r"[1-9][0-9]{5}")
_AN_ID = Sentence("小写字母、数字和 _ 组成的 id", "an id of lower case letters, digits and _")
_A_CODE = Sentence("事件中的部门代码，最多 64 个字符", "the department's code in events, 64 characters at most")
_AN_INDICATOR = Sentence("指标的 id", "an indicator's id")
_A_DEPARTMENT = Sentence("部门的 id", "a department's id")
_ZH_NAME = Sentence("中文名称", "the Chinese name")
_EN_NAME = Sentence("英文名称", "the English name")
_UNITS: tuple[Unit, ...] = ("share", "days", "count")
_PLAN_KEYS = (
    "region", "region_names", "names", "document", "note", "period", "phases", "departments", "indicators",
    "min_denominator", "tolerance", "reporting", "integrity", "targets", "groups", "scores", "letter",
    "supervision", "tasks",
)  # fmt: skip
_TARGET_KEYS = (
    "id", "names", "indicator", "scope", "rule", "path", "severity", "lead", "source", "min_denominator",
)  # fmt: skip


def load_plan(path: Path) -> Plan:
    """Read a plan file.

    Raises PlanError with everything that is wrong in it, each with file, line, column, field and what was expected.
    """
    notes = Notes(str(path))
    root = YamlNode(read_document(path), "", notes)
    plan = _plan(path.stem, root.section(*_PLAN_KEYS))
    if not _PLAN_ID.fullmatch(path.stem):
        said = Sentence(
            f"文件名应为小写字母、数字和 -，现在是“{path.stem}”",
            f"the file's name: expected lower case letters, digits and -, got {path.stem!r}",
        )
        notes.add(None, "", said)
    if notes.problems:
        raise PlanError(sorted(notes.problems, key=lambda p: (p.line, p.column)))
    return plan


def load_plans(folder: Path) -> list[Plan]:
    """Read every `*.yaml` of a folder, in the order of names.

    Raises PlanError with the problems of all files; two plans of one region that share a day are a problem too.
    """
    if not folder.is_dir():
        raise PlanError(
            [PlanProblem(str(folder), 1, 1, "", Sentence("应为放方案文件的文件夹", "expected a folder of plan files"))]
        )
    plans: list[Plan] = []
    problems: list[PlanProblem] = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            plan = load_plan(path)
        except PlanError as error:
            problems.extend(error.problems)
            continue
        rival = next((p for p in plans if p.region == plan.region and _share_a_day(p.period, plan.period)), None)
        if rival is not None:
            said = Sentence(
                f"与 {rival.id} 的期间重叠：{plan.region} 每一天只能有一份方案",
                f"shares days with {rival.id}: expected one plan of {plan.region} a day",
            )
            problems.append(PlanProblem(str(path), 1, 1, "period", said))
        plans.append(plan)
    if problems:
        raise PlanError(problems)
    return plans


def _share_a_day(one: Window, other: Window) -> bool:
    return one.start <= other.end and other.start <= one.end


def _plan(id_: str, top: YamlMapping) -> Plan:
    indicators = tuple(_indicator(node) for node in _optional(top, "indicators"))
    departments = tuple(_department(node) for node in _optional(top, "departments"))
    period, least, tolerance = _period(top.need("period")), top.get("min_denominator"), top.get("tolerance")
    called_so, reporting = {d.names.zh: d.id for d in departments}, top.get("reporting")
    if reporting is not None:
        _refuse_declared(top, MONTHLY_REPORT)
    measured: dict[str, Unit] = {MONTHLY_REPORT: "share"} if reporting is not None else {}
    units = {i.id: i.unit for i in indicators} | measured
    frame = _Frame(period, units, tuple(d.id for d in departments), called_so)
    note, called, scores, letter = (top.get(key) for key in ("note", "region_names", "scores", "letter"))
    integrity, supervision = top.get("integrity"), top.get("supervision")
    phases = tuple(_phase(node) for node in _optional(top, "phases"))
    return Plan(
        id=id_,
        region=int(top.need("region").text(Sentence("6 位区划代码", "a code of 6 digits"), _REGION) or "100000"),
        names=_names(top.need("names")),
        document=top.need("document").text(Sentence("文号", "the document's number")),
        period=period,
        targets=tuple(_target(node, frame) for node in _unique(top.need("targets").items())),
        phases=phases,
        departments=departments,
        indicators=indicators,
        min_denominator=least.whole(1) if least is not None else 1,
        note=_names(note) if note is not None else None,
        region_names=_names(called) if called is not None else None,
        tolerance=_tolerance(tolerance) if tolerance is not None else Fraction(0),
        integrity=read_thresholds(integrity) if integrity is not None else USUAL,
        reporting=read_reporting(reporting, period, called_so, indicators) if reporting is not None else None,
        groups=read_groups(_optional(top, "groups"), called_so, _names),
        scoring=read_scoring(scores, _names, frame.unit) if scores is not None else None,
        letter=_letter(letter) if letter is not None else None,
        supervision=read_supervision(supervision) if supervision is not None else USUAL_SUPERVISION,
        tasks=read_tasks(_optional(top, "tasks"), phases, _names, frame.lead),
    )


def _letter(node: YamlNode) -> Letter:
    section = node.section("to", "issuer", "signer", "copies")
    signer, copies = section.get("signer"), section.get("copies")
    return Letter(
        _names(section.need("to")),
        _names(section.need("issuer")),
        signer.text(Sentence("签发人姓名", "the signer's name")) if signer is not None else "",
        tuple(map(_names, copies.items())) if copies is not None else (),
    )


def _refuse_declared(top: YamlMapping, measured: str) -> None:
    """Note a problem if the indicator that reporting measures is declared too."""
    for node in _optional(top, "indicators"):
        own = node.peek("id")
        if own is not None and own.value == measured:
            YamlNode(own, f"indicators.{measured}.id", node.notes).note(
                f"{measured} 由 reporting 测得，不能申报：请从 indicators 中删去",
                f"{measured!r} is measured by what reporting asks for: expected only what the region declares",
            )


def _tolerance(node: YamlNode) -> Fraction:
    amount = node.amount("share")
    if amount is not None and not 0 <= amount < 1:
        node.note("应不小于 0 %，小于 100 %", "expected 0 % or more, and less than 100 %")
    return amount or Fraction(0)


def _optional(top: YamlMapping, key: str) -> list[YamlNode]:
    node = top.get(key)
    return _unique(node.items()) if node is not None else []


def _unique(nodes: list[YamlNode]) -> list[YamlNode]:
    """Return the list unchanged; note a repeated id."""
    first: dict[str, int] = {}
    for node in nodes:
        own = node.peek("id")
        if own is None:
            continue
        if own.value in first:
            YamlNode(own, f"{node.where}.id", node.notes).note(
                f"“{own.value}”重复，第 {first[own.value]} 行已有",
                f"{own.value!r} is there twice, first on line {first[own.value]}",
            )
        first.setdefault(own.value, node.line)
    return nodes


def _names(node: YamlNode) -> Names:
    section = node.section("zh", "en")
    return Names(section.need("zh").text(_ZH_NAME), section.need("en").text(_EN_NAME))


def _period(node: YamlNode) -> Window:
    section = node.section("from", "to")
    start, end = section.need("from").day(date.min), section.need("to").day(date.max)
    if end < start:
        section.need("to").note(f"{end} 早于开始日 {start}", f"{end} lies before {start}, where the period begins")
        end = start
    return Window(start, end)


def _phase(node: YamlNode) -> Phase:
    section = node.section("id", "names", "from", "to").named()
    start, to = section.need("from").day(date.min), section.get("to")
    end = to.day(date.max) if to is not None else None
    if to is not None and end is not None and end < start:
        to.note(f"{end} 早于阶段开始日 {start}", f"{end} lies before {start}, where the phase begins")
    return Phase(section.need("id").text(_AN_ID, _ID), _names(section.need("names")), start, end)


def _department(node: YamlNode) -> Department:
    section = node.section("id", "names").named()
    code = section.need("id").text(_A_CODE, _CODE)
    return Department(code, _names(section.need("names")))


def _indicator(node: YamlNode) -> DeclaredIndicator:
    section = node.section("id", "names", "unit", "periods").named()
    own, unit, periods = section.need("id"), section.get("unit"), section.get("periods")
    id_ = own.text(_AN_ID, _ID)
    if id_ in COMPUTED:
        own.note(
            f"{id_} 由事件算出，不能申报：这里只列本地区申报的指标",
            f"{id_!r} is computed from the events: expected only what the region declares",
        )
    chosen = unit.choice(_UNITS) if unit is not None else "share"
    lengths = [one.choice(LENGTHS) for one in periods.one_or_more()] if periods is not None else LENGTHS
    return DeclaredIndicator(
        id_,
        _names(section.need("names")),
        next(u for u in _UNITS if u == chosen),
        tuple(length for length in LENGTHS if length in lengths),
    )


@dataclass(frozen=True, slots=True)
class _Frame:
    """The names that a target may refer to."""

    period: Window
    declared: Mapping[str, Unit]
    departments: tuple[str, ...]
    department_names: Mapping[str, str]

    @property
    def indicators(self) -> tuple[str, ...]:
        return (*COMPUTED, *self.declared)

    def unit(self, node: YamlNode) -> tuple[str, Unit]:
        """Return the named indicator and its unit."""
        name = node.text(_AN_INDICATOR)
        if name and name not in self.indicators:
            hint = did_you_mean(name, self.indicators, {one.zh: one.id for one in COMPUTED.values()})
            node.note(
                f"没有指标“{name}”：{hint.zh}", f"{name!r} is neither computed nor listed under indicators: {hint.en}"
            )
        computed = COMPUTED.get(name)
        return name, computed.unit if computed is not None else self.declared.get(name, "share")

    def lead(self, node: YamlNode | None) -> tuple[str, ...]:
        if node is None:
            return ()
        ids = [s.text(_A_DEPARTMENT, _CODE) for s in node.one_or_more()]
        if ids == ["all"]:
            return self.departments
        for place, id_ in zip(node.one_or_more(), ids, strict=True):
            if id_ and id_ not in self.departments:
                hint = did_you_mean(id_, self.departments, self.department_names)
                place.note(
                    f"departments 中没有“{id_}”（应写部门的 id）：{hint.zh}",
                    f"{id_!r} is not listed under departments: {hint.en}",
                )
        return tuple(ids)


def _target(node: YamlNode, frame: _Frame) -> Target:
    section = node.section(*_TARGET_KEYS).named()
    indicator, unit = frame.unit(section.need("indicator"))
    rule = read_rule(section.need("rule"), unit, frame.indicators)
    scope, severity, least = section.get("scope"), section.get("severity"), section.get("min_denominator")
    source = section.get("source")
    return Target(
        id=section.need("id").text(_AN_ID, _ID),
        names=_names(section.need("names")),
        indicator=indicator,
        unit=unit,
        rule=rule,
        path=read_path(section.get("path"), unit, rule, frame.period),
        scope=_scope(scope, frame) if scope is not None else TargetScope.REGION,
        severity=Severity(severity.choice([s.value for s in Severity])) if severity is not None else Severity.WARNING,
        lead=frame.lead(section.get("lead")),
        source=tuple(s.text(Sentence("方案中的条目号", "the plan's item number")) for s in source.one_or_more())
        if source is not None
        else (),
        min_denominator=least.whole(1) if least is not None else None,
    )


def _scope(node: YamlNode, frame: _Frame) -> TargetScope:
    scope = TargetScope(node.choice([s.value for s in TargetScope]))
    if scope is TargetScope.EACH_DEPARTMENT and not frame.departments:
        node.note(
            "要求每个部门，而 departments 中一个也没有列出",
            "binds each department, but none is listed under departments",
        )
    return scope
