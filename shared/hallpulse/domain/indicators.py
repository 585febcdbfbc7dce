"""The official indicators: what each one divides by what.

Source: docs/indicators.md, the table of indicators. A part of a case indicator names a column of the daily cells
(and of the tallies, where they add to it), a part of a catalogue indicator a column of the catalogue.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from .catalogue import ItemVersion
from .figures import Figure


class ItemMeasure(enum.IntEnum):
    """Columns of the catalogue's sums, by position."""

    ITEMS = 0
    INSTANT = 1
    SETTLED = 2
    FULL_PROCESS = 3
    UNIFIED = 4
    TOLERANCE = 5
    COMMITMENT = 6
    SHORTENED_DAYS = 7
    STATUTORY_DAYS = 8


ITEM_COLUMNS: tuple[str, ...] = tuple(measure.name.lower() for measure in ItemMeasure)

TALLY_COLUMNS: Mapping[str, str] = {
    "accepted": "accepted",
    "rejected": "rejected",
    "unified_accepted": "unified_accepted",
    "full_process_accepted": "full_process_accepted",
    "timed": "decided",
    "instant_timed": "instant_decided",
}
"""Cell column → the tally count that is added to it, in the indicators that take tallies."""


def item_amounts(version: ItemVersion) -> list[int]:
    """What an effective item adds to the catalogue's sums; without a promise nothing is shortened."""
    statutory = version.statutory_days or 0
    promised = version.promised_days
    if promised is None:
        promised = 0 if version.instant else statutory
    return [
        1,
        int(version.instant),
        int(version.settled),
        int(version.full_process),
        int(version.unified),
        int(version.tolerates_missing),
        int(version.commitment),
        statutory - promised if statutory > 0 else 0,
        statutory,
    ]


@dataclass(frozen=True, slots=True)
class Indicator:
    """An indicator that the suite computes.

    numerator, denominator: sums of columns (of the cells, or of the catalogue); an empty denominator means a count
    (denominator 1). unit: `share` (0 to 1), `days` or `count`. tallies: whether a hall's daily counts are added.
    """

    id: str
    zh: str
    en: str
    kind: Literal["catalogue", "case"]
    numerator: tuple[str, ...]
    denominator: tuple[str, ...]
    unit: Literal["share", "days", "count"] = "share"
    tallies: bool = False

    def figure(self, sums: Mapping[str, int]) -> Figure:
        """The figure from column sums; a missing column counts 0."""
        top = sum([sums.get(column, 0) for column in self.numerator])
        return Figure(top, sum([sums.get(column, 0) for column in self.denominator]) if self.denominator else 1)


def _catalogue(id_: str, zh: str, en: str, numerator: str, denominator: str = "items") -> Indicator:
    return Indicator(id_, zh, en, "catalogue", (numerator,), (denominator,))


def _count(id_: str, zh: str, en: str, numerator: str) -> Indicator:
    return Indicator(id_, zh, en, "catalogue", (numerator,), (), unit="count")


def _case(id_: str, zh: str, en: str, numerator: str, denominator: str, *, tallies: bool = False) -> Indicator:
    return Indicator(id_, zh, en, "case", (numerator,), tuple(denominator.split("+")), tallies=tallies)


_ALL = (
    _catalogue("instant_item_share", "即办件占比", "share of instant items", "instant"),
    _catalogue(
        "promised_limit_compression", "承诺办结时限压缩比", "compression of promised limits",
        "shortened_days", "statutory_days",
    ),
    _catalogue("settled_item_share", "进驻事项占比", "share of items settled in the hall", "settled"),
    _catalogue(
        "full_process_item_share", "纳入新版全流程审批系统受理的事项占比", "share of items in the full-process system",
        "full_process",
    ),
    _catalogue("unified_item_share", "无差别综合受理事项占比", "share of items accepted at any window", "unified"),
    _count("tolerance_items", "容缺受理事项数", "items that tolerate missing papers", "tolerance"),
    _count("commitment_items", "告知承诺制事项数", "items by commitment", "commitment"),
    _case(
        "instant_case_share", "即办件办结占比", "share of cases decided at once", "instant_timed", "timed", tallies=True
    ),
    _case(
        "unified_acceptance_rate", "综合窗口受理率", "unified acceptance", "unified_accepted", "accepted", tallies=True
    ),
    _case(
        "full_process_acceptance_rate", "全流程审批系统受理率", "acceptance in the full-process system",
        "full_process_accepted", "accepted", tallies=True,
    ),
    _case("acceptance_rate", "受理率", "acceptance", "accepted", "accepted+rejected", tallies=True),
    _case("actual_compression", "实际提速", "actual compression", "saved_days", "saved_of_days"),
    _case(
        "promise_kept_rate", "承诺时限内办结率", "decided within the promised limit", "promise_kept", "promised_timed"
    ),
    _case("due_kept_rate", "到期办结率", "due cases decided in time", "due_kept", "due"),
    _case(
        "statutory_kept_rate", "法定时限内办结率", "decided within the statutory limit",
        "statutory_kept", "statutory_timed",
    ),
    Indicator(
        "mean_elapsed_days", "平均办结时间", "mean elapsed working days", "case", ("elapsed_days",), ("timed",), "days"
    ),
    _case("rating_coverage", "评议率", "rating coverage", "decided_rated", "decided"),
    _case("satisfaction", "满意率", "satisfaction", "satisfied", "rated"),
)  # fmt: skip

COMPUTED: Mapping[str, Indicator] = {indicator.id: indicator for indicator in _ALL}
"""Every indicator that the suite computes, by id; any other id is a declared figure."""
