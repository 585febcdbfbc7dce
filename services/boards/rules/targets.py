"""Alerts about targets; each kind of alert is a small object with its condition and its texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from hallpulse.domain.compression import COMPRESSION
from hallpulse.domain.indicators import DOUBTED
from hallpulse.domain.integrity import CHECKS
from hallpulse.domain.plan import Names, Target
from hallpulse.domain.targets import State
from hallpulse.metrics import STATE_NUMBERS
from services.boards.intervals import Intervals, Links
from services.boards.promql import UNIT_WORDS, amount, department_name, each, literal, select
from services.boards.rules.measured import Measured, below, in_force
from services.boards.rules.rule import Alert

DROPPED_ITEMS = 'topk(5, -hallpulse_item_compression_change{region="%d"} > 0) * 100'

GAINS = 'hallpulse_target_gain{region="%d",target="%s"} * 100'

CHANGE = '{{ .Value | printf "%+.2f" | reReplaceAll "^-" "−" }}'


class AlertKind(Protocol):
    """A kind of alert about a target; `expr` returns None if the target can never raise it."""

    @property
    def name(self) -> str: ...

    def expr(self, measured: Measured, intervals: Intervals) -> str | None: ...

    def lasting(self, intervals: Intervals) -> timedelta: ...

    def words(self, measured: Measured) -> Names: ...

    def severity(self, target: Target) -> str: ...


@dataclass(frozen=True, slots=True)
class _Base:
    name: str

    def lasting(self, intervals: Intervals) -> timedelta:
        return intervals.verdict

    def severity(self, target: Target) -> str:
        return target.severity.value


class Missed(_Base):
    """The alert that the period is over and the goal is not met."""

    def expr(self, measured: Measured, _intervals: Intervals) -> str | None:
        return f"{measured.of('gap')} {measured.in_state(State.MISSED)}"

    def words(self, measured: Measured) -> Names:
        gap = measured.against_goal
        return Names(f"期末未达标，{gap.zh}", f"missed at the end of the period, {gap.en}")


class BehindPath(_Base):
    """The alert that a target is behind the value required today by more than the plan's tolerance."""

    def expr(self, measured: Measured, _intervals: Intervals) -> str | None:
        return f"{below(measured.from_path, -measured.tolerance)} {measured.in_state(State.BEHIND)}"

    def words(self, measured: Measured) -> Names:
        required = measured.said_in("required")
        return Names(f"进度落后，今日应达 {required.zh}", f"behind its path, which requires {required.en} today")


class ShortAtEnd(_Base):
    """The alert that a target is met or on pace today, but misses its goal if the recent trend continues."""

    def expr(self, measured: Measured, _intervals: Intervals) -> str | None:
        short = f"({measured.forecast_gap}) < 0"
        return f"{short} {measured.in_state(State.MET, State.ON_PACE)}"

    def words(self, measured: Measured) -> Names:
        end = measured.said_in("forecast")
        return Names(f"按近期趋势期末将不达标，预计 {end.zh}", f"will miss the goal at this pace: {end.en} at the end")


class Falling(_Base):
    """The alert that the forecast of a share is clearly worse than its value today."""

    def expr(self, measured: Measured, intervals: Intervals) -> str | None:
        if measured.target.unit != "share":
            return None
        states = measured.in_state(State.MET, State.ON_PACE, State.BEHIND)
        return f"{below(measured.trend, -intervals.falling)} {states}"

    def words(self, measured: Measured) -> Names:
        end = measured.said_in("forecast")
        return Names(f"近期走势变差，期末预计 {end.zh}", f"getting worse: {end.en} at the end at this pace")

    def severity(self, _target: Target) -> str:
        return "info"


_NOT_MEASURED = STATE_NUMBERS.index(State.NOT_MEASURED)


class NotMeasured(_Base):
    """The alert that a target has had no figure for too long."""

    def expr(self, measured: Measured, _intervals: Intervals) -> str | None:
        return f"{measured.of('state')} == {_NOT_MEASURED} and on (region) {in_force(measured.plan)}"

    def lasting(self, intervals: Intervals) -> timedelta:
        return intervals.unmeasured

    def words(self, _measured: Measured) -> Names:
        return Names("还没有数据，无法判断是否达标", "no data yet, so that it cannot be judged")

    def severity(self, _target: Target) -> str:
        return "info"


KINDS: Sequence[AlertKind] = (
    Missed("TargetMissed"),
    BehindPath("TargetBehindPath"),
    ShortAtEnd("TargetShortAtEnd"),
    Falling("TargetFalling"),
    NotMeasured("TargetNotMeasured"),
)


class Dropped(_Base):
    """The alert that the compression of promised limits fell within a week.

    Its notice names the item versions that lowered it.
    """

    def expr(self, measured: Measured, intervals: Intervals) -> str | None:
        if measured.target.indicator != COMPRESSION or measured.each_department:
            return None
        region = measured.plan.region
        now = select("hallpulse_indicator_ratio", region=region, indicator=COMPRESSION)
        was = select("hallpulse_indicator_ratio_ago", region=region, indicator=COMPRESSION, days=7)
        change = f"{now} - on (region, indicator) {was}"
        return f"{below(change, -intervals.sudden)} and on (region) {in_force(measured.plan)}"

    def words(self, measured: Measured) -> Names:
        items, whose = DROPPED_ITEMS % measured.plan.region, department_name(measured.plan.region, ".Labels.department")
        by = '{{ .Value | printf "%.2f" }}'
        zh = f"{{{{ .Labels.zh }}}}（{{{{ .Labels.item }}}}，{whose.zh}，拉低 {by} 个百分点）"
        en = f"{{{{ .Labels.zh }}}} ({{{{ .Labels.item }}}}, {whose.en}, by {by} points)"
        return Names(
            f"7 日内骤降。拉低它的事项版本：{each(items, zh, '未找到', '；')}",
            f"fell within 7 days. Item versions that lowered it: {each(items, en, 'none found', '; ')}",
        )


DROPPED: AlertKind = Dropped("CompressionDropped")
_WITHOUT = "hallpulse_target_value_without{region=%q,target=%q,check=%q}"


class Marked(_Base):
    """The alert that a figure gains from the findings of an integrity check, such as raised statutory limits."""

    def expr(self, measured: Measured, _intervals: Intervals) -> str | None:
        if measured.target.indicator != COMPRESSION or measured.each_department:
            return None
        marked = select("hallpulse_target_marked", region=measured.plan.region, target=measured.target.id)
        return f"{marked} > 0 and on (region) {in_force(measured.plan)}"

    def lasting(self, _intervals: Intervals) -> timedelta:
        return timedelta(0)

    def words(self, measured: Measured) -> Names:
        labels = ("$labels.region", "$labels.target", "$labels.check")
        target, words, region = measured.target, UNIT_WORDS[measured.target.unit], measured.plan.region
        zh, en = (
            amount(_WITHOUT, target.unit, labels, none, unit)
            for none, unit in (("没有数值", words.zh), ("no value", words.en))
        )
        causes, checks = GAINS % (region, target.id), _check_names()
        return Names(
            f"数值含有存疑部分（{checks.zh}），扣除后为 {zh}。方案期以来的变化："
            + each(causes, f"{{{{ .Labels.zh }}}} {CHANGE} 个百分点", "期前无目录，无法拆分", "；"),
            f"holds what is in doubt ({checks.en}); without it {en}. Change since the plan began: "
            + each(causes, f"{{{{ .Labels.en }}}} {CHANGE} points", "no catalogue before the period", "; "),
        )

    def severity(self, _target: Target) -> str:
        return "warning"


def _check_names() -> Names:
    """Return the templates of the Chinese and English name of the check that an alert is about."""
    doubted = [check for check in CHECKS if check.id in DOUBTED]
    named = '{{{{ if eq $labels.check "{}" }}}}{}{{{{ end }}}}'
    return Names(*("".join(named.format(one.id, name) for one, name in zip(doubted, names, strict=True))
                   for names in ([one.zh for one in doubted], [one.en for one in doubted])))  # fmt: skip


MARKED: AlertKind = Marked("TargetMarked")


def target_alerts(measured: Measured, intervals: Intervals, links: Links) -> list[Alert]:
    """Return all alerts that a target can raise."""
    found = []
    for kind in (*KINDS, DROPPED, MARKED):
        expr = kind.expr(measured, intervals)
        if expr is not None:
            annotations = _annotations(kind, measured, links)
            found.append(Alert(kind.name, expr, _labels(kind, measured), annotations, kind.lasting(intervals)))
    return found


def _labels(kind: AlertKind, measured: Measured) -> dict[str, str]:
    """Return the labels that an alert adds to those of its series (region, indicator and possibly department)."""
    target = measured.target
    return {
        "severity": kind.severity(target),
        "lead": _leads(measured),
        "source": ",".join(target.source),
        "plan": measured.plan.id,
        "target": target.id,
    }


def _leads(measured: Measured) -> str:
    """Return the recipients: the target's lead departments.

    For a target that binds each department, they are the department concerned and the leads, unless all are leads.
    """
    leads = measured.target.lead
    if not measured.each_department:
        return ",".join(leads) or "bureau"
    everybody = set(leads) >= {department.id for department in measured.plan.departments}
    return ",".join(["{{ $labels.department }}", *(() if everybody else leads)])


def _annotations(kind: AlertKind, measured: Measured, links: Links) -> dict[str, str]:
    target, plan, words = measured.target, measured.plan, kind.words(measured)
    whose = department_name(plan.region) if measured.each_department else Names("", "")
    items = "、".join(target.source).translate({ord("("): "（", ord(")"): "）"})
    sources = ", ".join(target.source)
    source = Names(f"第 {items} 项", f", item {sources}") if target.source else Names("", "")
    now = _now(measured)
    return {
        "summary": f"{whose.zh}{' ' if whose.zh else ''}{literal(target.names.zh)}：{words.zh}",
        "summary_en": f"{whose.en}{': ' if whose.en else ''}{literal(target.names.en)}: {words.en}",
        "description": f"{literal(plan.names.zh)}{source.zh}。{now.zh}。",
        "description_en": f"{literal(plan.names.en)}{source.en}. {now.en}.",
        "name": literal(target.names.zh),
        "value": measured.said("value"),
        "required": measured.said("required"),
        "goal": measured.said("goal"),
        "gap": measured.said("gap"),
        "cases_url": _behind(measured, links),
        "board_url": f"{links.grafana}/d/hallpulse-target/?var-region={plan.region}&var-target={target.id}",
    }


def _behind(measured: Measured, links: Links) -> str:
    period = measured.plan.period
    department = "&department={{ $labels.department | urlquery }}" if measured.each_department else ""
    return (
        f"{links.gateway}/v1/cases?region={measured.plan.region}&indicator={measured.target.indicator}"
        f"&part=denominator&from={period.start}&to={period.end}{department}"
    )


def _now(measured: Measured) -> Names:
    """Return the templates that show value, goal and gap, or only the goal while there is no value."""
    value, goal, gap = measured.said_in("value"), measured.goal_words, measured.against_goal
    known = f"{{{{ if query {measured.is_known} }}}}"
    zh = f"现为 {value.zh}，{goal.zh}，{gap.zh}{{{{ else }}}}{goal.zh}，还没有数据"
    en = f"Now {value.en}, {goal.en}: {gap.en}{{{{ else }}}}No data yet, {goal.en}"
    return Names(f"{known}{zh}{{{{ end }}}}", f"{known}{en}{{{{ end }}}}")
