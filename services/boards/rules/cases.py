"""Alerts about a department's open cases, if it has enough cases for a late one to be more than an accident."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hallpulse.domain.plan import Names, Plan
from services.boards.intervals import Intervals, Links, duration
from services.boards.promql import PERCENT, department_name, literal, number, select
from services.boards.rules.measured import in_force
from services.boards.rules.rule import Alert

HERE = "on (region, department)"
DEPARTMENT = "{{ $labels.department }}"
COUNT = '{{ $value | printf "%.0f" }}'


def case_alerts(plan: Plan, intervals: Intervals, links: Links) -> list[Alert]:
    alerts = _Cases(plan, intervals, links)
    return [alerts.overdue(), alerts.piling_up(), alerts.unaccepted(), alerts.due_soon()]


@dataclass(frozen=True, slots=True)
class _Cases:
    plan: Plan
    intervals: Intervals
    links: Links

    def overdue(self) -> Alert:
        expr = f"{self._open('overdue')} > 0 and {HERE} {self._enough('due_kept_rate')} {self._in_force}"
        return self._alert(
            "CasesOverdue", expr, "overdue", Names(f"有 {COUNT} 件办件超期未办结", f"{COUNT} cases are overdue")
        )

    def piling_up(self) -> Alert:
        every = f"sum by (region, department) ({select('hallpulse_cases_open', region=self.plan.region)})"
        late = f"sum by (region, department) ({self._open('overdue')})"
        least = self.plan.least_denominator("due_kept_rate")
        expr = f"{late} / {every} > {number(self.intervals.piled_up)} and {every} >= {least} {self._in_force}"
        words = Names(
            f"在办件中已有 {PERCENT} 超期",
            f"{PERCENT} of the open cases are overdue",
        )
        return self._alert("CasesPilingUp", expr, "overdue", words, severity="critical")

    def unaccepted(self) -> Alert:
        late, enough = self._open("unaccepted_late"), self._enough("acceptance_rate")
        expr = f"{late} > 0 and {HERE} {enough} {self._in_force}"
        words = Names(
            f"有 {COUNT} 件收件超过 5 个工作日未作受理决定",
            f"{COUNT} receipts wait for a decision on acceptance for over 5 working days",
        )
        return self._alert("CasesUnaccepted", expr, "unaccepted_late", words)

    def due_soon(self) -> Alert:
        """Return the alert for a department that has cases due soon and has decided none for hours of a working day."""
        span = duration(self.intervals.unattended)
        decided = select("hallpulse_case_elapsed_days_count", region=self.plan.region)
        still = f"({decided} - min_over_time({decided}[{span}]) > 0)"
        soon = f"{self._open('due_soon')} > 0 and {HERE} {self._enough('due_kept_rate')}"
        expr = f"{soon} unless {HERE} {still} and on (region) hallpulse_working_day == 1 {self._in_force}"
        minutes = round(self.intervals.unattended.total_seconds() / 60)
        hours = minutes // 60 if minutes % 60 == 0 else None
        lasted = Names(
            f"{hours} 小时" if hours else f"{minutes} 分钟", f"{hours} hours" if hours else f"{minutes} minutes"
        )
        words = Names(
            f"有 {COUNT} 件临期办件，近 {lasted.zh}没有办结任何一件",
            f"{COUNT} cases are due soon, and none was decided for {lasted.en}",
        )
        alert = self._alert("CasesDueSoonUnattended", expr, "due_soon", words)
        return replace(alert, lasting=self.intervals.unattended)

    @property
    def _in_force(self) -> str:
        return f"and on (region) {in_force(self.plan)}"

    def _open(self, state: str) -> str:
        return select("hallpulse_cases_open", region=self.plan.region, state=state)

    def _enough(self, indicator: str) -> str:
        """Return the condition that the indicator's denominator reaches the plan's least denominator."""
        counted = select("hallpulse_department_indicator_denominator", region=self.plan.region, indicator=indicator)
        return f"{counted} >= {self.plan.least_denominator(indicator)}"

    def _alert(self, name: str, expr: str, state: str, words: Names, *, severity: str = "warning") -> Alert:
        labels = {"severity": severity, "lead": DEPARTMENT, "plan": self.plan.id}
        query = f"region={self.plan.region}&state={state}&department={{{{ $labels.department | urlquery }}}}"
        whose, plan = department_name(self.plan.region), self.plan.names
        annotations = {
            "summary": f"{whose.zh}：{words.zh}",
            "summary_en": f"{whose.en}: {words.en}",
            "description": f"{literal(plan.zh)}。{whose.zh}{words.zh}。",
            "description_en": f"{literal(plan.en)}. {whose.en}: {words.en}.",
            "value": '{{ $value | printf "%.2f" }}',
            "cases_url": f"{self.links.gateway}/v1/cases?{query}",
            "board_url": f"{self.links.grafana}/d/hallpulse-halls/?var-region={self.plan.region}",
        }
        return Alert(name, expr, labels, annotations, self.intervals.verdict)
