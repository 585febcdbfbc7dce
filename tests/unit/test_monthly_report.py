"""The monthly report: what it says of a month's figures, and what it says where there are none."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest

from hallpulse.domain.compression import COMPRESSION, ItemLimits
from hallpulse.domain.figures import Coverage, Figure, Window
from hallpulse.domain.indicators import ItemRef, doubt
from hallpulse.domain.plan import DeclaredIndicator
from hallpulse.domain.reporting import Reports
from hallpulse.domain.restatement import ChangeKind, Restated
from hallpulse.domain.succession import Succession
from hallpulse.domain.targets import Forecast, State, evaluate
from services.reports.monthly import Paragraph, document_of, monthly_report, period_of, sections
from services.reports.monthly.shown import forecast_cell
from tests.reporting import CHANGES, DEPARTMENTS, MAY, OWN, PLAN, material, said, tables

RAISED = doubt("statutory_raised", ItemRef(222424, "A-9", "林木采伐许可"), ItemLimits("forestry", False, 40, 20), 20)


def spoken(**other: object) -> str:
    return said(document_of(monthly_report(material(**other))))


def test_targets_are_those_of_the_months_last_day_with_the_month_before_beside_them() -> None:
    given = material()
    report = monthly_report(given)
    wanted = [result for result in evaluate(PLAN, MAY.end, given.tables) if result.department is None]
    assert [line.result for line in report.targets] == wanted
    lines = {line.target.id: line for line in report.targets}
    assert lines["promised_limit"].before == Figure(13_100, 20_003)
    assert lines["petition_backlog"].before is None


def test_the_summary_counts_and_names_from_the_figures() -> None:
    text = spoken()
    assert "截至2023年5月31日，方案19项目标中，已达标3项，进度正常0项，进度落后4项，未达标0项，暂不能判断12项。" in text
    assert "承诺办结时限压缩比完成64.96%（13000/20011），应达67.68%，距目标73.56%差8.60个百分点" in text
    assert "当月受理办件4812件，不予受理35件；办结4701件，其中当日办结2310件，占49.14%" in text
    assert "平均用时2.63个工作日，九成在7个工作日内办结；到期4607件，按期办结4390件，到期办结率95.29%" in text
    assert "截至2023年5月31日，在办106件，其中超期17件，临期13件，超时未受理5件，暂停计时3件。" in text
    assert "大厅5个，当月报送数据的4个；真实性检查中2类有发现，共39条，见“数据真实性”。" in text


ANOTHER = """
from hallpulse.contract.reasons import Sentence
from services.reports.monthly.document import Paragraph, Section

PLACE = {place}


def section(report):
    return Section(Sentence("又一部分", "another part"), (Paragraph(Sentence(report.plan.id, report.plan.id)),))
"""


def test_a_section_is_one_file_with_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sections, "__path__", [*sections.__path__, str(tmp_path)])
    (tmp_path / "another.py").write_text(ANOTHER.format(place=2.5))
    titles = [section.head.zh for section in document_of(monthly_report(material())).sections]
    assert [title.partition("、")[2] for title in titles] == [
        "概况", "目标完成情况", "又一部分", "办件流量", "提速情况", "部门情况", "超期与临期", "政务服务评议",
        "数据真实性", "下月预计", "附注",
    ]  # fmt: skip
    assert [title.partition("、")[0] for title in titles][-2:] == ["十", "十一"]


@pytest.mark.parametrize(
    "others",
    [
        ("2026-01", "2026-01-01", "2026-01-31", "2025-12", "2025-01", "2026-02"),
        ("2026-Q1", "2026-01-01", "2026-03-31", "2025-Q4", "2025-Q1", "2026-Q2"),
        ("2026-Q4", "2026-10-01", "2026-12-31", "2026-Q3", "2025-Q4", "2027-Q1"),
        ("2028", "2028-01-01", "2028-12-31", "2027", "2027", "2029"),
    ],
)
def test_a_period_knows_its_days_and_its_neighbours(others: tuple[str, ...]) -> None:
    period = period_of(others[0])
    found = (str(period.window.start), str(period.window.end), period.previous.text, period.year_before.text)
    assert (period.text, *found, period.next.text) == others


def test_two_sections_in_one_place_are_a_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sections, "__path__", [*sections.__path__, str(tmp_path)])
    (tmp_path / "one_more.py").write_text(ANOTHER.format(place=2))
    with pytest.raises(ValueError, match="a place is taken twice"):
        document_of(monthly_report(material()))


def test_small_departments_are_named_with_the_reason_and_not_ranked() -> None:
    by_cases, by_items = monthly_report(material()).rankings
    assert [(one.department, one.rank) for one in by_cases.ranked] == [("water", 1), ("forestry", 2), ("health", 2)]
    others = {department.id for department in PLAN.departments} - {"water", "health", "forestry"}
    assert {one.department for one in by_cases.unranked} == others
    assert [(one.department, one.rank) for one in by_items.ranked] == [("forestry", 1), ("health", 1), ("justice", 3)]
    document = document_of(monthly_report(material()))
    (unranked,) = [table for table in tables(document) if table.title.zh == "不参与到期办结率排名的部门"]
    reasons = {row[0].text: row[1].text for row in unranked.rows}
    assert reasons["县司法局"] == "分母9，少于10"
    assert "县教育局" not in reasons
    assert "没有可统计数据、不参与到期办结率排名的部门36个：" in said(document)


def test_a_department_that_no_plan_names_is_ranked_under_its_code() -> None:
    report = monthly_report(material(departments=DEPARTMENTS | {"new-office": {"due_kept_rate": Figure(12, 12)}}))
    assert report.rankings[0].ranked[0].department == "new-office"
    assert report.department("new-office").zh == "new-office"


@pytest.mark.parametrize(
    ("own", "why"),
    [
        ({}, "即办件占比——截至2023年5月31日没有可统计的数据"),
        ({}, "负责人出庭率——截至2023年5月31日尚未报送"),
        (OWN, "行政机关败诉率——参照值“行政机关败诉率全省平均水平”尚未报送"),
    ],
)
def test_a_figure_without_a_value_says_why(own: dict[str, Figure], why: str) -> None:
    assert why in spoken(own=own, departments={})


def test_departments_that_have_not_reported_are_counted_and_those_that_are_short_named() -> None:
    reported = {"justice": {"monthly_report": Figure(4, 5)}, "health": {"monthly_report": Figure(5, 5)}}
    assert "每月5日前报送未达到的部门：县司法局。" in spoken(departments=reported)
    assert "每月5日前报送有1个部门未达到" in spoken(departments=reported)
    kept = {"health": {"monthly_report": Figure(5, 5)}}
    own = OWN | {"monthly_report": Figure(5, 5)}
    report = DeclaredIndicator("monthly_report", PLAN.names)
    declared = replace(PLAN, reporting=None, indicators=(*PLAN.indicators, report))
    assert "每月5日前报送——40个部门中39个尚未报送" in spoken(plan=declared, own=own, departments=kept)


def test_who_reported_late_or_not_at_all_is_named_with_month_days_and_indicators() -> None:
    arrivals = {
        (indicator, department, date(2023, 8, 1)): date(2023, 9, day)
        for department, day in (("tax", 4), ("housing", 9))
        for indicator in ("administrative_loss", "leader_in_court")
    } | {("administrative_loss", "forestry", date(2023, 8, 1)): date(2023, 9, 1)}
    due = PLAN.reports(arrivals, date(2023, 9, 30)).months
    august = Reports(tuple(m for m in due if m.month.month == 8 and m.department in ("tax", "housing", "forestry")))
    document = document_of(replace(monthly_report(material()), reports=august))
    assert "应报送3个部门月，按时1个，迟报1个，未报1个。" in said(document)
    (late,) = [table for table in tables(document) if table.title.zh == "未按时报送的部门"]
    assert sorted([cell.text for cell in row] for row in late.rows) == [
        ["县住房和城乡建设局", "2023年8月", "1", "迟报", "4", "行政机关败诉率、负责人出庭率"],
        ["县林业局", "2023年8月", "1", "未报", "—", "负责人出庭率"],
    ]


def test_the_missing_reports_of_a_department_are_one_row_with_its_months_however_many_they_are() -> None:
    came = {
        (indicator, "water", date(2023, 5, 1)): date(2023, 6, 1)
        for indicator in ("administrative_loss", "leader_in_court")
    }
    months = PLAN.reports(came, date(2023, 9, 30))
    document = document_of(replace(monthly_report(material()), reports=months))
    (table,) = [table for table in tables(document) if table.title.zh == "未按时报送的部门"]
    rows = {row[0].text: [cell.text for cell in row[1:4]] for row in table.rows}
    assert len(table.rows) == len(rows) == len(PLAN.departments)
    assert rows["县林业局"] == ["2023年1至8月", "8", "未报"]
    assert rows["县水利局"] == ["2023年1至4月、2023年6至8月", "7", "未报"]
    assert sum(int(row[2].text) for row in table.rows) == sum(one.days != 0 for one in months.months)


@pytest.mark.parametrize(("value", "text"), [(20409, "约204"), (167, "约1"), (199, "约1"), (200, "2"), (251, "约3")])
def test_the_forecast_of_a_count_is_a_whole_number_on_the_side_of_the_goal_where_it_is(value: int, text: str) -> None:
    line = next(one for one in monthly_report(material()).targets if one.target.id == "law_lectures")
    forecast = Forecast(Fraction(value, 100), MAY.start, MAY.end, Fraction(0), Fraction(300))
    result = replace(line.result, goal=Fraction(2), forecast=forecast)
    cell = forecast_cell(replace(line, result=result))
    assert (cell.text, cell.number) == (text, Fraction(value, 100))


def test_too_few_cases_are_not_judged() -> None:
    target = replace(PLAN.targets[0], id="due", indicator="due_kept_rate")
    plan = replace(PLAN, targets=(target,))
    own = OWN | {"due_kept_rate": Figure(8, 9)}
    assert "——只有9件，少于方案规定的10件" in spoken(plan=plan, own=own)


def test_a_month_without_cases_says_that_there_were_none() -> None:
    text = spoken(own={}, before={}, departments={}, open_cases={}, flow={})
    assert "当月受理办件0件，不予受理0件；没有计时的办结件；没有到期的办件；没有评价。" in text
    assert "没有部门的到期办结率可以排名。" in text
    assert "没有在办件，本期也没有到期的办件。" in text
    assert "没有能够判断的目标。" in text
    assert "0.00%" not in text


def test_a_target_that_gains_from_raised_limits_is_marked_and_its_value_without_them_stands_beside_it() -> None:
    document = document_of(monthly_report(material(doubts=[RAISED])))
    text = "※ 承诺办结时限压缩比中有1个事项提高法定时限换取压缩比，扣除后为64.93%（12980/19991）。"
    assert text in said(document)
    (targets,) = [table for table in tables(document) if table.title.zh == "方案目标"]
    (row,) = [row for row in targets.rows if row[1].text == "承诺办结时限压缩比"]
    assert "※ 提高法定时限换取压缩比1项，扣除后64.93%" in row[1].small
    assert "※" not in said(document_of(monthly_report(material())))


def test_a_ranking_in_which_a_figure_gains_from_raised_limits_says_so_and_shows_the_value_without_it() -> None:
    document = document_of(monthly_report(material(doubts=[RAISED])))
    (ranked,) = [table for table in tables(document) if table.title.zh == "按承诺办结时限压缩比排名"]
    assert ranked.columns[-1].head.zh == "扣除存疑后"
    beside = {row[1].text: row[-1].text for row in ranked.rows}
    assert beside == {"县林业局 ※": "66.23%", "县卫生健康局": "—", "县司法局": "—"}


def test_the_flow_of_the_month_balances_by_department_and_in_all() -> None:
    report = monthly_report(material())
    document = document_of(report)
    assert "结转95件，新收252件；不予受理3件，办结233件，撤件5件；期末在办106件。" in said(document)
    (flow,) = [table for table in tables(document) if table.title.zh == "办件流量"]
    assert [cell.text for cell in flow.rows[-1]][1:] == ["95", "252", "3", "130", "40", "61", "2", "5", "106"]
    assert all(line.balances for _, line in report.flow_lines)


def test_the_items_that_lowered_the_compression_are_named_with_their_exact_part() -> None:
    report = monthly_report(material())
    was, now = Fraction(13_100, 20_003), Fraction(13_000, 20_011)
    parts = {one.change.item_code: one.share for one in report.lowerings}
    assert parts == {"A-1": Fraction(-10, 20_011), "A-2": (1 - was * 28) / 20_011}
    assert "下降0.53个百分点，原因见“提速情况”。" in spoken()
    assert round((was - now) * 100, 2) == Fraction(53, 100)
    (named,) = [t for t in tables(document_of(report)) if t.title.zh.startswith("拉低")]
    assert [row[1].text for row in named.rows] == ["林木采伐许可", "取水许可"]


def test_where_the_compression_rose_no_item_lowered_it() -> None:
    text = spoken(before=OWN | {COMPRESSION: Figure(12_900, 20_003)}, changes=CHANGES)
    assert "没有下降（期初64.49%，期末64.96%），没有拉低它的事项。" in text
    assert "提高0.47个百分点" in text


def test_every_table_of_figures_says_over_which_days_by_how_many_halls_and_how_fresh() -> None:
    for table in tables(document_of(monthly_report(material()))):
        if table.title.zh not in ("指标口径", "超期与临期办件"):
            assert re.search(r"5月31日；报送大厅[45]/5；最新数据2023年5月31日17:42$", table.caption.zh), table.title
    text = spoken(coverage=Coverage(halls=5, reporting=4, newest=None))
    assert "有1个大厅当月没有报送数据，上述数字不完整。" in text


def test_the_other_readings_of_a_raise_stand_beside_the_plans_own() -> None:
    (readings,) = [t for t in tables(document_of(monthly_report(material()))) if "三种读法" in t.title.zh]
    shown = [[cell.text for cell in row] for row in readings.rows]
    assert shown[0] == ["即办件占比", "33.44%", "41.94%", "35.13%", "38.75%"]
    assert readings.rows[1][2].small == "方案采用 · 未达到"


def test_a_month_that_is_not_over_says_so() -> None:
    until = date(2023, 5, 17)
    document = document_of(monthly_report(material(window=Window(MAY.start, until), compiled_on=until)))
    assert document.subtitle.zh == "（2023年5月，截至17日）"
    assert "当月尚未结束，以下数字截至2023年5月17日，仅供参考，不作为报送稿。" in said(document)
    assert "当月尚未结束" not in spoken()


def test_a_year_without_official_holidays_is_named() -> None:
    assert "2027年的法定节假日安排尚未公布" in spoken(provisional=(2027,))
    assert "尚未公布" not in spoken()


def test_no_gap_of_a_text_is_left_open() -> None:
    for given in (material(), material(own={}, before={}, departments={}, open_cases={}, findings=())):
        document = document_of(monthly_report(given))
        for block in (block for section in document.sections for block in section.blocks):
            for text in (block.text,) if isinstance(block, Paragraph) else (block.title,):
                assert not re.search(r"[{}]|None\b(?! of)", text.zh + text.en), text


def test_after_the_period_the_last_results_are_reported() -> None:
    january = period_of("2024-01")
    end = PLAN.period.end
    given = material(asked=january, compiled_on=date(2024, 2, 5))
    own = {end: replace(given.in_month, window=Window(PLAN.period.start, end))}
    report = monthly_report(replace(given, tables={**given.tables, **own}))
    assert report.period == PLAN.period
    assert State.MISSED in {line.result.state for line in report.targets}


def test_figures_of_a_published_month_that_changed_since_are_listed_then_and_now_with_their_causes() -> None:
    late, corrected = {ChangeKind.LATE_EVENTS: Figure(1, 1)}, {ChangeKind.CORRECTIONS: Figure(2, 0)}
    restated = (
        Restated("department:water/flow.received", Figure(10, 1), Figure(11, 1), late),
        Restated("region/due_kept_rate", Figure(90, 100), Figure(93, 101), late | corrected),
        Restated("region/target.promised_limit", Figure(1, 2), Figure(2, 2), {ChangeKind.ITEM_VERSIONS: Figure(1, 0)}),
    )
    document = document_of(monthly_report(material(restated_month="2023-04", restated=restated)))
    (table,) = [table for table in tables(document) if table.title.zh == "2023-04报告发布后变动的数字"]
    assert [[cell.text for cell in row] for row in table.rows] == [
        ["县水利局", "新收", "10", "11", "迟报"],
        ["全县", "到期办结率", "90.00%", "92.08%", "迟报、更正"],
        ["全县", "承诺办结时限压缩比", "50.00%", "100.00%", "事项版本"],
    ]
    many = tuple(replace(restated[0], name=f"department:d{n}/flow.received") for n in range(50))
    assert "变动的数字共50项，上表列前40项" in spoken(restated_month="2023-04", restated=many)


def test_changes_of_the_regions_code_are_named_with_day_successor_and_decree() -> None:
    ended = Succession(PLAN.region, 222499, date(2023, 7, 1), True, "吉政函〔2023〕1号", "撤县设区")
    came = Succession(222401, PLAN.region, date(2023, 3, 1), False, "吉政函〔2023〕2号", "析出")
    text = spoken(successions=[ended, came])
    assert f"区划代码{PLAN.region}自2023年7月1日起终止，由222499承继（吉政函〔2023〕1号，撤县设区）" in text
    assert f"自2023年3月1日起，区划代码222401的一部分改用{PLAN.region}（吉政函〔2023〕2号，析出）" in text
    assert "承继" not in spoken()
