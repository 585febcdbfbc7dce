"""A month to report on: figures as a test states them, under the plan of 2023."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from hallpulse.domain.compression import COMPRESSION, ItemChange, ItemLimits
from hallpulse.domain.figures import Coverage, Figure, FigureTable, Scope, Window, period_window
from hallpulse.domain.flow import Flow
from hallpulse.domain.integrity import CHECKS, Findings
from hallpulse.plans import load_plan
from services.reports.monthly import Document, Listed, ListedCase, Material, Paragraph, Period, Table, period_of

PLAN = load_plan(Path(__file__).parents[1] / "plans" / "222424-2023.yaml")
MAY, APRIL_30 = period_window("2023-05"), date(2023, 4, 30)
COMPILED = 1_685_917_800_000_000
"""5 June 2023, 06:30 in Asia/Shanghai."""
OWN = {
    "instant_item_share": Figure(400, 1196),
    COMPRESSION: Figure(13_000, 20_011),
    "settled_item_share": Figure(1111, 1196),
    "full_process_item_share": Figure(801, 1196),
    "tolerance_items": Figure(188, 1),
    "acceptance_rate": Figure(4812, 4847),
    "instant_case_share": Figure(2310, 4701),
    "mean_elapsed_days": Figure(12_345, 4699),
    "due_kept_rate": Figure(4390, 4607),
    "satisfaction": Figure(3011, 3067),
    "leader_in_court": Figure(44, 45),
    "disclosure_loss": Figure(1, 34),
    "administrative_loss": Figure(4, 62),
}
EARLIER = {**OWN, COMPRESSION: Figure(13_100, 20_003), "instant_item_share": Figure(395, 1190)}
DEPARTMENTS = {
    "justice": {"due_kept_rate": Figure(9, 9), "satisfaction": Figure(2, 3), COMPRESSION: Figure(61, 97)},
    "health": {"due_kept_rate": Figure(30, 40), "satisfaction": Figure(37, 41), COMPRESSION: Figure(71, 97)},
    "forestry": {"due_kept_rate": Figure(15, 20), COMPRESSION: Figure(71, 97)},
    "water": {"due_kept_rate": Figure(19, 20), "mean_elapsed_days": Figure(53, 17), COMPRESSION: Figure(0, 0)},
}
OPEN = {
    "health": {"on_time": 61, "due_soon": 13, "overdue": 17, "suspended": 3, "unaccepted_late": 5},
    "justice": {"on_time": 7, "due_soon": 0, "overdue": 0, "suspended": 0, "unaccepted_late": 0},
}
FLOW = {
    "health": Flow(90, 240, 3, 120, 40, 61, 2, 5, 99),
    "justice": Flow(5, 12, 0, 10, 0, 0, 0, 0, 7),
}
CHANGES = (
    ItemChange(222424, "A-1", "取水许可", ItemLimits("water", False, 20, 5), ItemLimits("water", False, 20, 15)),
    ItemChange(222424, "A-2", "林木采伐许可", None, ItemLimits("forestry", False, 28, 27)),
)


YEAR_AGO = {"instant_item_share": Figure(350, 1190)}
PREVIOUS = {"due_kept_rate": Figure(4301, 4607), "acceptance_rate": Figure(4700, 4801)}
LISTED = Listed(
    {"overdue": 17, "due_soon": 13},
    (
        ListedCase("main", "ZW-7", "排污许可", "health", "overdue", date(2023, 5, 8), 16, 3),
        ListedCase("main", "ZW-8", "取水许可", "water", "due_soon", date(2023, 6, 1), 0, 0),
    ),
)
COVERAGE = Coverage(halls=5, reporting=4, newest=1_685_526_120_000_000)
FINDINGS = (
    Findings(CHECKS[0], 2, ({"item_code": "A-7", "name": "排污许可"}, {"item_code": "A-8", "name": "建设工程许可"})),
    Findings(CHECKS[1], 37, ({"case_id": "ZW-1", "hall": "main"},)),
    *(Findings(check, 0, ()) for check in CHECKS[2:]),
)


def table(end: date, own: Mapping[str, Figure], departments: Mapping[str, Mapping[str, Figure]]) -> FigureTable:
    return FigureTable(PLAN.region, Window(PLAN.period.start, end), own, departments)


def material(**other: Any) -> Material:
    """May 2023; what a test says otherwise goes over it. own, departments: of the month and of the plan's period."""
    own, departments = other.pop("own", OWN), other.pop("departments", DEPARTMENTS)
    asked: Period = other.get("asked", period_of("2023-05"))
    window: Window = other.get("window", asked.window)
    days = {*PLAN.dates_needed(APRIL_30), *PLAN.dates_needed(window.end)}
    early = table(APRIL_30, other.pop("before", EARLIER), departments)
    given: dict[str, Any] = {
        "frozen": {},
        "restated_month": "",
        "restated": (),
        "plan": PLAN,
        "asked": asked,
        "scope": Scope(PLAN.region),
        "window": window,
        "compiled": COMPILED,
        "compiled_on": date(2023, 6, 5),
        "tables": {day: table(day, own if day == window.end else early.own, departments) for day in days},
        "year_ago": FigureTable(PLAN.region, Window(date(2022, 1, 1), date(2022, 5, 31)), YEAR_AGO, {}),
        "own": own,
        "previous": PREVIOUS,
        "year_before": {},
        "listed": LISTED,
        "due_next": {"": 57, "health": 41, "justice": 16},
        "working_days_next": 21,
        "in_month": FigureTable(PLAN.region, window, own, departments),
        "earlier": early,
        "percentiles": {"p50": 1, "p90": 7, "p95": 11},
        "open_cases": OPEN,
        "flow": FLOW,
        "balance": sum(other.get("flow", FLOW).values(), Flow()),
        "changes": CHANGES,
        "doubts": (),
        "coverage": COVERAGE,
        "period_coverage": replace(COVERAGE, reporting=5),
        "findings": FINDINGS,
        "provisional": (),
    }
    return Material(**(given | other))


def tables(document: Document) -> list[Table]:
    return [block for section in document.sections for block in section.blocks if isinstance(block, Table)]


def said(document: Document) -> str:
    """Every Chinese sentence."""
    return "\n".join(b.text.zh for s in document.sections for b in s.blocks if isinstance(b, Paragraph))
