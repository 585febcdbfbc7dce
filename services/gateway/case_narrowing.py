"""Narrow lists of cases by a text or a card, and tell how late their cases are on a day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import Literal, NamedTuple

from hallpulse.domain.figures import Scope
from hallpulse.domain.ladder import USUAL_SUPERVISION, Card, Supervision, days_late
from hallpulse.domain.plan import Plan, plan_for
from hallpulse.domain.workdays import Workdays, date_of, day_of
from hallpulse.store import CaseRow, CaseSearch, LateRule, Moment
from services.gateway.request import Resources


class Narrowing(NamedTuple):
    """The text and the card by which a list of cases is narrowed; None for one that is not asked for."""

    text: str | None = None
    card: Literal["yellow", "red"] | None = None


def sought_of(
    resources: Resources, moment: Moment, scope: Scope, narrowing: Narrowing, cards: CardsOfCases
) -> CaseSearch | None:
    """Return the conditions for the store, None if the list is not narrowed.

    They are the text, which is sought in numbers, codes and names, and each county's rule of the card.
    """
    text, card = narrowing
    if text is None and card is None:
        return None
    low, high = scope.bounds
    counties = [region for region in moment.regions() if low <= region <= high]
    rules = None if card is None else _joined(filter(None, (cards.rule(one, Card(card)) for one in counties)))
    if text is None:
        return CaseSearch(cards=rules)
    sought = text.casefold()
    departments = {
        one.id
        for plan in resources.plans
        if low <= plan.region <= high
        for one in plan.departments
        if any(sought in name.casefold() for name in (one.id, one.names.zh, one.names.en))
    }
    halls = tuple(
        key
        for key, facts in sorted(moment.hall_facts().items())
        if low <= key[0] <= high
        and any(name and sought in name.casefold() for name in (key[1], facts.name_zh, facts.name_en))
    )
    return CaseSearch(text, tuple(sorted(departments)), halls, rules)


def _joined(rules: Iterable[LateRule]) -> tuple[LateRule, ...]:
    """Return the rules with the counties that share one put together."""
    regions: dict[LateRule, list[int]] = {}
    for rule in rules:
        regions.setdefault(replace(rule, regions=()), []).extend(rule.regions)
    return tuple(replace(rule, regions=tuple(of)) for rule, of in regions.items())


class CardsOfCases:
    """Tells how late cases are on a day, and their cards, by the calendar and the plan of each county."""

    def __init__(self, plans: Sequence[Plan], moment: Moment, on: date) -> None:
        self._plans, self._moment, self._on = plans, moment, on
        self._rules: dict[int, tuple[Workdays, Supervision]] = {}

    def late_days(self, row: CaseRow) -> int | None:
        """Return the working days by which a case is late; None if it is not late."""
        due = day_of(row.due) if row.open and not row.suspended and row.due is not None else None
        allowed = None if row.promised_days is None else row.promised_days + row.extended
        elapsed = row.elapsed if row.decided is not None else None
        return days_late(self._of(row.region)[0], day_of(self._on), due=due, elapsed=elapsed, allowed=allowed)

    def card(self, row: CaseRow) -> Card | None:
        return self._of(row.region)[1].card(self.late_days(row))

    def rule(self, region: int, card: Card) -> LateRule | None:
        """Return the rule by which a county's cases have the card, for the store; None if no case can have it."""
        workdays, rules = self._of(region)
        days = max(1, rules.yellow if card is Card.YELLOW else max(rules.red, rules.yellow))
        below = rules.red if card is Card.YELLOW else None
        if below is not None and below <= days:
            return None
        today = day_of(self._on)
        last = workdays.last_before(today, days)
        beyond = None if below is None else workdays.last_before(today, below)
        first = date.min if beyond is None else date_of(beyond + 1)
        return LateRule((region,), days, below, first, None if last is None else date_of(last))

    def _of(self, region: int) -> tuple[Workdays, Supervision]:
        if region not in self._rules:
            plan = plan_for(self._plans, region, self._on)
            rules = plan.supervision if plan is not None else USUAL_SUPERVISION
            self._rules[region] = self._moment.workdays(region), rules
        return self._rules[region]
