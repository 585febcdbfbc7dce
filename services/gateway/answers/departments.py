"""GET /v1/departments: every department's figures and open cases side by side."""

from __future__ import annotations

from datetime import date

import msgspec

from hallpulse.contract.encode import time_text
from hallpulse.domain.figures import Window
from hallpulse.domain.measures import STATES
from services.gateway.desk import Desk

from .common import Named
from .indicators import IndicatorAnswer, indicator_answers

_NO_CASES = dict.fromkeys(STATES, 0)


class DepartmentAnswer(msgspec.Struct, frozen=True):
    id: str
    names: Named
    open_cases: dict[str, int]
    indicators: list[IndicatorAnswer]


class DepartmentsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Departments of the plan, of the catalogue, and any that cases name, by id."""

    region: str
    start: date = msgspec.field(name="from")
    end: date = msgspec.field(name="to")
    as_of: str
    departments: list[DepartmentAnswer]


def departments_answer(desk: Desk, region: int, window: Window) -> DepartmentsAnswer:
    with desk.store.read() as moment:
        table = moment.figure_table(region, window)
        open_cases = moment.open_cases_by_department(region, desk.today())
    names, plan = desk.department_names(region, window.end), desk.plan(region, window.end)
    known = sorted({*names, *table.departments, *open_cases} - {""})
    return DepartmentsAnswer(
        region=str(region),
        start=window.start,
        end=window.end,
        as_of=time_text(desk.now()),
        departments=[
            DepartmentAnswer(
                id=id_,
                names=Named(names[id_].zh, names[id_].en) if id_ in names else Named(id_, id_),
                open_cases=open_cases.get(id_, _NO_CASES),
                indicators=indicator_answers(table.departments.get(id_, {}), plan),
            )
            for id_ in known
        ],
    )
