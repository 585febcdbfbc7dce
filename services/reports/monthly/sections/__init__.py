"""The report's sections, one a module: PLACE, its order, and `section`, which makes words and tables of figures.

`section` returns None where there is nothing to say: the section is left out, and those after it are numbered on.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from services.reports.monthly.document import Section
from services.reports.monthly.report import MonthlyReport


def sections(report: MonthlyReport) -> tuple[Section, ...]:
    """Return the sections of every module of this package that have anything to say, in order of their places."""
    made = (module.section(report) for module in _modules(tuple(__path__)))
    return tuple(section for section in made if section is not None and section.blocks)


@cache
def _modules(path: tuple[str, ...]) -> tuple[ModuleType, ...]:
    """Import the modules. Raise ValueError if two have one place."""
    found = [import_module(f"{__name__}.{info.name}") for info in iter_modules(path)]
    places = [module.PLACE for module in found]
    if len(set(places)) < len(places):
        raise ValueError(f"sections: a place is taken twice: {sorted(places)}")
    return tuple(sorted(found, key=lambda module: module.PLACE))
