"""The section on departments: the fastest, slowest and busiest, rankings within groups, and scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from hallpulse.contract.reasons import Sentence
from hallpulse.domain.indicators import without
from hallpulse.domain.scores import NOTHING_COUNTED, DepartmentScore, GroupScores, ItemScore
from services.reports.monthly import texts
from services.reports.monthly.document import Bar, Cell, Chart, Column, Paragraph, Section, Table, Tone
from services.reports.monthly.ranking import Ranking, Standing
from services.reports.monthly.report import MonthlyReport
from services.reports.monthly.shown import (
    BLANK,
    CHECK_NAMES,
    causes_text,
    count_cell,
    figure_cell,
    filled,
    joined,
    named,
    number_cell,
    of_month,
    of_period,
    query_of,
    text_cell,
    unit_of,
    value_text,
)

PLACE = 5
MOST_TOLD, MOST_BARS = 10, 10
FASTEST = Sentence("平均用时最短的部门：{names}。", "The fastest: {names}.")
SLOWEST = Sentence("平均用时最长的部门：{names}。", "The slowest: {names}.")
BUSIEST = Sentence("受理办件最多的部门：{names}。", "Those that accepted most cases: {names}.")
DAYS = Sentence("{name}（{value}个工作日）", "{name} ({value} working days)")
CASES = Sentence("{name}（{value}件）", "{name} ({value})")
ITS_RANK = Sentence(
    "按{indicator}在{n}个可比部门中排第{rank}。", "By {indicator} it is number {rank} of {n} that compare."
)
KEPT_CHART = Sentence("各部门{indicator}", "{indicator} by department")
SCORES_TABLE = Sentence("部门得分", "Scores of departments")
POINTS, POSSIBLE, SHARE = Sentence("得分", "Points"), Sentence("满分", "Of"), Sentence("得分率", "Share")
TAKEN_OFF = Sentence("扣分", "Taken off")
TAKEN_FOR = Sentence("{check}{n}条扣{points}分", "{check}: {n}, {points} taken off")
_FIGURE_WIDTH = 30
_MEAN, _ACCEPTED = "mean_elapsed_days", "acceptance_rate"


def section(report: MonthlyReport) -> Section | None:
    if report.scope.hall is not None:
        return None
    if report.scope.department is not None:
        return Section(texts.DEPARTMENTS, (*_own_ranks(report), *_scores(report)))
    ranked = (block for ranking in report.rankings for block in _blocks(report, ranking))
    return Section(texts.DEPARTMENTS, (*_extremes(report), *ranked, *_scores(report)))


def _extremes(report: MonthlyReport) -> Iterator[Paragraph]:
    standings = {one.department: one.figures for one in _all(report)}
    least = report.plan.least_denominator(_MEAN)
    means = {id_: own[_MEAN] for id_, own in standings.items() if own[_MEAN].denominator >= max(least, 1)}
    by_mean = sorted(means, key=lambda id_: (means[id_].value or 0, id_))
    accepted = {id_: own[_ACCEPTED].numerator for id_, own in standings.items() if own[_ACCEPTED].numerator}
    busiest = sorted(accepted, key=lambda id_: (-accepted[id_], id_))
    days = {id_: value_text(figure.value, "days") for id_, figure in means.items()}
    if len(by_mean) > 1:
        fastest = by_mean[: min(MOST_TOLD, len(by_mean) // 2)]
        yield _told(report, FASTEST, DAYS, fastest, days)
        slowest = by_mean[::-1][: min(MOST_TOLD, len(by_mean) - len(fastest))]
        yield _told(report, SLOWEST, DAYS, slowest, days)
    if busiest:
        yield _told(report, BUSIEST, CASES, busiest[:MOST_TOLD], {id_: str(n) for id_, n in accepted.items()})


def _told(
    report: MonthlyReport, text: Sentence, one: Sentence, ids: Sequence[str], values: dict[str, str]
) -> Paragraph:
    told = []
    for id_ in ids:
        names = report.department(id_)
        told.append(filled(one, {"name": names.zh, "value": values[id_]}, {"name": names.en}))
    names_ = joined(told)
    return Paragraph(filled(text, {"names": names_.zh}, {"names": names_.en}))


def _all(report: MonthlyReport) -> list[Standing]:
    """Return every department once, with its figures from the rankings by cases."""
    return [one for ranking in report.rankings if _MEAN in ranking.indicators for one in ranking.standings]


def _own_ranks(report: MonthlyReport) -> Iterator[Paragraph]:
    for ranking in report.rankings:
        for one in ranking.ranked:
            if one.department == report.scope.department:
                name = report.plan.indicator_names[ranking.indicator]
                values: dict[str, object] = {"n": len(ranking.ranked), "rank": one.rank}
                yield Paragraph(filled(ITS_RANK, {**values, "indicator": name.zh}, {"indicator": name.en}))


def _blocks(report: MonthlyReport, ranking: Ranking) -> Iterator[Paragraph | Table | Chart]:
    if ranking.ranked:
        rank, name = Column(texts.RANK, 12), Column(texts.DEPARTMENT, 50, left=True)
        rows = tuple(_row(report, ranking, one) for one in ranking.ranked)
        columns = (rank, name, *_figure_columns(report, ranking), *_without_column(ranking))
        queries = tuple(_query(report) for _ in ranking.ranked)
        yield Table(_titled(texts.RANKED_TABLE, report, ranking), of_month(report), columns, rows, queries=queries)
        yield from _chart(report, ranking)
        if _without_column(ranking):
            yield Paragraph(texts.MARKED_DEPARTMENTS, quiet=True)
    elif ranking.unranked:
        yield Paragraph(_titled(texts.NOBODY_RANKED, report, ranking))
    counted = tuple(one for one in ranking.unranked if any(figure.denominator for figure in one.figures.values()))
    if counted:
        name, why = Column(texts.DEPARTMENT, 46, left=True), Column(texts.REASON, 30, left=True)
        rows = tuple(_unranked_row(report, ranking, one) for one in counted)
        columns = (name, why, *_figure_columns(report, ranking))
        queries = tuple(_query(report) for _ in counted)
        yield Table(_titled(texts.UNRANKED_TABLE, report, ranking), of_month(report), columns, rows, queries=queries)
    nothing = [named(report.department(one.department)) for one in ranking.unranked if one not in counted]
    if nothing:
        names, indicator = joined(nothing), report.plan.indicator_names[ranking.indicator]
        zh: dict[str, object] = {"names": names.zh, "n": len(nothing), "indicator": indicator.zh}
        yield Paragraph(filled(texts.NOTHING_TO_RANK, zh, {"names": names.en, "indicator": indicator.en}), quiet=True)


def _chart(report: MonthlyReport, ranking: Ranking) -> Iterator[Chart]:
    """Yield a chart of the first departments, if the ranking is by a share."""
    if unit_of(ranking.indicator, report.plan) != "share" or len(ranking.ranked) < 2:
        return
    bars = tuple(
        Bar(named(report.department(one.department)), value)
        for one in ranking.ranked[:MOST_BARS]
        if (value := one.figures[ranking.indicator].value) is not None
    )
    indicator = named(report.plan.indicator_names[ranking.indicator])
    title = _titled(KEPT_CHART, report, ranking)
    yield Chart(title, "share", indicator, Sentence("", ""), bars)


def _query(report: MonthlyReport) -> str:
    window = report.window
    return query_of(report, "/v1/departments", **{"from": str(window.start), "to": str(window.end)})


def _without_column(ranking: Ranking) -> tuple[Column, ...]:
    """Return the column of values without findings, if a figure of the ranking gains from findings."""
    return (Column(texts.WITHOUT, 22, figure=True),) if any(one.marks for one in ranking.ranked) else ()


def _titled(text: Sentence, report: MonthlyReport, ranking: Ranking) -> Sentence:
    name = report.plan.indicator_names[ranking.indicator]
    said = filled(text, {"indicator": name.zh}, {"indicator": name.en})
    if not report.plan.groups or text is texts.NOBODY_RANKED:
        return said
    group = ranking.group.names
    return Sentence(f"{said.zh}（{group.zh}）", f"{said.en} ({group.en})")


def _figure_columns(report: MonthlyReport, ranking: Ranking) -> list[Column]:
    names = report.plan.indicator_names
    shown = [one for one in ranking.indicators if one != _ACCEPTED]
    return [Column(named(names[indicator]), _FIGURE_WIDTH, figure=True) for indicator in shown]


def _row(report: MonthlyReport, ranking: Ranking, one: Standing) -> tuple[Cell, ...]:
    names, unit = named(report.department(one.department)), unit_of(ranking.indicator, report.plan)
    name = text_cell(Sentence(f"{names.zh} ※", f"{names.en} ※") if one.marks else names)
    if one.causes:
        name = replace(name, small=causes_text(one.causes).zh)
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
    """Yield the cells of the figures; one whose denominator is too small to rank by is pale."""
    for indicator, figure in one.figures.items():
        if indicator == _ACCEPTED:
            continue
        tone = Tone.PLAIN if figure.denominator >= ranking.least[indicator] else Tone.QUIET
        yield figure_cell(figure, unit_of(indicator, report.plan), tone)


def _scores(report: MonthlyReport) -> Iterator[Table]:
    for scores in report.scores:
        own = [one for one in scores.departments if report.scope.department in (None, one.department)]
        if own:
            yield _score_table(report, scores, own)


def _score_table(report: MonthlyReport, scores: GroupScores, own: Sequence[DepartmentScore]) -> Table:
    items = own[0].items
    columns = (
        Column(texts.RANK, 11),
        Column(texts.DEPARTMENT, 46, left=True),
        *(Column(Sentence(one.item.names.zh, one.item.names.en), 22, key=one.item.id) for one in items),
        Column(TAKEN_OFF, 18, key="taken_off"),
        Column(POINTS, 16, key="points", formula=" + ".join(one.item.id for one in items) + " - taken_off"),
        Column(POSSIBLE, 14, key="possible"),
        Column(SHARE, 18, key="share", formula="points / possible"),
    )
    title = SCORES_TABLE
    if report.plan.groups:
        title = Sentence(f"{title.zh}（{scores.group.names.zh}）", f"{title.en} ({scores.group.names.en})")
    query = query_of(report, "/v1/scores", on=str(report.on))
    rows = tuple(_score_row(report, one) for one in own)
    return Table(title, of_period(report), columns, rows, queries=(query,) * len(rows))


def _score_row(report: MonthlyReport, one: DepartmentScore) -> tuple[Cell, ...]:
    names = named(report.department(one.department))
    marked = text_cell(Sentence(f"{names.zh} ※", f"{names.en} ※") if one.marks else names)
    taken = sum((each.points for each in one.deducted), start=one.possible * 0)
    why = "；".join(
        TAKEN_FOR.zh.format(
            check=CHECK_NAMES[each.deduction.check].zh, n=each.findings, points=value_text(each.points, "count")
        )
        for each in one.deducted
    )
    share = BLANK if one.share is None else Cell(value_text(one.share, "share"), "", one.share, "share")
    return (
        count_cell(one.rank) if one.rank is not None else BLANK,
        marked,
        *(_item(each) for each in one.items),
        number_cell(taken, why, Tone.BAD),
        number_cell(one.points),
        number_cell(one.possible),
        share,
    )


def _item(one: ItemScore) -> Cell:
    if one.points is None:
        why = texts.NOTHING_COUNTED if one.reason == NOTHING_COUNTED else texts.FEW
        return Cell("—", why.zh, tone=Tone.QUIET)
    return number_cell(one.points, value_text(one.figure.value, one.item.unit))
