"""The official indicators, and the marks of their figures.

Each entry names measures (`measures`) of the daily cells or of the catalogue. All else follows from them: the lists
behind a figure, the tallies in it, its row in docs/indicators.md. A mark names findings that a figure gains from, and
holds the figure without them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from .compression import COMPRESSION, ItemLimits, parts_of
from .figures import Figure, Known
from .integrity import BY_ID, CHANGED_LIMIT
from .measures import ITEM_MEASURES, MEASURES, ItemMeasure, Measure
from .rules import Unit

PartName = Literal["numerator", "denominator"]


@dataclass(frozen=True, slots=True)
class Indicator:
    """An indicator that the suite computes.

    kind: whether its measures are of cases or of the catalogue; numerator, denominator: measures that are added up; an
    empty denominator means a count (denominator 1). unit: `share` (0 to 1), `days` or `count`. tallies: whether the
    halls' tallies are added, as they are if each of the measures is in a tally. known: the measure that counts the
    items whose flag or limit is known.
    """

    id: str
    zh: str
    en: str
    kind: Literal["catalogue", "case"]
    numerator: tuple[str, ...]
    denominator: tuple[str, ...]
    unit: Unit
    tallies: bool
    known: str | None = None

    def figure(self, sums: Mapping[str, int]) -> Figure:
        """Return the figure made of sums by measure; a missing measure counts 0."""
        top = sum([sums.get(column, 0) for column in self.numerator])
        known = Known(sums.get(self.known, 0), sums.get("items", 0)) if self.known is not None else None
        if not self.denominator:
            unknown = known is not None and known.items > 0 and known.count == 0
            return Figure(top, 0 if unknown else 1, count=True, known=known)
        return Figure(top, sum([sums.get(column, 0) for column in self.denominator]), known=known)

    def part(self, part: PartName) -> tuple[str, ...]:
        """Return the measures of the numerator or the denominator; a count has none in its denominator."""
        return self.numerator if part == "numerator" else self.denominator


def indicator(  # noqa: PLR0917 - a row of the table
    id_: str, zh: str, en: str, parts: str, unit: Unit = "share", known: str | None = None
) -> Indicator:
    """Return an entry of the table. parts: "a / b + c", measures by name; without a denominator it is a count."""
    numerator, _, denominator = parts.partition(" / ")
    top, bottom = tuple(numerator.split(" + ")), tuple(denominator.split(" + ")) if denominator else ()
    kind: Literal["catalogue", "case"] = "case" if top[0] in MEASURES else "catalogue"
    tallies = kind == "case" and all(MEASURES[name].tally is not None for name in (*top, *bottom))
    return Indicator(id_, zh, en, kind, top, bottom, unit, tallies, known)


_ALL = (
    indicator("instant_item_share", "即办件占比", "share of instant items", "instant / items"),
    indicator(
        "promised_limit_compression", "承诺办结时限压缩比", "compression of promised limits",
        "shortened_days / statutory_days", known="limit_known",
    ),
    indicator(
        "settled_item_share", "进驻事项占比", "share of items settled in the hall", "settled / settled_known",
        known="settled_known",
    ),
    indicator(
        "full_process_item_share", "纳入新版全流程审批系统受理的事项占比", "share of items in the full-process system",
        "full_process / full_process_known", known="full_process_known",
    ),
    indicator(
        "unified_item_share", "无差别综合受理事项占比", "share of items accepted at any window",
        "unified / unified_known", known="unified_known",
    ),
    indicator(
        "tolerance_items", "容缺受理事项数", "items that tolerate missing papers", "tolerance", "count",
        "tolerance_known",
    ),
    indicator("commitment_items", "告知承诺制事项数", "items by commitment", "commitment", "count", "commitment_known"),
    indicator("instant_case_share", "即办件办结占比", "share of cases decided at once", "instant_timed / timed"),
    indicator("unified_acceptance_rate", "综合窗口受理率", "unified acceptance", "unified_accepted / accepted"),
    indicator(
        "full_process_acceptance_rate", "全流程审批系统受理率", "acceptance in the full-process system",
        "full_process_accepted / accepted",
    ),
    indicator("acceptance_rate", "受理率", "acceptance", "accepted / accepted + rejected"),
    indicator("actual_compression", "实际提速", "actual compression", "saved_days / saved_of_days"),
    indicator(
        "promise_kept_rate", "承诺时限内办结率", "decided within the promised limit", "promise_kept / promised_timed"
    ),
    indicator("due_kept_rate", "到期办结率", "due cases decided in time", "due_kept / due"),
    indicator(
        "statutory_kept_rate", "法定时限内办结率", "decided within the statutory limit",
        "statutory_kept / statutory_timed",
    ),
    indicator("mean_elapsed_days", "平均办结时间", "mean elapsed working days", "elapsed_days / timed", "days"),
    indicator("rating_coverage", "评议率", "rating coverage", "decided_rated / decided"),
    indicator("satisfaction", "满意率", "satisfaction", "satisfied / rated"),
    indicator("bad_rating_rectified", "差评整改率", "bad ratings rectified", "bad_rectified / bad_verified"),
)  # fmt: skip

COMPUTED: Mapping[str, Indicator] = {indicator.id: indicator for indicator in _ALL}
"""Every indicator that the suite computes, by id; any other id is a declared figure."""


def table_rows() -> list[str]:
    """Return the rows of the table of indicators in docs/indicators.md."""
    return [
        f"| {one.id} {one.zh} | {_words(one.numerator)} | {_words(one.denominator) or '1 (a count)'} | {_days(one)} |"
        for one in COMPUTED.values()
    ]


def _words(names: tuple[str, ...]) -> str:
    return " + ".join(_measure(name).words for name in names)


def _days(indicator: Indicator) -> str:
    if indicator.kind == "catalogue":
        return "day `to`"
    days = dict.fromkeys(MEASURES[name].counted_on for name in (*indicator.numerator, *indicator.denominator))
    return " or ".join(days)


def _measure(name: str) -> Measure | ItemMeasure:
    return MEASURES.get(name) or ITEM_MEASURES[name]


RAISED, NONE_LIKE = "statutory_raised", "limit_looks_like_none"
DOUBTED = (NONE_LIKE, RAISED)
"""Checks whose findings make the ratio look better."""


class Doubt(NamedTuple):
    """An effective item that makes the ratio look better than the service became.

    check: id of the integrity check; was: the statutory days to compare with, None to compare with the catalogue
    without the item; now: those in force; shortened, statutory: working days that the doubt adds to the two parts of
    the ratio.
    """

    check: str
    item: ItemRef
    department: str
    was: int | None
    now: int
    shortened: int
    statutory: int


class ItemRef(NamedTuple):
    """An item of a county, and its name."""

    region: int
    item_code: str
    name: str


def doubt(check: str, item: ItemRef, limits: ItemLimits, was: int | None) -> Doubt:
    """Return a doubt about an item's limits.

    limits: in force; was: the statutory limit to compare with, None to compare with the catalogue without the item.
    """
    held, instead = limits.parts, parts_of(was or 0, limits)
    now = limits.statutory_days or 0
    return Doubt(check, item, limits.department, was, now, held[0] - instead[0], held[1] - instead[1])


@dataclass(frozen=True, slots=True)
class Mark:
    """The findings of one check that a figure gains from: the check's id, their number, the figure without them."""

    check: str
    findings: int
    without: Figure


def marks_of(figure: Figure, doubts: Iterable[Doubt], department: str | None = None) -> tuple[Mark, ...]:
    """Return one mark for each check that the figure gains from, in the order of the checks' ids.

    doubts: of the figure's region; department: if given, only its doubts are taken.
    """
    own = [one for one in doubts if department in (None, one.department)]
    found = (
        _mark(figure, check, [one for one in own if one.check == check]) for check in sorted({d.check for d in own})
    )
    return tuple(mark for mark in found if gains(figure, mark.without))


def without(figure: Figure, marks: Iterable[Mark]) -> Figure:
    """Return the figure without all marked findings."""
    parts = (
        (mark.without.numerator - figure.numerator, mark.without.denominator - figure.denominator) for mark in marks
    )
    return sum((Figure(*part) for part in parts), figure)


def _mark(figure: Figure, check: str, doubts: Sequence[Doubt]) -> Mark:
    shortened, statutory = sum(one.shortened for one in doubts), sum(one.statutory for one in doubts)
    return Mark(check, len(doubts), figure + Figure(-shortened, -statutory))


def gains(figure: Figure, without: Figure) -> bool:
    """Return whether a figure is better than the figure without some findings, or has a value only because of them."""
    return figure.value is not None and (without.value is None or figure.value > without.value)


class CaseDoubt(NamedTuple):
    """Cases of a department that a check found, and what they add to an indicator."""

    check: str
    indicator: str
    department: str
    cases: int
    numerator: int
    denominator: int


AnyDoubt = Doubt | CaseDoubt

QUESTIONING: Mapping[str, str] = {
    "rated_at_once": BY_ID["rated_at_once"].where or "",
    "suspended_on_eve": BY_ID["suspended_on_eve"].where or "",
    "limits_changed_after": CHANGED_LIMIT,
    "limit_looks_like_none": BY_ID["limit_looks_like_none"].where or "",
}
"""Check → the condition of its cases, for the checks whose findings make a figure of cases look better."""
TOUCHED: Mapping[str, tuple[str, ...]] = {
    "satisfaction": ("rated_at_once",),
    "rating_coverage": ("rated_at_once",),
    "promise_kept_rate": ("suspended_on_eve", "limits_changed_after"),
    "due_kept_rate": ("suspended_on_eve", "limits_changed_after"),
    "statutory_kept_rate": ("suspended_on_eve", "limit_looks_like_none"),
    "actual_compression": ("suspended_on_eve", "limit_looks_like_none"),
}
"""Indicator → the checks that question it."""


def marks_on(
    indicator: str, figure: Figure, doubts: Sequence[AnyDoubt], department: str | None = None
) -> tuple[Mark, ...]:
    """Return one mark for each check that the figure gains from, in the order of the checks' ids.

    doubts: of the figure's region and window; department: if given, only its doubts are taken.
    """
    if indicator == COMPRESSION:
        return marks_of(figure, [one for one in doubts if isinstance(one, Doubt)], department)
    own = [
        one
        for one in doubts
        if isinstance(one, CaseDoubt) and one.indicator == indicator and department in (None, one.department)
    ]
    found = (
        _case_mark(figure, check, [one for one in own if one.check == check])
        for check in sorted({d.check for d in own})
    )
    return tuple(mark for mark in found if gains(figure, mark.without))


def _case_mark(figure: Figure, check: str, doubts: Sequence[CaseDoubt]) -> Mark:
    above, below = sum(one.numerator for one in doubts), sum(one.denominator for one in doubts)
    return Mark(check, sum(one.cases for one in doubts), figure + Figure(-above, -below))
