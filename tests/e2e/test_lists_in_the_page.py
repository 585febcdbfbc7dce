"""Lists of the page in a real browser: what is sought is what is shown, what the address says, and what is filed."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from hallpulse.calendars import load_overrides, national_calendar
from hallpulse.plans import load_plans
from hallpulse.store import Store, hash_of, migrate, open_store
from tests import browser
from tests.browser import Page
from tests.e2e.test_page import CALENDARS, case, year
from tests.e2e.test_working_day import sign_in
from tests.gateway_ground import PLANS, FakeClock, serving
from tests.merging import NOW, decoded
from tests.peopled import Peopled
from tests.servers import PostgresServer

pytestmark = pytest.mark.skipif(browser.program() is None, reason=f"none of {', '.join(browser.PROGRAMS)} is installed")
MANY = 230
LIST = "#/list?region=222424&indicator=acceptance_rate&part=denominator&from=2026-01-01&to=2026-11-24"
ROWS = "document.querySelectorAll('.drawer .cases tbody tr').length"
IDS = "[...document.querySelectorAll('.drawer .cases tbody tr')].map((row) => row.cells[0].innerText.trim())"

WITHIN = "(({ scrollWidth, clientWidth }) => scrollWidth <= clientWidth)(document.querySelector('.inside'))"


@pytest.fixture(scope="module")
def address(postgres: PostgresServer) -> Iterator[str]:
    """A gateway on 24 November 2026, with more cases than fit on a page."""
    with postgres.fresh_database() as url:
        migrate(url)
        store: Store = open_store(url, plans=load_plans(PLANS))
        store.apply_calendars([national_calendar(), *load_overrides(CALENDARS)])
        store.halls.add(222424, "hall-1", ["case"], hash_of("x"), zh="政务大厅", en="Main hall")
        numbers = range(100, 100 + MANY)
        many = [event for number in numbers for event in case(number, "2026-09-04" if number % 2 else None)]
        store.merge(decoded([*year(), *many]), NOW)
        people = Peopled(store, FakeClock(datetime(2026, 11, 24, 4, tzinfo=UTC), time.monotonic()))
        with serving(people.app.state.resources) as port:
            yield f"http://127.0.0.1:{port}"
        store.close()


@pytest.fixture
def page(address: str) -> Iterator[Page]:
    with browser.browsing() as opened:
        sign_in(opened, address, "bureau")
        yield opened


def go(page: Page, view: str, rows: int) -> None:
    page.value(f"location.hash = {json.dumps(view)}")
    page.until(ROWS, rows)


def asked(page: Page, path: str) -> str:
    """What the gateway answers the page that is open."""
    return str(page.value(f"fetch({json.dumps(path)}).then((answer) => answer.text())"))


def type_in(page: Page, text: str) -> None:
    page.value(
        f"(() => {{ const field = document.querySelector('.listbar input'); field.value = {json.dumps(text)};"
        " field.dispatchEvent(new Event('input')); })()"
    )


def test_a_list_is_sought_sorted_and_paged_and_its_address_opens_it_so(page: Page, address: str) -> None:
    go(page, LIST, 100)
    assert "第 1–100 条，共 247 条" in page.text(".listed .count")
    page.click(".listed [data-key=pageAfter]")
    page.until("document.querySelector('.listed .count').innerText", "第 101–200 条，共 247 条")
    page.click(".listed [data-key=sort-case_id]")
    page.until("document.querySelector('.listed th').getAttribute('aria-sort')", "ascending")
    page.value("document.querySelector('.listed [data-key=sort-case_id]').focus()")
    page.click(".listed [data-key=sort-case_id]")
    page.until("document.querySelector('.listed th').getAttribute('aria-sort')", "descending")
    page.until(f"{IDS}[0]", "case-9")
    assert page.value("document.activeElement.dataset.key") == "sort-case_id", "the focus stays where one pressed"
    type_in(page, "case-12")
    page.until(ROWS, 11)
    assert page.value(IDS) == [*(f"case-{number}" for number in range(129, 119, -1)), "case-12"]
    assert "（全部 247）" in page.text(".above")
    shared = page.value("location.hash")
    assert "text=case-12" in shared
    assert "sort=-case_id" in shared
    found = json.loads(asked(page, f"/v1/cases?{LIST.split('?')[1]}&text=case-12&sort=-case_id"))
    assert [one["case_id"] for one in found["cases"]] == page.value(IDS)
    page.open("about:blank")
    page.open(f"{address}/{shared}")
    page.until(ROWS, 11)
    assert page.value("document.querySelector('.listbar input').value") == "case-12"
    page.value("[...document.querySelectorAll('.listbar button')].at(-1).click()")
    page.until(ROWS, 100)
    assert page.complaints == []


def test_the_cards_are_a_filter_and_a_file_has_what_is_filtered(page: Page) -> None:
    go(page, LIST, 100)
    page.value(
        "(() => { const card = document.querySelector('.listbar [name=card]'); card.value = 'red';"
        " card.dispatchEvent(new Event('change')); })()"
    )
    page.until("document.querySelector('.listed .count')?.innerText.includes('247')", False)
    page.until("[...document.querySelectorAll('.listed tbody tr')].every((row) => row.innerText.includes('红牌'))")
    red = json.loads(asked(page, f"/v1/cases?{LIST.split('?')[1]}&card=red"))
    assert 100 < red["rows"] < 247
    page.value(
        "window.kept = null; const create = URL.createObjectURL;"
        " URL.createObjectURL = (blob) => { blob.text().then((text) => { window.kept = text; }); return create(blob); }"
    )
    page.value("[...document.querySelectorAll('.listbar .files button')][0].click()")
    page.until("window.kept !== null")
    told = "document.querySelector('.drawer .inside > .hint[role=status]').innerText"
    page.until(told, f"文件已下载：{red['rows']} 条。")
    head, *lines = csv.reader(io.StringIO(page.value("window.kept").lstrip("\ufeff"), newline=""))
    assert len(lines) == red["rows"]
    assert head[:7] == ["办件编号", "事项", "实施编码", "部门", "部门代码", "大厅", "大厅代码"]
    assert [line[0] for line in lines[:100]] == [one["case_id"] for one in red["cases"]]
    assert page.complaints == []


def test_the_columns_chosen_are_kept_and_told_by_keyboard(page: Page) -> None:
    go(page, LIST, 100)
    heads = "[...document.querySelectorAll('.listed th')].map((head) => head.innerText.trim()).join()"
    before = page.value(heads)
    page.value("document.querySelector('.choice input[value=channel]').click()")
    page.until(heads, before.replace("大厅,", "大厅,渠道,"))
    page.value("document.querySelector('.choice input[value=hall]').click()")
    page.until(heads, before.replace("大厅,", "渠道,"))
    page.value("location.hash = '#/'")
    page.until("document.getElementById('drawer').open", False)
    go(page, LIST, 100)
    page.until(heads, before.replace("大厅,", "渠道,"))
    page.value("document.querySelector('.listed [data-key=sort-due]').focus()")
    for kind in ("rawKeyDown", "char", "keyUp"):
        page.call("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", text="\r", windowsVirtualKeyCode=13)
    order = "document.querySelector('.listed [data-key=sort-due]').parentElement.getAttribute('aria-sort')"
    page.until(order, "ascending")
    page.value("localStorage.removeItem('hallpulse-columns-cases')")
    assert page.complaints == []


@pytest.mark.parametrize("width", [390, 1366])
def test_lists_keep_within_the_drawer(page: Page, width: int) -> None:
    metrics = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 600}
    page.call("Emulation.setDeviceMetricsOverride", **metrics)
    for view in (LIST, "#/departments", "#/matters", "#/tasks", "#/upload"):
        page.value(f"location.hash = {json.dumps(view)}")
        page.until("Boolean(document.querySelector('.drawer .listbar'))")
        page.until("document.querySelectorAll('.drawer .listed > *').length > 0")
        assert page.value(
            "(({ scrollWidth, clientWidth }) => scrollWidth <= clientWidth)(document.querySelector('.inside'))"
        ), view
        assert page.value("document.documentElement.scrollWidth <= innerWidth"), view
        page.value("location.hash = '#/'")
        page.until("document.getElementById('drawer').open", False)
    assert page.complaints == []
