"""The section on restatements: figures of the last published report that have changed since, with the causes."""

from __future__ import annotations

from collections.abc import Iterator

from hallpulse.contract.reasons import Sentence
from hallpulse.domain.restatement import Restated
from services.reports.monthly import texts
from services.reports.monthly.document import Cell, Column, Paragraph, Section, Table
from services.reports.monthly.report import MonthlyReport
from services.reports.monthly.shown import figure_cell, filled, joined, named, of_month, text_cell, unit_of

PLACE = 13
HEAD = Sentence("对以前数字的更正", "Restatements of earlier figures")
MOST_RESTATED = 40
_COLUMNS = (
    Column(texts.DEPARTMENT, 44, left=True),
    Column(texts.FIGURE, 54, left=True),
    Column(texts.WAS, 24, figure=True),
    Column(texts.IS, 24, figure=True),
    Column(texts.CAUSES, 30, left=True),
)


def section(report: MonthlyReport) -> Section | None:
    """Return the section; None if no figure of the last published report has changed."""
    return Section(HEAD, tuple(_blocks(report))) if report.restated else None


def _blocks(report: MonthlyReport) -> Iterator[Table | Paragraph]:
    title = filled(texts.RESTATED_TABLE, {"month": report.restated_month})
    rows = tuple(_row(one, report) for one in report.restated[:MOST_RESTATED])
    yield Table(title, of_month(report), _COLUMNS, rows)
    if len(report.restated) > MOST_RESTATED:
        yield Paragraph(filled(texts.RESTATED_MORE, {"n": len(report.restated), "most": MOST_RESTATED}), quiet=True)


def _row(one: Restated, report: MonthlyReport) -> tuple[Cell, ...]:
    who, _, what = one.name.rpartition("/")
    place = texts.WHOLE_REGION if who == "region" else named(report.department(who.partition(":")[2]))
    name, unit = _named(what, report)
    causes = joined(texts.CHANGE_KINDS[kind] for kind in one.parts)
    return (
        text_cell(place),
        text_cell(name),
        figure_cell(one.before, unit),
        figure_cell(one.after, unit),
        text_cell(causes),
    )


def _named(what: str, report: MonthlyReport) -> tuple[Sentence, str]:
    """Return the name and the unit of a frozen figure: an indicator, a target or a part of the flow."""
    kind, _, rest = what.partition(".")
    if kind == "flow":
        return texts.FLOW_COLUMNS[rest], "count"
    target = next((one for one in report.plan.targets if kind == "target" and one.id == rest), None)
    if target is not None:
        return named(target.names), target.unit
    names = report.plan.indicator_names.get(what)
    return named(names) if names is not None else Sentence(what, what), unit_of(what, report.plan)
