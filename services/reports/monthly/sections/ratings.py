"""The section on ratings: the share of rated cases, the share of satisfied ones, the rectified bad ratings."""

from __future__ import annotations

from hallpulse.contract.reasons import Sentence
from hallpulse.domain.figures import Figure
from services.reports.monthly.document import Paragraph, Section, Table
from services.reports.monthly.report import MonthlyReport
from services.reports.monthly.shown import compared, compared_columns, filled, of_month, parts_text, value_text

PLACE = 7
HEAD = Sentence("政务服务评议", "Ratings")
RATED = Sentence(
    "办结件中有评价的占{coverage}（{coverage_parts}）；满意率{satisfaction}（{satisfaction_parts}）。",
    "{coverage} of the decided cases were rated ({coverage_parts}); {satisfaction} of them satisfied"
    " ({satisfaction_parts}).",
)
RECTIFIED = Sentence(
    "差评核实后整改率{rate}（{parts}）。", "{rate} of the verified bad ratings were rectified ({parts})."
)
RATINGS_TABLE = Sentence("评议指标", "Ratings compared")
_INDICATORS = ("rating_coverage", "satisfaction", "bad_rating_rectified")


def section(report: MonthlyReport) -> Section | None:
    coverage, satisfaction, rectified = (report.figure(name) for name in _INDICATORS)
    if not satisfaction.denominator:
        return None
    told = [Paragraph(filled(RATED, {**_values("coverage", coverage), **_values("satisfaction", satisfaction)}))]
    if rectified.denominator:
        rate: dict[str, object] = {"rate": value_text(rectified.value, "share"), "parts": parts_text(rectified)}
        told.append(Paragraph(filled(RECTIFIED, rate)))
    rows, queries = compared(report, _INDICATORS)
    return Section(
        HEAD, (*told, Table(RATINGS_TABLE, of_month(report), compared_columns(report), rows, queries=queries))
    )


def _values(name: str, figure: Figure) -> dict[str, object]:
    return {name: value_text(figure.value, "share"), f"{name}_parts": parts_text(figure)}
