"""Calendars: the State Council's holidays from maintained libraries, and regional days from editable files."""

from .load import CalendarError, load_overrides
from .national import national_calendar

__all__ = ["CalendarError", "load_overrides", "national_calendar"]
