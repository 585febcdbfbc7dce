"""The scorecard of a source: how good what a hall sends is, aspect by aspect, with a grade and what to mend.

Pure: the store counts, this judges. Source: docs/integrity.md, "The source scorecard".
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from .figures import Figure


class Grade(enum.StrEnum):
    """From best to worst; NONE where there is nothing to judge."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"
    NONE = "-"


_STEPS = ((Grade.A, Fraction(99, 100)), (Grade.B, Fraction(95, 100)), (Grade.C, Fraction(85, 100)))
_MILD = ((Grade.A, Fraction(95, 100)), (Grade.B, Fraction(0)))
"""Of aspects that change no figure: sending twice and out of order is allowed, and worth a look."""
OLD_DAYS = (1, 7)
"""A refused event that is kept for longer makes a B, or a C."""


class AspectKind(NamedTuple):
    """One aspect. mild: it changes no figure, and is never worse than B; mend: what to do about it."""

    id: str
    zh: str
    en: str
    mend_zh: str
    mend_en: str
    mild: bool = False


ASPECTS: tuple[AspectKind, ...] = (
    AspectKind("timeliness", "及时", "timely", "事件发生后一天内上报", "send each event within a day"),
    AspectKind(
        "completeness", "完整", "complete", "补报没有任何事件的工作日", "send the working days without any event"
    ),
    AspectKind("codes", "编码有效", "valid codes", "按目录改正事项编码", "use the item codes of the catalogue"),
    AspectKind("sequence", "环节合理", "possible sequences", "更正先后矛盾的环节", "correct steps that contradict"),
    AspectKind(
        "duplicates", "不重复", "sent once", "收到确认后不再重发", "do not send again what was confirmed", mild=True
    ),
    AspectKind("order", "按序", "in order", "按发生先后上报", "send in order of time", mild=True),
    AspectKind("accepted", "未被拒收", "not refused", "改正被拒收的事件并重发", "mend what was refused, send again"),
)


@dataclass(frozen=True, slots=True)
class SourceCounts:
    """Counts of a hall over a window.

    events, late: that happened in it, and those of them that arrived over a day later; working_days, days_sent: from
    the hall's first day on; cases, unknown_codes, contradictory: received in it; arrived, duplicates, disordered: by
    the day of arrival; refused: in it; refused_open, oldest_refusal: those that are kept still, and for how many days
    the oldest has been.
    """

    region: int
    hall: str
    events: int = 0
    late: int = 0
    working_days: int = 0
    days_sent: int = 0
    cases: int = 0
    unknown_codes: int = 0
    contradictory: int = 0
    arrived: int = 0
    duplicates: int = 0
    disordered: int = 0
    refused: int = 0
    refused_open: int = 0
    oldest_refusal: int | None = None


@dataclass(frozen=True, slots=True)
class Aspect:
    """One aspect of a hall: the good ones of all, and the grade."""

    kind: AspectKind
    figure: Figure
    grade: Grade


@dataclass(frozen=True, slots=True)
class Scorecard:
    """A hall's grade is that of its worst aspect."""

    counts: SourceCounts
    aspects: tuple[Aspect, ...]
    grade: Grade

    @property
    def to_mend(self) -> Sequence[Aspect]:
        """The aspects below A, the worst first."""
        below = [one for one in self.aspects if one.grade not in (Grade.A, Grade.NONE)]
        return sorted(below, key=lambda one: -_ORDER.index(one.grade))


_ORDER = (Grade.NONE, Grade.A, Grade.B, Grade.C, Grade.D)


def scorecard(counts: SourceCounts) -> Scorecard:
    """Judge a hall's counts."""
    c = counts
    figures = {
        "timeliness": Figure(c.events - c.late, c.events),
        "completeness": Figure(min(c.days_sent, c.working_days), c.working_days),
        "codes": Figure(c.cases - c.unknown_codes, c.cases),
        "sequence": Figure(c.cases - c.contradictory, c.cases),
        "duplicates": Figure(c.arrived, c.arrived + c.duplicates),
        "order": Figure(c.arrived - c.disordered, c.arrived),
        "accepted": Figure(c.arrived, c.arrived + c.refused),
    }
    aspects = tuple(Aspect(kind, figures[kind.id], _grade(kind, figures[kind.id], counts)) for kind in ASPECTS)
    return Scorecard(counts, aspects, max((one.grade for one in aspects), key=_ORDER.index))


def _grade(kind: AspectKind, figure: Figure, counts: SourceCounts) -> Grade:
    value = figure.value
    if value is None:
        return Grade.NONE
    grade = next((grade for grade, least in (_MILD if kind.mild else _STEPS) if value >= least), Grade.D)
    return max(grade, _of_age(counts.oldest_refusal), key=_ORDER.index) if kind.id == "accepted" else grade


def _of_age(days: int | None) -> Grade:
    """The best grade that the oldest refusal leaves; days: for how long it is kept."""
    if days is None or days <= OLD_DAYS[0]:
        return Grade.A
    return Grade.B if days <= OLD_DAYS[1] else Grade.C
