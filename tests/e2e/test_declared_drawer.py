"""What is behind a declared number, in a real browser: every report of it, and the months behind the measured one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from hallpulse.plans import load_plans
from hallpulse.store import Store, migrate, open_store
from tests import browser
from tests.browser import Page
from tests.gateway_ground import PLANS, READ_TOKEN, make_resources, serving
from tests.merging import NOW, decoded

pytestmark = pytest.mark.skipif(browser.program() is None, reason=f"none of {', '.join(browser.PROGRAMS)} is installed")
EVIL = '<img src=x onerror="alert(1)">'
LIST = "#/list?region=222424&indicator=leader_in_court&part="


def report(id_: str, period: str, numerator: int, denominator: int, **more: Any) -> dict[str, Any]:
    """A report of a department, of hall-1 if no other place is given; department=None: the region's own."""
    data = {
        "indicator": "leader_in_court", "period": period, "revision": more.get("revision", 1),
        "numerator": numerator, "denominator": denominator,
    }  # fmt: skip
    department = more.get("department", "justice")
    extra: dict[str, Any] = {name: more[name] for name in ("reporter", "note") if name in more}
    return {
        "specversion": "1.0", "id": id_, "source": f"/222424/{more.get('hall', 'hall-1')}",
        "type": "hall.figure.reported.v1", "time": more.get("time", "2026-08-03T09:00:00+08:00"), **extra,
        "data": data if department is None else {**data, "department": department},
    }  # fmt: skip


REPORTS = [
    report("may-1", "2026-05", 4, 5, reporter="Li", note="first count", time="2026-06-02T09:30:00+08:00"),
    report("may-2", "2026-05", 5, 6, reporter="Li", note=EVIL, revision=2, time="2026-06-04T16:00:00+08:00"),
    report("april-own", "2026-04", 7, 9, department=None),
    report("april", "2026-04", 3, 4),
    report("june-wrong", "2026-06", 9, 5),
    report("june-typo", "2026-06", 1, 2, department="justize"),
    report("july", "2026-07", 2, 2, hall="declarations", reporter="Wang (bureau)"),
]


@pytest.fixture
def address(database_url: str) -> Iterator[str]:
    migrate(database_url)
    store: Store = open_store(database_url, plans=load_plans(PLANS))
    store.merge(decoded(REPORTS), NOW)
    with serving(make_resources(store)) as port:
        yield f"http://127.0.0.1:{port}"
    store.close()


@pytest.fixture
def page(address: str) -> Iterator[Page]:
    with browser.browsing() as opened:
        opened.open(f"{address}/#token={READ_TOKEN}", 1366, 768)
        opened.until("document.querySelectorAll('.card, .waiting li').length > 3")
        yield opened


def rows(page: Page) -> list[list[str]]:
    """The table's rows as they are read, cell by cell."""
    cells = (
        "[...document.querySelectorAll('.reports tbody tr')].map((r) => [...r.cells].map((c) => c.innerText.trim()))"
    )
    return [[" ".join(cell.split()) for cell in row] for row in page.value(cells)]


def press(page: Page, key: str, code: int) -> None:
    for kind in ("keyDown", "keyUp"):
        page.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)


def test_a_declared_number_shows_every_report_behind_it_with_who_when_and_whether_it_counts(page: Page) -> None:
    page.click("[data-key=leader_in_court-numerator]")
    page.until("document.querySelectorAll('.reports tbody tr').length", len(REPORTS))
    arrived, hall = "2026-11-24 20:00", "hall-1"
    august, justice, first = "2026-08-03 09:00", "县司法局", f"Li {hall} 说明：first count"
    assert rows(page) == [
        ["2026年7月", justice, "2 / 2 100.00 %", "1", "✓ 计入", "Wang (bureau) 直接申报", august, arrived],
        ["2026年6月", justice, "9 / 5", "1", "✕ 不计入：数值或期间不能成立", hall, august, arrived],
        ["2026年6月", "justize", "1 / 2", "1", "✕ 不计入：方案没有要求", hall, august, arrived],
        ["2026年5月", justice, "5 / 6 83.33 %", "2", "✓ 计入", f"Li {hall} 说明：{EVIL}", "2026-06-04 16:00", arrived],
        ["2026年5月", justice, "4 / 5 80.00 %", "1", "↺ 已被另一次报送取代", first, "2026-06-02 09:30", arrived],
        ["2026年4月", "全地区", "7 / 9 77.78 %", "1", "✓ 计入", hall, august, arrived],
        ["2026年4月", justice, "3 / 4 75.00 %", "1", "⊂ 不重复计入：已含在另一个数中", hall, august, arrived],
    ]  # fmt: skip
    counted = "[...document.querySelectorAll('.report-counted')].map((r) => parseInt(r.cells[2].innerText))"
    assert sum(page.value(counted)) == int(page.text(".facts .big")) == 14
    assert "报送 7 次，其中计入 3 次" in page.text(".drawer")
    soft = "getComputedStyle(document.querySelector('.report-{}')).color"
    assert page.value(soft.format("superseded")) != page.value(soft.format("counted"))
    assert page.value("document.querySelectorAll('.drawer img').length") == 0
    assert page.complaints == []


def test_the_reports_of_a_declared_number_are_told_in_either_language_without_codes(page: Page) -> None:
    for part in ("numerator", "denominator"):
        page.value(f"location.hash = {json.dumps(LIST + part)}")
        page.until("document.querySelectorAll('.reports tbody tr').length", len(REPORTS))
        assert "_" not in page.text(".drawer")
        page.value("[...document.querySelectorAll('#tools button')].find((b) => b.innerText === 'English').click()")
        page.until("document.querySelector('.reports th')?.innerText", "period")
        english = page.text(".drawer")
        assert "July 2026" in english
        assert "replaced by another report" in english
        assert "_" not in english
        assert page.value("(document.querySelector('.drawer').innerText.match(/[\\u4e00-\\u9fff]/g) || []).length") == 0
        page.value("[...document.querySelectorAll('#tools button')].find((b) => b.innerText === '中文').click()")
        page.until("document.querySelector('.reports th')?.innerText", "期间")


def test_a_declared_number_that_nothing_was_reported_for_says_so(page: Page) -> None:
    page.value("location.hash = '#/list?region=222424&indicator=law_training&part=numerator'")
    page.until("document.querySelector('.drawer .inside')?.innerText.includes('没有任何报送')")
    assert "法治培训班次数" in page.text("#drawer-title")
    assert "_" not in page.text(".drawer")
    assert page.complaints == []


def test_the_reports_are_reached_and_left_by_keyboard(page: Page) -> None:
    page.value(f"location.hash = '{LIST}numerator'")
    page.until("document.querySelectorAll('.reports tbody tr').length", len(REPORTS))
    seen = []
    for _ in range(24):
        press(page, "Tab", 9)
        seen.append(page.value("document.activeElement.getAttribute('href') || document.activeElement.className"))
    assert "scroll" in seen
    assert "#/form/justice/2026-07" in seen
    press(page, "Escape", 27)
    page.until("document.getElementById('drawer').open", False)
    assert page.value("location.hash") == "#/"


@pytest.mark.parametrize("width", [390, 1366])
def test_the_reports_keep_within_the_drawer(page: Page, address: str, width: int) -> None:
    page.open(f"{address}/{LIST}numerator", width)
    page.until("document.querySelectorAll('.reports tbody tr').length", len(REPORTS))
    assert page.value("document.documentElement.scrollWidth <= innerWidth")
    assert page.value("document.querySelector('.inside').scrollWidth <= document.querySelector('.inside').clientWidth")


def test_the_measured_number_of_monthly_reports_leads_to_the_departments_months(page: Page) -> None:
    page.value("location.hash = '#/target/monthly_report'")
    page.until("document.querySelector('.drawer .inside')?.innerText.includes('按月报到达本系统的时间测得')")
    page.until("document.querySelector('.drawer .plain')?.innerText.includes('逾期未报 10 个月')")
    page.click(".drawer .figures a")
    page.until("document.querySelectorAll('.matrix tbody tr').length > 3")
    assert page.complaints == []
