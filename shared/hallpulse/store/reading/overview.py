"""All that is said of one scope over one window, read together: what several answers need is read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from hallpulse.domain.figures import Figure, Scope, Window
from hallpulse.domain.measures import BUCKETS

from .calendars import CalendarReader
from .figures import counted, figures_from
from .standing import Coverage, open_sought, percentiles_from, read_coverage, states_of
from .sums import Sought, cell_sums, total


@dataclass(frozen=True, slots=True)
class Overview:
    """figures: by indicator id; percentiles: p50, p90, p95 of elapsed working days, None without timed cases.

    open_cases: by state; provisional: the window lies in a year whose official holidays are not known yet.
    """

    figures: Mapping[str, Figure]
    percentiles: Mapping[str, int | None]
    open_cases: Mapping[str, int]
    coverage: Coverage
    provisional: bool


def read_overview(
    connection: Connection, calendars: CalendarReader, scope: Scope, window: Window, today: date
) -> Overview:
    """One transaction's view, and one pass over the cells. today: for the states of open cases."""
    sought = Sought(window, (*counted(), *BUCKETS)), *open_sought(today)
    cells, standing, reached = (total(sums) for sums in cell_sums(connection, scope, *sought, departments=False))
    return Overview(
        figures=figures_from(connection, scope, window, cells),
        percentiles=percentiles_from(connection, scope, window, cells),
        open_cases=states_of(standing, reached),
        coverage=read_coverage(connection, scope, window),
        provisional=bool(calendars.workdays(connection, scope.region).provisional_in(window.start, window.end)),
    )
