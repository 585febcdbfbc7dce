"""Part 3: departments ranked where their figures are large enough, and the others with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from hallpulse.contract.reasons import Sentence
from hallpulse.domain.compression import without
from services.reports.monthly import texts
from services.reports.monthly.document import Cell, Column, Paragraph, Section, Table, Tone
from services.reports.monthly.ranking import Ranking, Standing
from services.reports.monthly.report import MonthlyReport
from services.reports.monthly.shown import (
    BLANK,
    causes_text,
    count_cell,
    figure_cell,
    filled,
    named,
    of_month,
    text_cell,
    unit_of,
)

PLACE = 3
_FIGURE_WIDTH = 30


def section(report: MonthlyReport) -> Section:
    blocks = [block for ranking in report.rankings for block in _blocks(report, ranking)]
    return Section(texts.DEPARTMENTS, tuple(blocks))


def _blocks(report: MonthlyReport, ranking: Ranking) -> Iterator[Paragraph | Table]:
    if ranking.ranked:
        rank, name = Column(texts.RANK, 12), Column(texts.DEPARTMENT, 68, left=True)
        rows = tuple(_row(report, ranking, one) for one in ranking.ranked)
        columns = (rank, name, *_figure_columns(report, ranking), *_without_column(ranking))
        yield Table(_titled(texts.RANKED_TABLE, report, ranking), of_month(report), columns, rows)
        if _without_column(ranking):
            yield Paragraph(texts.MARKED_DEPARTMENTS, quiet=True)
    else:
        yield Paragraph(_titled(texts.NOBODY_RANKED, report, ranking))
    if ranking.unranked:
        name, why = Column(texts.DEPARTMENT, 50, left=True), Column(texts.REASON, 30, left=True)
        rows = tuple(_unranked_row(report, ranking, one) for one in ranking.unranked)
        columns = (name, why, *_figure_columns(report, ranking))
        yield Table(_titled(texts.UNRANKED_TABLE, report, ranking), of_month(report), columns, rows)


def _without_column(ranking: Ranking) -> tuple[Column, ...]:
    """Beside a ranking in which some figure gains from findings."""
    return (Column(texts.WITHOUT, 22, figure=True),) if any(one.marks for one in ranking.ranked) else ()


def _titled(text: Sentence, report: MonthlyReport, ranking: Ranking) -> Sentence:
    name = report.plan.indicator_names[ranking.indicator]
    return filled(text, {"indicator": name.zh}, {"indicator": name.en})


def _figure_columns(report: MonthlyReport, ranking: Ranking) -> list[Column]:
    names = report.plan.indicator_names
    return [Column(named(names[indicator]), _FIGURE_WIDTH, figure=True) for indicator in ranking.indicators]


def _row(report: MonthlyReport, ranking: Ranking, one: Standing) -> tuple[Cell, ...]:
    names, unit = named(report.department(one.department)), unit_of(ranking.indicator, report.plan)
    name = text_cell(Sentence(f"{names.zh} ※", f"{names.en} ※") if one.marks else names)
    if one.causes:
        name = replace(name, small=" · ".join(part for part in (name.small, causes_text(one.causes).zh) if part))
    cells = (count_cell(one.rank or 0), name, *_figures(report, ranking, one))
    if not _without_column(ranking):
        return cells
    beside = figure_cell(without(one.figures[ranking.indicator], one.marks), unit, Tone.BAD) if one.marks else BLANK
    return *cells, beside


def _unranked_row(report: MonthlyReport, ranking: Ranking, one: Standing) -> tuple[Cell, ...]:
    figure, least = one.figures[ranking.indicator], ranking.least[ranking.indicator]
    few = filled(texts.TOO_FEW, {"n": figure.denominator, "least": least})
    why = few if figure.denominator else texts.NOTHING_COUNTED
    name = text_cell(named(report.department(one.department)))
    return name, text_cell(why, Tone.QUIET), *_figures(report, ranking, one)


def _figures(report: MonthlyReport, ranking: Ranking, one: Standing) -> Iterator[Cell]:
    """A figure that is too small to judge by stands in pale letters."""
    for indicator, figure in one.figures.items():
        tone = Tone.PLAIN if figure.denominator >= ranking.least[indicator] else Tone.QUIET
        yield figure_cell(figure, unit_of(indicator, report.plan), tone)
