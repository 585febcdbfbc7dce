"""Read a plan's `reporting`: which departments report which indicators, from which month on, and by which day."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date

from hallpulse.contract.reasons import Sentence
from hallpulse.domain.figures import Window
from hallpulse.domain.plan import DeclaredIndicator
from hallpulse.domain.reporting import Ask, LaterDay, Reporting
from hallpulse.plans.plan_problems import did_you_mean
from hallpulse.plans.yaml_node import YamlNode

_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
_LAST_OF_ANY_MONTH = 28
_A_DEPARTMENT = Sentence("部门的 id，或 all", "a department's id, or all")
_AN_INDICATOR = Sentence("申报指标的 id", "a declared indicator's id")
_A_MONTH = Sentence("月份，写作 2026-05", "a month YYYY-MM")


def read_reporting(
    node: YamlNode, period: Window, departments: Mapping[str, str], indicators: Sequence[DeclaredIndicator]
) -> Reporting:
    """Read which departments report which indicators.

    period, indicators: the plan's; departments: the plan's, as Chinese name → id.
    """
    return _ReportingForm(period, departments, {one.id: one for one in indicators}).read(node)


class _ReportingForm:
    def __init__(
        self, period: Window, departments: Mapping[str, str], indicators: Mapping[str, DeclaredIndicator]
    ) -> None:
        self._period = period
        self._departments = tuple(departments.values())
        self._department_names = departments
        self._indicators = indicators

    def read(self, node: YamlNode) -> Reporting:
        section = node.section("by", "exceptions", "asks")
        exceptions = section.get("exceptions")
        return Reporting(
            asks=tuple(self._ask(one) for one in section.need("asks").items()),
            by=self._day_of_month(section.need("by")),
            exceptions=tuple(map(self._exception, exceptions.items())) if exceptions is not None else (),
        )

    def _day_of_month(self, node: YamlNode) -> int:
        day = node.whole(1)
        if day > _LAST_OF_ANY_MONTH:
            node.note(
                f"应为每个月都有的日子，1 至 {_LAST_OF_ANY_MONTH}，现在是 {day}",
                f"expected a day that every month has, 1 to {_LAST_OF_ANY_MONTH}, got {day}",
            )
        return min(max(day, 1), _LAST_OF_ANY_MONTH)

    def _ask(self, node: YamlNode) -> Ask:
        section = node.section("departments", "indicators", "from")
        since = section.get("from")
        return Ask(
            self._named_departments(section.need("departments")),
            tuple(self._indicator(one) for one in section.need("indicators").one_or_more()),
            self._month(since) if since is not None else self._period.start.replace(day=1),
        )

    def _named_departments(self, node: YamlNode) -> tuple[str, ...]:
        places = node.one_or_more()
        ids = [place.text(_A_DEPARTMENT) for place in places]
        if ids == ["all"]:
            return tuple(self._departments)
        for place, id_ in zip(places, ids, strict=True):
            if id_ and id_ not in self._departments:
                hint = did_you_mean(id_, self._departments, self._department_names)
                place.note(
                    f"departments 中没有“{id_}”（应写部门的 id）：{hint.zh}",
                    f"{id_!r} is not listed under departments: {hint.en}",
                )
        return tuple(ids)

    def _indicator(self, node: YamlNode) -> str:
        id_ = node.text(_AN_INDICATOR)
        known = self._indicators.get(id_)
        if id_ and known is None:
            hint = did_you_mean(id_, self._indicators, {one.names.zh: one.id for one in self._indicators.values()})
            node.note(f"indicators 中没有“{id_}”：{hint.zh}", f"{id_!r} is not listed under indicators: {hint.en}")
        elif known is not None and "month" not in known.periods:
            node.note(
                f"{id_} 不按月申报：每月报送只能要求 periods 含 month 的指标",
                f"{id_!r} is declared by the {' or '.join(known.periods)}: expected one with periods: month",
            )
        return id_

    def _exception(self, node: YamlNode) -> LaterDay:
        section = node.section("months", "by")
        months = section.need("months").section("from", "to")
        first, last = self._month(months.need("from")), self._month(months.need("to"))
        by = section.need("by")
        day = by.day(last)
        if last < first:
            months.need("to").note(f"{last:%Y-%m} 早于 {first:%Y-%m}", f"{last:%Y-%m} lies before {first:%Y-%m}")
        elif day <= last:
            by.note(
                f"应为 {last:%Y-%m} 开始以后的日子，现在是 {day}",
                f"expected a day after {last:%Y-%m} has begun, got {day}",
            )
        return LaterDay(first, last, day)

    def _month(self, node: YamlNode) -> date:
        text = node.text(_A_MONTH, _MONTH)
        first = self._period.start.replace(day=1)
        if not text:
            return first
        month = date.fromisoformat(f"{text}-01")
        if not first <= month <= self._period.end:
            start, end = self._period.start, self._period.end
            node.note(
                f"{text} 不在方案期间 {start} 至 {end} 内", f"{text} lies outside the period from {start} to {end}"
            )
        return month
