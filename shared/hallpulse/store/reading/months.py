"""All figures of a monthly report, by name: they are frozen when it is published, and compared later."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection

from hallpulse.domain.figures import Figure, Scope, Window
from hallpulse.domain.flow import PARTS, Flow
from hallpulse.domain.plan import Plan

from .conditions import read_flow, read_flow_by_department
from .declared import Rules
from .department_tables import read_figure_table
from .overview import read_figures


def read_month_figures(
    connection: Connection, rules: Rules, plan: Plan, month: Window, scope: Scope
) -> dict[str, Figure]:
    """Return `WHO/WHAT` → figure. WHO: region, department:ID or hall:ID; WHAT: an indicator, flow.PART or target.ID.

    The scope is the region with its departments, or one department or hall. Figures of 0/0 are left out.
    """
    if scope.hall is not None:
        found = dict(_of_hall(connection, rules, month, scope))
    else:
        found = dict(_named(connection, rules, plan, month))
    whose = "" if scope.department is None else f"department:{scope.department}/"
    return {name: found[name] for name in sorted(found) if found[name] != Figure(0, 0) and name.startswith(whose)}


def _of_hall(connection: Connection, rules: Rules, month: Window, scope: Scope) -> Iterator[tuple[str, Figure]]:
    who = f"hall:{scope.hall}"
    yield from _of(who, read_figures(connection, rules, scope, month))
    yield from _flow(who, read_flow(connection, scope, month))


def _named(connection: Connection, rules: Rules, plan: Plan, month: Window) -> Iterator[tuple[str, Figure]]:
    table = read_figure_table(connection, rules, plan.region, month)
    yield from _of("region", table.own)
    for department, figures in table.departments.items():
        yield from _of(f"department:{department}", figures)
    flows = read_flow_by_department(connection, plan.region, month)
    yield from _flow("region", sum(flows.values(), Flow()))
    for department, flow in flows.items():
        yield from _flow(f"department:{department}", flow)
    period = plan.window(month.end)
    if period is not None:
        so_far = read_figure_table(connection, rules, plan.region, period)
        for target in plan.targets:
            yield f"region/target.{target.id}", so_far.figure(target.indicator)
            for department in plan.binds(target):
                yield f"department:{department}/target.{target.id}", so_far.figure(target.indicator, department)


def _of(who: str, figures: Mapping[str, Figure]) -> Iterator[tuple[str, Figure]]:
    return ((f"{who}/{name}", figure) for name, figure in figures.items())


def _flow(who: str, flow: Flow) -> Iterator[tuple[str, Figure]]:
    return ((f"{who}/flow.{part}", Figure(getattr(flow, part), 1)) for part in PARTS)
