"""The report's sections, one in each module.

A module has PLACE, its place in the order, and `section`, which turns a report's figures into texts and tables.
`section` returns None if there is nothing to say; the section is then left out, without a gap in the numbering.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from services.reports.monthly.document import Section
from services.reports.monthly.report import MonthlyReport


def sections(report: MonthlyReport) -> tuple[Section, ...]:
    """Return the sections that have anything to say, in the order of their places."""
    made = (module.section(report) for module in _modules(tuple(__path__)))
    return tuple(section for section in made if section is not None and section.blocks)


@cache
def _modules(path: tuple[str, ...]) -> tuple[ModuleType, ...]:
    """Import the modules and return them in order. Raise ValueError if two of them have the same place."""
    found = [import_module(f"{__name__}.{info.name}") for info in iter_modules(path)]
    places = [module.PLACE for module in found]
    if len(set(places)) < len(places):
        raise ValueError(f"sections: a place is taken twice: {sorted(places)}")
    return tuple(sorted(found, key=lambda module: module.PLACE))
