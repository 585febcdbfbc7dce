"""Silence of halls: one is silent that sends nothing while it is open, not one that is closed."""

from __future__ import annotations

from datetime import date, timedelta

from hallpulse.domain.workdays import Workdays, date_of, local_day, minute_of_day

OPENS, CLOSES = 9, 17
"""A hall's hours on working days, Asia/Shanghai."""
SILENCE = timedelta(hours=2)
"""A hall that is open may send nothing this long: its heartbeat comes at least every hour."""
_MICROSECONDS = 1_000_000


def silent_since(newest: int, now: int, workdays: Workdays, closed: date | None = None) -> int | None:
    """Return since when a hall is silent; None while it is not, or while it is closed.

    newest: the time of its newest event, or when it was registered if nothing came yet; both in microseconds since
    1970-01-01 UTC. closed: the first day on which the hall is closed for good. In the first SILENCE after opening
    none is silent: before, it had no need to send.
    """
    day, minute = local_day(now), minute_of_day(now)
    if not workdays.is_working(day) or (closed is not None and closed <= date_of(day)):
        return None
    from_minute = OPENS * 60 + SILENCE.total_seconds() // 60
    if not from_minute <= minute < CLOSES * 60:
        return None
    return newest if now - newest > SILENCE.total_seconds() * _MICROSECONDS else None
