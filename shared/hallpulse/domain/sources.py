"""A source: since when it is silent, and its scorecard, a grade for each aspect of its data with advice what to mend.

Pure functions: the store counts, this module judges. Source: docs/integrity.md, "The source scorecard".
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import NamedTuple

from .figures import Figure
from .workdays import Workdays, date_of, local_day, minute_of_day

OPENS, CLOSES = 9, 17
"""A hall's hours on working days, Asia/Shanghai."""
SILENCE = timedelta(hours=2)
"""The longest time that an open hall may send nothing: its heartbeat comes at least every hour."""
_MICROSECONDS = 1_000_000


class Grade(enum.StrEnum):
    """Grades from best to worst; NONE if there is nothing to judge."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"
    NONE = "-"


_STEPS = ((Grade.A, Fraction(99, 100)), (Grade.B, Fraction(95, 100)), (Grade.C, Fraction(85, 100)))
_MILD = ((Grade.A, Fraction(95, 100)), (Grade.B, Fraction(0)))
"""Steps of aspects that change no figure: sending twice or out of order is allowed, but worth a look."""
OLD_DAYS = (1, 7)
"""Days that the oldest open refusal may be kept for an A, and for a B; after more days the grade is C at best."""


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

    events: those that happened in it; late: those of them that arrived over a day later; working_days: from the hall's
    first day on; days_sent: working days with events; cases: received in it; unknown_codes, contradictory: those of
    them with an unknown item or contradictory steps; arrived, duplicates, disordered: by the day of arrival; refused:
    refused in it; refused_open: refused events still kept; oldest_refusal: days for which the oldest has been kept.
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
    """One aspect of a hall: the good events, cases or days as a share of all, and the grade."""

    kind: AspectKind
    figure: Figure
    grade: Grade


@dataclass(frozen=True, slots=True)
class Scorecard:
    """A hall's counts, aspects and grade, which is the grade of its worst aspect."""

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
    """Return the scorecard for a hall's counts."""
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
    """Return the best grade that the oldest open refusal allows. days: for how long it has been kept."""
    if days is None or days <= OLD_DAYS[0]:
        return Grade.A
    return Grade.B if days <= OLD_DAYS[1] else Grade.C


def silent_since(newest: int, now: int, workdays: Workdays, closed: date | None = None) -> int | None:
    """Return since when a hall is silent; None while it is not silent, or closed.

    newest: the time of its newest event, or of its registration if nothing came yet; now: both in microseconds since
    1970-01-01 UTC. closed: the first day on which the hall is closed for good. No hall is silent in the first SILENCE
    after opening, since it need not send before.
    """
    day, minute = local_day(now), minute_of_day(now)
    if not workdays.is_working(day) or (closed is not None and closed <= date_of(day)):
        return None
    from_minute = OPENS * 60 + SILENCE.total_seconds() // 60
    if not from_minute <= minute < CLOSES * 60:
        return None
    return newest if now - newest > SILENCE.total_seconds() * _MICROSECONDS else None
