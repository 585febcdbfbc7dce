"""The month of a bureau, played in a real browser by six people on a real suite: docs/bureau.md tells it with pictures.

Each step is done in the page as a person does it; what a hall does comes through the broker.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from docx import Document
from openpyxl import load_workbook
from playwright.sync_api import Locator, expect

from hallpulse.calendars import load_overrides, national_calendar
from hallpulse.domain.workdays import SHANGHAI, day_of, workdays_of
from hallpulse.publisher import Publisher
from tests import browser
from tests.e2e.desks import REGION, Bureau, Desk, bureau_at, hall_event, month_before, seconds

pytestmark = pytest.mark.skipif(browser.program() is None, reason=f"none of {', '.join(browser.PROGRAMS)} is installed")
LIMIT = "承诺办结时限压缩比"
CASE = "C-2024-0017"
ITEMS = 8


@pytest.fixture
def bureau(tmp_path: Path) -> Iterator[Bureau]:
    with bureau_at(tmp_path) as opened:
        yield opened


def test_a_bureau_does_its_month_in_the_browser(bureau: Bureau, tmp_path: Path) -> None:
    figures_are_reported(bureau, tmp_path)
    a_wrong_figure_is_returned_and_corrected(bureau)
    a_catalogue_is_questioned_and_imported(bureau, tmp_path)
    a_target_that_falls_short_is_alerted_and_reminded(bureau)
    a_case_becomes_yellow_red_and_is_decided(bureau)
    a_what_if_is_imported_and_the_ratio_moves_as_it_said(bureau)
    the_matter_is_closed_when_the_alert_is_over(bureau)
    the_report_is_made_and_downloaded(bureau, tmp_path)
    the_audit_shows_all_with_names(bureau)
    assert bureau.complaints() == []


def figures_are_reported(bureau: Bureau, folder: Path) -> None:
    """By form, by an uploaded table, and late."""
    last, before = month_before(bureau.day), month_before(bureau.day, 2)
    justice, office, petitions = (bureau.desks[name] for name in ("zhaoqiang", "qianfang", "sunli"))
    justice.picture("01-work-of-a-department")
    open_form(justice, last)
    for indicator in ("administrative_loss", "leader_in_court", "review_then_win", "advice_answered"):
        fill(justice, indicator, 4 if indicator != "administrative_loss" else 0, 4)
    fill(justice, "judgment_performed", 45, 40)
    justice.sees("分子大于分母")
    fill(justice, "judgment_performed", 4, 40)
    justice.picture("02-form")
    justice.press("提交")
    justice.sees("已提交 5 个数。")
    justice.sees("已报送")

    office.open("上传表格")
    form = office.save(lambda: office.press("下载空白表格"), folder)
    filled_in(form)
    office.sheet.locator("#upload-file").set_input_files(form)
    office.press("上传并检查")
    office.sees("可以导入", 90)
    office.picture("03-upload-of-figures")
    office.press("提交")
    office.sees("已导入", 90)

    open_form(petitions, before)
    for indicator in ("administrative_loss", "leader_in_court", "petition_backlog"):
        fill(petitions, indicator, 2 if indicator != "administrative_loss" else 0, 2)
    petitions.press("提交")
    petitions.sees(re.compile(r"迟报 \d+ 天"))


def open_form(desk: Desk, month: str) -> None:
    desk.home()
    desk.work.locator(".task").first.get_by_role("link", name=month, exact=True).click()
    expect(desk.sheet.locator(".report tbody tr").first).to_be_visible()


def fill(desk: Desk, indicator: str, numerator: int, denominator: int) -> None:
    desk.sheet.locator(f"[name={indicator}-numerator]").fill(str(numerator))
    desk.sheet.locator(f"[name={indicator}-denominator]").fill(str(denominator))


def filled_in(form: Path) -> None:
    """Fill in the white cells, as in a spreadsheet program."""
    book = load_workbook(form)
    sheet = book["申报"]
    for line in range(2, sheet.max_row + 1):
        if sheet[f"D{line}"].value in ("administrative_loss", "leader_in_court", "disclosure_loss"):
            sheet[f"F{line}"] = 3 if sheet[f"D{line}"].value == "leader_in_court" else 0
            sheet[f"G{line}"] = 3
    book.save(form)


def a_wrong_figure_is_returned_and_corrected(bureau: Bureau) -> None:
    chief, justice = bureau.desks["limin"], bureau.desks["zhaoqiang"]
    chief.home()
    chief.picture("04-work-of-the-bureau")
    chief.work.get_by_role("link", name="县司法局", exact=True).first.click()
    chief.sheet.get_by_label("生效裁判自动履行率", exact=True).check()
    chief.sheet.get_by_label("理由").fill("履行数与台账不符，请核对")
    chief.picture("05-returned")
    chief.press("退回")
    chief.sees("已退回。")

    open_form(justice, month_before(bureau.day))
    justice.sees("履行数与台账不符，请核对")
    fill(justice, "judgment_performed", 40, 40)
    justice.press("提交")
    justice.sees("已提交 1 个数。")
    justice.sees("4 / 40")

    chief.home()
    chief.work.get_by_role("link", name="县司法局", exact=True).first.click()
    chief.sees("40 / 40")
    chief.press("审阅通过")
    chief.sees("已审阅。")
    chief.home()
    chief.work.get_by_role("link", name="月报一览：部门 × 月份").click()
    month = month_before(bureau.day)
    for department, state in (("县司法局", "已审阅"), ("县政府办公室", "已报送")):
        expect(chief.sheet.get_by_label(f"{department} {month}: {state}", exact=True)).to_be_visible()
    late = re.compile(rf"^县信访局 {month_before(bureau.day, 2)}: 迟报 \d+ 天$")
    expect(chief.sheet.get_by_label(late)).to_be_visible()
    chief.picture("06-matrix")


def a_catalogue_is_questioned_and_imported(bureau: Bureau, folder: Path) -> None:
    """Items whose promised limits are 40 % of the statutory ones: 60 %, less than the plan requires."""
    chief, table = bureau.desks["limin"], folder / "事项目录.csv"
    write_catalogue(table, date.fromisoformat(f"{month_before(bureau.day, 2)}-01"))
    chief.open("上传表格")
    chief.sheet.locator("#upload-kind").select_option(label="事项目录")
    chief.sheet.locator("#upload-file").set_input_files(table)
    chief.press("上传并检查")
    chief.sees("有问题待回答", 90)
    chief.picture("07-questions")
    for question in chief.sheet.locator(".questions fieldset").all():
        days = question.get_by_label("工作日", exact=True)
        (days if days.count() else question.get_by_role("radio").first).check()
    chief.press("按回答重新读取")
    chief.sees("可以导入", 90)
    expect(row_of(chief, ".effects", LIMIT)).to_contain_text("96 / 160")
    chief.picture("08-preview")
    chief.press("导入")
    chief.sees("已导入", 90)


def write_catalogue(path: Path, since: date) -> None:
    heads = ["实施编码", "事项名称", "部门", "办件类型", "法定办结时限", "承诺办结时限", "是否进驻大厅", "生效日期"]
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(heads)
        for n in range(ITEMS):
            table.writerow((f"item-{n}", f"户籍证明{n}", "县公安局", "承诺件", 20, 8, "是", since.isoformat()))


def row_of(desk: Desk, part: str, name: str) -> Locator:
    rows = desk.sheet.locator(f"{part} tbody tr")
    return rows.filter(has=desk.page.locator("th", has_text=re.compile(rf"^\s*{name}"))).first


def a_target_that_falls_short_is_alerted_and_reminded(bureau: Bureau) -> None:
    chief, leading = bureau.desks["limin"], bureau.desks["zhoujie"]
    chief.until(lambda: taken(chief), 180)
    alert = chief.sheet.locator("li.alert").filter(has_text=LIMIT).first
    expect(alert).to_contain_text("县政务服务和数字化建设管理局")
    alert.get_by_label("处理情况").fill("已请数据股核对目录")
    alert.get_by_role("button", name="记一笔").click()
    chief.sees("已请数据股核对目录")
    alert.scroll_into_view_if_needed()
    chief.picture("09-alert")

    chief.home()
    chief.work.get_by_role("link", name=LIMIT, exact=True).click()
    chief.sheet.get_by_role("link", name="督办", exact=True).click()
    chief.sees("完成值60.00%")
    chief.picture("10-reminder")
    chief.press("发出督办")
    chief.sees("应于")

    leading.home()
    leading.picture("11-reminded")
    leading.work.get_by_role("link", name=re.compile(LIMIT)).first.click()
    leading.sheet.get_by_label("原因").fill("承诺时限多年未调整")
    leading.sheet.get_by_label("措施").fill("八个事项的承诺时限由 8 个工作日压缩到 4 个工作日")
    leading.sheet.get_by_label("完成时限").fill((bureau.day + timedelta(days=5)).isoformat())
    leading.press("提交答复")
    leading.sees("答复已提交。")


def taken(desk: Desk) -> bool:
    """Take care of the alert of the promised limits; it is refused until Alertmanager has told somebody of it."""
    if not fires(desk):
        return False
    alert = desk.sheet.locator("li.alert").filter(has_text=LIMIT).first
    button = alert.get_by_role("button", name="我来处理")
    if button.count():
        button.click()
        desk.page.wait_for_timeout(1000)
    return alert.get_by_text(re.compile(r"李敏.* 接手")).count() > 0


def fires(desk: Desk) -> bool:
    """Whether the inbox has the alert of the promised limits."""
    desk.open("告警")
    expect(desk.page.locator("#drawer-title")).to_have_text("正在告警")
    desk.page.wait_for_timeout(300)
    return desk.sheet.locator("li.alert").filter(has_text=LIMIT).count() > 0


def a_case_becomes_yellow_red_and_is_decided(bureau: Bureau) -> None:
    """Accepted so long ago that it is two days late; the hall then corrects the day, and it is a week later still."""
    chief = bureau.desks["limin"]
    received = bureau.day - timedelta(days=45)
    accepted = bureau.day - timedelta(days=24)
    promised = working_days(accepted, bureau.day) - 2
    case = {"case_id": CASE}
    opened = {**case, "item_code": "item-0", "department": "public-security", "channel": "window"}
    limits = {"statutory_days": 60, "promised_days": promised}
    with Publisher(bureau.amqp) as hall:
        hall.send(hall_event("hall.case.received.v1", {**opened, **limits}, noon(received), "e-1"))
        hall.send(hall_event("hall.case.accepted.v1", case, noon(accepted), "e-2"))
    chief.until(lambda: late_case(chief, "黄牌 超期 2 个工作日"))
    chief.picture("12-yellow")
    with Publisher(bureau.amqp) as hall:
        earlier = noon(accepted - timedelta(days=14))
        hall.send(hall_event("hall.case.accepted.v1", {**case, "corrects": "e-2"}, earlier, "e-3"))
    chief.until(lambda: late_case(chief, "红牌"))
    chief.sheet.get_by_role("link", name=CASE).click()
    chief.sees("红牌")
    chief.picture("13-red")
    chief.sheet.get_by_role("link", name="督办", exact=True).click()
    chief.sees("红牌")
    expect(chief.sheet.locator("#rung")).to_have_value("rectification")
    chief.press("发出督办")
    chief.sees("督促整改")
    with Publisher(bureau.amqp) as hall:
        hall.send(hall_event("hall.case.decided.v1", {**case, "outcome": "granted"}, just_now(), "e-4"))
    chief.sheet.get_by_role("link", name="看数字").click()

    def decided() -> bool:
        chief.page.reload()
        expect(chief.page.locator("#drawer-title")).to_have_text(CASE, timeout=seconds(30))
        return "已办结" in chief.sheet.locator(".facts").first.inner_text()

    chief.until(decided)
    chief.picture("14-decided")


def noon(day: date) -> datetime:
    return datetime.combine(day, time(12), SHANGHAI)


def just_now() -> datetime:
    return datetime.now(SHANGHAI) - timedelta(seconds=1)


def working_days(after: date, until: date) -> int:
    """Working days after a day, up to and with another one, in the county."""
    calendars = [national_calendar(), *load_overrides(Path(__file__).parents[2] / "calendars")]
    days = workdays_of(int(REGION), {one.scope: one for one in calendars})
    return days.count(day_of(after), day_of(until))


def late_case(desk: Desk, card: str) -> bool:
    desk.home()
    desk.page.locator("[data-key=open-overdue]").click()
    expect(desk.page.locator("#drawer-title")).to_contain_text("超期")
    return card in desk.sheet.locator(".inside").inner_text()


def a_what_if_is_imported_and_the_ratio_moves_as_it_said(bureau: Bureau) -> None:
    chief = bureau.desks["limin"]
    chief.open("试算")
    expect(chief.sheet.locator(".items tbody tr")).to_have_count(ITEMS)
    for row in chief.sheet.locator(".items tbody tr").all():
        row.locator("[name=promised_days]").fill("4")
        row.locator("[name=promised_days]").blur()
    chief.press("试算")
    moved = row_of(chief, ".moved-targets", LIMIT)
    expect(moved).to_contain_text("80.00 %", timeout=seconds(60))
    moved.scroll_into_view_if_needed()
    chief.picture("15-what-if")
    said = moved.locator("td").nth(1).inner_text().strip()
    assert said == "80.00 %"
    chief.sheet.get_by_label("草稿名称").fill("压缩户籍证明的承诺时限")
    chief.press("保存草稿")
    expect(chief.page.locator("#drawer-title")).to_have_text("压缩户籍证明的承诺时限")
    chief.press("交付导入")
    chief.sees("可以导入", 90)
    chief.press("导入")
    chief.sees("已导入", 90)

    def moved_as_said() -> bool:
        chief.home()
        card = chief.page.locator("[data-key=target-promised_limit]")
        return card.count() > 0 and said in card.inner_text()

    chief.until(moved_as_said)
    chief.page.locator("[data-key=target-promised_limit]").click()
    chief.sees(said)
    chief.picture("16-as-it-said")


def the_matter_is_closed_when_the_alert_is_over(bureau: Bureau) -> None:
    chief = bureau.desks["limin"]
    chief.until(lambda: not fires(chief), 120)
    chief.home()
    chief.work.get_by_role("link", name=re.compile(LIMIT)).first.click()
    chief.sees("承诺时限多年未调整")
    chief.press("办结")
    chief.sees("已办结。")
    chief.picture("17-closed")


def the_report_is_made_and_downloaded(bureau: Bureau, folder: Path) -> None:
    chief, leader = bureau.desks["limin"], bureau.desks["wugang"]
    year, month = map(int, month_before(bureau.day).split("-"))
    chief.open("报告")
    chief.sheet.locator("#report-period").select_option(label=f"{year}年{month}月")
    chief.press("编制（不发布）")
    chief.sees("草稿已编制，请下载。", 120)
    draft = chief.save(chief.sheet.get_by_role("button", name="Word").first.click, folder)
    text = "\n".join(one.text for one in Document(str(draft)).paragraphs)
    assert f"{year}年{month}月" in text
    assert "汪清县" in text
    chief.press("发布")
    chief.sees("已发布。", 120)
    chief.picture("18-report")

    leader.open("报告")
    leader.sees("李敏")
    published = leader.save(leader.sheet.get_by_role("button", name="PDF").first.click, folder)
    assert published.read_bytes().startswith(b"%PDF-")


AUDITED = (
    ("赵强", "填报"), ("钱芳", "上传表格"), ("钱芳", "导入表格"), ("孙丽", "填报"), ("李敏", "退回月报"),
    ("李敏", "审阅月报"), ("李敏", "上传表格"), ("李敏", "导入表格"), ("李敏", "认领告警"), ("李敏", "备注告警"),
    ("李敏", "发起督办"), ("周杰", "答复督办"), ("李敏", "保存试算草稿"), ("李敏", "交付试算草稿"),
    ("李敏", "办结督办"), ("李敏", "编制报告"), ("李敏", "发布报告"),
)  # fmt: skip


def the_audit_shows_all_with_names(bureau: Bureau) -> None:
    leader = bureau.desks["wugang"]

    def written() -> bool:
        leader.open("办理记录")
        expect(leader.sheet.locator("tbody tr").first).to_be_visible()
        more = leader.sheet.get_by_role("button", name="继续读取")
        while more.is_visible():
            more.click()
            expect(more).to_be_enabled()
        cells = [row.locator("td").all_inner_texts() for row in leader.sheet.locator("tbody tr").all()]
        said = {(who.split(" ")[0], what) for _, who, what, *_ in cells}
        assert [what for _, what in said if re.search("[a-z]", what)] == [], "an entry without a word"
        return set(AUDITED) <= said

    leader.until(written, 20)
    leader.picture("19-audit")
    for name in (LIMIT, "县司法局", "履行数与台账不符，请核对", "压缩户籍证明的承诺时限"):
        leader.sees(name)
