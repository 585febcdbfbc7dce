"""The meaning of a plan's `reporting`: which departments report what from which month on, by which day."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date

from hallpulse.domain.figures import Window
from hallpulse.domain.plan import DeclaredIndicator
from hallpulse.domain.reporting import Ask, LaterDay, Reporting
from hallpulse.plans.plan_problems import did_you_mean
from hallpulse.plans.yaml_node import YamlNode

_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
_LAST_OF_ANY_MONTH = 28


class ReportingForm:
    """Reads it; period, departments, indicators: the plan's, which it may refer to."""

    def __init__(self, period: Window, departments: Sequence[str], indicators: Mapping[str, DeclaredIndicator]) -> None:
        self._period = period
        self._departments = departments
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
            node.note(f"expected a day that every month has, 1 to {_LAST_OF_ANY_MONTH}, got {day}")
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
        ids = [place.text("a department's id, or all") for place in places]
        if ids == ["all"]:
            return tuple(self._departments)
        for place, id_ in zip(places, ids, strict=True):
            if id_ and id_ not in self._departments:
                place.note(f"{id_!r} is not listed under departments: {did_you_mean(id_, self._departments)}")
        return tuple(ids)

    def _indicator(self, node: YamlNode) -> str:
        id_ = node.text("a declared indicator's id")
        known = self._indicators.get(id_)
        if id_ and known is None:
            node.note(f"{id_!r} is not listed under indicators: {did_you_mean(id_, self._indicators)}")
        elif known is not None and "month" not in known.periods:
            node.note(f"{id_!r} is declared by the {' or '.join(known.periods)}: expected one with periods: month")
        return id_

    def _exception(self, node: YamlNode) -> LaterDay:
        section = node.section("months", "by")
        months = section.need("months").section("from", "to")
        first, last = self._month(months.need("from")), self._month(months.need("to"))
        by = section.need("by")
        day = by.day(last)
        if last < first:
            months.need("to").note(f"{last:%Y-%m} lies before {first:%Y-%m}")
        elif day <= last:
            by.note(f"expected a day after {last:%Y-%m} has begun, got {day}")
        return LaterDay(first, last, day)

    def _month(self, node: YamlNode) -> date:
        text = node.text("a month YYYY-MM", _MONTH)
        first = self._period.start.replace(day=1)
        if not text:
            return first
        month = date.fromisoformat(f"{text}-01")
        if not first <= month <= self._period.end:
            node.note(f"{text} lies outside the period from {self._period.start} to {self._period.end}")
        return month
