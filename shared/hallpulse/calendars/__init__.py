"""Calendars: the State Council's holidays from maintained libraries, and editable files for what is regional."""

from .load import CalendarError, load_overrides
from .national import national_calendar

__all__ = ["CalendarError", "load_overrides", "national_calendar"]
