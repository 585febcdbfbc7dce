"""The integrity checks: each finds facts that make a figure look better than the service was.

Source: docs/integrity.md. One fact is one finding: if two checks would find it, the more telling one takes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

from .case import Flag

Of = Literal["cases", "items", "halls", "departments", "figures"]
By = Literal["department", "hall", "item"]
BYS: tuple[By, ...] = ("department", "hall", "item")


def _flagged(flag: Flag, *, without: Flag | None = None) -> str:
    """Return the condition that a case has the flag, but not the flag `without`, whose check takes such a case."""
    found = f"flags != 0 and flags & {int(flag)} != 0"
    return f"{found} and flags & {int(without)} == 0" if without else found


@dataclass(frozen=True, slots=True)
class Check:
    """One check. of: the kind of its findings.

    where, among: conditions over the fields of a case (`expression`): of the cases that it finds, and of all cases that
    it looks at; where is None for a check that judges in another way.
    """

    id: str
    zh: str
    en: str
    of: Of
    where: str | None = None
    among: str = "accepted is not None"


@dataclass(frozen=True, slots=True)
class FindingGroup:
    """The findings of a check for one department, hall or item. of: how many there could be, None if unknown."""

    by: By
    region: int
    id: str
    count: int
    of: int | None = None
    name: str | None = None

    @property
    def share(self) -> Fraction | None:
        """The share of findings in all that there could be; None if that number is unknown."""
        return Fraction(self.count, self.of) if self.of else None


@dataclass(frozen=True, slots=True)
class Findings:
    """The findings of a check: their number, the first ones as rows of named values, and groups of them.

    of: how many there could be, None if unknown.
    """

    check: Check
    count: int
    rows: Sequence[Mapping[str, Any]]
    of: int | None = None
    groups: Sequence[FindingGroup] = ()

    def by(self, by: By) -> Sequence[FindingGroup]:
        """Return the groups of one kind, the largest first."""
        own = (group for group in self.groups if group.by == by)
        return sorted(own, key=lambda group: (-group.count, group.region, group.id))


_SUSPENDED = "suspensions > 0"
_RATED = "rated is not None and not rated_by_default"
_INSTANT = "timed and promised_days == 0"

CHECKS: tuple[Check, ...] = (
    Check("statutory_raised", "提高法定时限换取压缩比", "compression by raising statutory limits", "items"),
    Check(
        "slow_instant", "即办件未当日办结", "instant items that took days", "cases",
        f"{_INSTANT} and elapsed > 0", _INSTANT,
    ),
    Check("promise_far_from_actual", "承诺时限与实际相差悬殊", "promised limits far from the actual p90", "items"),
    Check(
        "suspended_on_eve", "临期前暂停计时", "suspended on the eve of the due day", "cases",
        _flagged(Flag.SUSPENDED_ON_EVE), _SUSPENDED,
    ),
    Check("eve_suspensions", "惯于临期暂停的单位", "units that suspend on the eve of the due day", "departments"),
    Check(
        "backdated_acceptance", "受理早于收件", "accepted before received", "cases",
        _flagged(Flag.ACCEPTED_BEFORE_RECEIVED),
    ),
    Check("outside_opening_days", "非工作日受理或办结", "accepted or decided on a day off", "cases"),
    Check("silent_hall", "大厅无数据", "halls gone silent", "halls"),
    Check("late_events", "事件迟报", "events later than the hall's habit", "halls"),
    Check(
        "rated_at_once", "办结数秒内五星评价", "fives within seconds of the decision", "cases",
        _flagged(Flag.RATED_AT_ONCE), _RATED,
    ),
    Check("ratings_in_a_burst", "同一大厅集中评价", "ratings of one hall all at once", "halls"),
    Check(
        "decided_before_accepted", "办结早于受理", "decided before accepted", "cases",
        _flagged(Flag.DECIDED_BEFORE_ACCEPTED), "decided is not None",
    ),
    Check(
        "accepted_after_decided", "先办后收", "accepted after decided, on one day", "cases",
        _flagged(Flag.ACCEPTED_AFTER_DECIDED, without=Flag.DECIDED_BEFORE_ACCEPTED), "decided is not None",
    ),
    Check("decided_on_due_day", "办结集中在到期日", "decisions bunched on the due day", "items"),
    Check("withdrawn_and_back", "撤件后同周重新收件", "withdrawn and received again the same week", "items"),
    Check("limits_changed_after", "事后更改时限", "limits changed after the fact", "cases"),
    Check(
        "long_suspension", "长期暂停", "suspended for over 60 working days", "cases",
        _flagged(Flag.LONG_SUSPENSION), _SUSPENDED,
    ),
    Check("unknown_item", "事项不在目录", "no version of the item", "cases", _flagged(Flag.UNKNOWN_ITEM)),
    Check(
        "promised_over_statutory", "承诺时限长于法定时限", "promised over statutory", "cases",
        _flagged(Flag.PROMISED_OVER_STATUTORY, without=Flag.LIMIT_LOOKS_LIKE_NONE),
    ),
    Check(
        "repeated_without_correction", "重复上报且内容不一，未注明更正",
        "sent again with other content, not as a correction", "cases",
        _flagged(Flag.REPEATED_WITHOUT_CORRECTION, without=Flag.LIMIT_CHANGED), "True",
    ),
    Check(
        "corrects_nothing", "更正所指的事件不存在", "corrects no event", "cases",
        _flagged(Flag.CORRECTS_NOTHING), "True",
    ),
    Check(
        "limit_looks_like_none", "时限疑为“无”", "a limit that means none", "cases",
        _flagged(Flag.LIMIT_LOOKS_LIKE_NONE),
    ),
    Check("uncounted_numbers", "数字不像统计得来", "numbers that do not look counted", "figures"),
    Check("unknown_figure", "申报数不在方案之内", "declared figures that no plan names", "figures"),
    Check("impossible_figure", "申报数不可能成立", "declared figures that cannot be right", "figures"),
)  # fmt: skip
BY_ID: Mapping[str, Check] = {check.id: check for check in CHECKS}
CHANGED_LIMIT = _flagged(Flag.LIMIT_CHANGED)
"""The condition of cases that keep their promise only because an event of the case replaced a shorter limit."""
_AT_A_MACHINE = "(channel == 'online' or channel == 'mobile' or channel == 'kiosk')"
ACCEPTED_BY_MACHINE = f"{_AT_A_MACHINE} and accepted == received"
DECIDED_BY_MACHINE = f"{_AT_A_MACHINE} and promised_days == 0 and elapsed == 0"
"""Conditions of acceptance on the day of receipt and of immediate decision, by a machine: they need no opening day."""

LATE_MINUTES = 24 * 60
"""An event is late if it arrives more than this number of minutes after it happened."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The least values at which checks report findings; a plan may set others under `integrity`. Days are working days.

    promise_cases, promise_days: an item's cases, and days between their p90 and the promise; promise_factor: how many
    times the p90 a longer promise is; silent_days: days without events; late_events, late_share: late events of a day,
    and by how much their share exceeds the hall's habit; eve_*: a unit's suspensions on the eve, and their share;
    due_day_*: an item's decided cases, and the share decided on the due day; back_*: an item's cases that came back
    within `back_days` (calendar days), and their share of those received; burst_ratings: ratings within a minute;
    round_*: a reporter's numbers, and the share that ends in 0 or 5; repeats: how often in a row a number is declared.
    """

    promise_cases: int = 10
    promise_days: int = 5
    promise_factor: int = 2
    silent_days: int = 3
    late_events: int = 10
    late_share: Fraction = Fraction(1, 5)
    eve_cases: int = 5
    eve_share: Fraction = Fraction(1, 2)
    due_day_cases: int = 10
    due_day_share: Fraction = Fraction(3, 5)
    back_cases: int = 3
    back_share: Fraction = Fraction(1, 10)
    back_days: int = 7
    burst_ratings: int = 10
    round_numbers: int = 12
    round_share: Fraction = Fraction(4, 5)
    repeats: int = 4


USUAL = Thresholds()


@dataclass(frozen=True, slots=True)
class ThresholdsOf:
    """The thresholds of each region: those of its plan, else the usual ones."""

    by_region: Mapping[int, Thresholds] = field(default_factory=dict)

    def __call__(self, region: int) -> Thresholds:
        return self.by_region.get(region, USUAL)
