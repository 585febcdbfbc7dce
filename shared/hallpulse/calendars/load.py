"""Regional calendars as editable YAML files, one file a region; their `days` override the national calendar's.

region: "222400"            # a county, a prefecture XXXX00 or a province XX0000
days:
  - {every_year: "09-03", working: false, name: 州庆}
  - {date: "2026-12-31", working: true, name: 调休上班}
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from hallpulse.domain.workdays import Calendar

from .national import FIRST_YEAR, LAST_YEAR

_REGION = re.compile(r"[1-9][0-9]{5}")
_MONTH_DAY = re.compile(r"(\d\d)-(\d\d)")
MAX_BYTES = 1_000_000


class CalendarError(Exception):
    """A calendar file cannot be used; one line: file, entry, what was expected."""


def load_overrides(folder: Path) -> list[Calendar]:
    """Read every `*.yaml` of a folder; a missing folder gives none.

    Raises CalendarError for the first file that cannot be used, and for two files of one region.
    """
    calendars = [load_calendar(path) for path in sorted(folder.glob("*.yaml"))]
    scopes = [calendar.scope for calendar in calendars]
    twice = {scope for scope in scopes if scopes.count(scope) > 1}
    if twice:
        raise CalendarError(f"{folder}: more than one file for region {min(twice)}")
    return calendars


def load_calendar(path: Path) -> Calendar:
    try:
        text = path.read_text(encoding="utf-8")
        content = yaml.safe_load(text) if len(text) <= MAX_BYTES else None
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise CalendarError(f"{path}: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict) or set(content) - {"region", "days", "name", "source"}:
        raise CalendarError(f"{path}: expected a mapping with region, days and, if you like, name and source")
    region = str(content.get("region", ""))
    if not _REGION.fullmatch(region):
        raise CalendarError(f"{path}: region: expected a code of 6 digits, got {region!r}")
    entries = content.get("days")
    if not isinstance(entries, list):
        raise CalendarError(f"{path}: days: expected a list")
    days: dict[date, tuple[bool, str]] = {}
    for number, entry in enumerate(entries, start=1):
        for day, value in _days_of(entry, f"{path}: days[{number}]"):
            if day in days:
                raise CalendarError(f"{path}: days[{number}]: {day} is there twice")
            days[day] = value
    return Calendar(int(region), days)


def _days_of(entry: Any, where: str) -> Iterator[tuple[date, tuple[bool, str]]]:
    if not isinstance(entry, dict) or set(entry) - {"date", "every_year", "working", "name", "source"}:
        raise CalendarError(f"{where}: expected date or every_year, working and name")
    working, name = entry.get("working"), entry.get("name")
    if not isinstance(working, bool) or not isinstance(name, str) or not name:
        raise CalendarError(f"{where}: expected working: true or false, and a name")
    if ("date" in entry) == ("every_year" in entry):
        raise CalendarError(f"{where}: expected either date or every_year")
    if "date" in entry:
        yield _date(str(entry["date"]), where), (working, name)
        return
    match = _MONTH_DAY.fullmatch(str(entry["every_year"]))
    if match is None:
        raise CalendarError(f'{where}: every_year: expected "MM-DD", got {entry["every_year"]!r}')
    for year in range(FIRST_YEAR, LAST_YEAR + 1):
        yield _date(f"{year}-{match[0]}", where), (working, name)


def _date(text: str, where: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise CalendarError(f"{where}: expected a date YYYY-MM-DD, got {text!r}") from None
