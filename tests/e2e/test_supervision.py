"""The ladder of supervision in a real browser: opened from a target, answered, returned, answered, closed, printed."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hallpulse.domain.figures import Scope
from hallpulse.plans import load_plans
from hallpulse.store import Grant, Store, open_store
from tests import browser
from tests.browser import Page
from tests.e2e.test_working_day import press, put, sign_in, sign_out
from tests.gateway_ground import COUNTY, PLANS, FakeClock, serving
from tests.integration.test_store import cloud_event, item, step
from tests.merging import decoded
from tests.peopled import Peopled
from tests.supervising import DirectServices

pytestmark = pytest.mark.skipif(browser.program() is None, reason=f"none of {', '.join(browser.PROGRAMS)} is installed")
EVIL = '<img src=x onerror="alert(1)">'
TODAY = datetime(2026, 9, 7, 4, tzinfo=UTC)
"""A Monday: the case is due on the Friday before, and so one working day late."""


def case_events() -> list[dict[str, Any]]:
    data = {"case_id": "C-1", "item_code": "i-1", "department": "justice", "channel": "window", "promised_days": 1}
    return [
        item(5, "2026-01-01", "v1", settled=True, department="data-bureau", item_code="i-1", name="户口登记"),
        item(5, "2026-01-01", "v2", settled=False, department="data-bureau", item_code="i-2"),
        cloud_event("case.received", "2026-09-02T09:00:00", "C-1-r", data),
        step("C-1", "accepted", "2026-09-02"),
    ]


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = open_store(store_url, plans=load_plans(PLANS))
    opened.halls.add(COUNTY, "hall-1", ["case", "item"], "h" * 64, "政务大厅", "Government Hall")
    opened.merge(decoded(case_events()), TODAY)
    yield opened
    opened.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(TODAY, time.monotonic())


@pytest.fixture
def address(store: Store, clock: FakeClock) -> Iterator[str]:
    people = Peopled(store, clock, services=DirectServices(store, clock))
    people.add("data-bureau", Grant("department", COUNTY, department="data-bureau"))
    with serving(people.app.state.resources) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def page() -> Iterator[Page]:
    with browser.browsing() as opened:
        yield opened


def picture(page: Page, name: str) -> None:
    """Keep what is seen where HALLPULSE_PICTURES names a folder."""
    folder = os.environ.get("HALLPULSE_PICTURES")
    if folder:
        shot = page.call("Page.captureScreenshot", format="png")
        (Path(folder) / f"{name}.png").write_bytes(base64.b64decode(shot["data"]))


def go(page: Page, address: str, wanted: str) -> None:
    page.value(f"location.hash = {json.dumps(address)}")
    page.until(f"Boolean(document.querySelector('.drawer')?.innerText.includes({json.dumps(wanted)}))")


def see(page: Page, state: str) -> None:
    page.until(f"Boolean(document.querySelector('.drawer .facts .is-matter-{state}'))")


def test_a_target_is_supervised_answered_returned_answered_again_closed_and_printed(
    page: Page, address: str, store: Store
) -> None:
    sign_in(page, address, "bureau")
    page.until("document.querySelectorAll('.work .task').length", 5)
    go(page, "#/target/settled_items", "50.00 %")
    page.click(".drawer a.button")
    page.until("Boolean(document.querySelector('.drawer .step')?.innerText.includes('完成值50.00%（1/2）'))")
    picture(page, "1-draft")
    put(page, "#remark", f"请重视 {EVIL}")
    press(page, "发出督办")
    see(page, "waiting")
    assert "县政务服务和数字化" in page.text(".drawer")
    assert "本部门答复" not in page.text(".drawer"), "the bureau does not answer"
    sign_out(page)

    sign_in(page, address, "data-bureau")
    page.until("Boolean(document.querySelector('.work')?.innerText.includes('应于 2026-09-10 前答复'))")
    picture(page, "2-work-of-the-department")
    page.click(".work a[href^='#/matters/']")
    see(page, "waiting")
    put(page, "#cause", f"进驻窗口不足 {EVIL}")
    press(page, "提交答复")
    page.until("document.querySelector('.drawer .judging .bad')?.innerText", "请填写完成时限。")
    put(page, "#measures", "增设三个窗口")
    put(page, "#done-by", "2026-09-20")
    picture(page, "3-answer")
    press(page, "提交答复")
    see(page, "answered")
    sign_out(page)

    sign_in(page, address, "bureau")
    page.until("Boolean(document.querySelector('.work')?.innerText.includes('督办待处理'))")
    page.click(".work a[href^='#/matters/']")
    see(page, "answered")
    press(page, "退回答复")
    page.until("Boolean(document.querySelector('.drawer .judging .bad')?.innerText.includes('请写明理由'))")
    put(page, "#decision-reason", "措施没有责任人")
    press(page, "退回答复")
    see(page, "returned")
    sign_out(page)

    sign_in(page, address, "data-bureau")
    page.click(".work a[href^='#/matters/']")
    see(page, "returned")
    page.until("document.querySelector('#measures')?.value", "增设三个窗口")
    assert "措施没有责任人" in page.text(".drawer .events")
    put(page, "#measures", "增设三个窗口，责任人李某")
    press(page, "提交答复")
    see(page, "answered")
    sign_out(page)

    sign_in(page, address, "bureau")
    page.click(".work a[href^='#/matters/']")
    see(page, "answered")
    press(page, "办结")
    see(page, "closed")
    page.until("document.querySelectorAll('.drawer .events li').length", 5)
    picture(page, "4-closed")
    assert page.value("document.querySelectorAll('.drawer .print button').length") == 3
    print_sheet(page)
    (matter,) = store.matters.list(Scope(COUNTY))
    assert [(one.deed.value, one.by) for one in matter.entries] == [
        ("opened", "王bureau (bureau)"),
        ("answered", "王data-bureau (data-bureau)"),
        ("returned", "王bureau (bureau)"),
        ("answered", "王data-bureau (data-bureau)"),
        ("closed", "王bureau (bureau)"),
    ]
    assert page.value("document.querySelectorAll('.drawer img, .board img').length") == 0, "what was written is text"
    wrong = [one for one in page.complaints if "422" not in json.dumps(one)]
    assert wrong == []


def print_sheet(page: Page) -> None:
    """The html sheet as a browser shows it, fetched as the page fetches it."""
    number = page.value("location.hash.split('/')[2]")
    sheet = page.value(
        f"fetch('/v1/matters/{number}?format=html').then((a) => a.text()).then((text) => text.length > 2000 && text)"
    )
    assert "政务服务督办单" in sheet
    assert "责任人李某" in sheet
    assert EVIL not in sheet


def test_a_case_becomes_yellow_then_red_and_has_the_same_ladder(page: Page, address: str, clock: FakeClock) -> None:
    sign_in(page, address, "bureau")
    cases = f"#/list?region={COUNTY}&state=overdue"
    go(page, cases, "C-1")
    page.until("document.querySelector('.drawer .is-card-yellow')?.innerText.includes('黄牌 超期 1 个工作日')")
    picture(page, "5-yellow")
    clock.now += timedelta(days=7)
    page.value("location.hash = '#/'")
    page.until("document.getElementById('drawer').open", False)
    go(page, cases, "C-1")
    page.until("document.querySelector('.drawer .is-card-red')?.innerText.includes('红牌 超期 6 个工作日')")
    picture(page, "6-red")
    go(page, f"#/case/{COUNTY}/hall-1/C-1", "红牌")
    page.click(".drawer a.button")
    page.until("Boolean(document.querySelector('.drawer .step')?.innerText.includes('已超期6个工作日，红牌'))")
    page.until("document.querySelector('#rung')?.value", "rectification")
    picture(page, "7-red-case")
    press(page, "发出督办")
    see(page, "waiting")
    assert "督促整改" in page.text(".drawer .facts")


def test_tasks_are_reported_by_their_department_with_evidence(page: Page, address: str) -> None:
    sign_in(page, address, "department")
    go(page, "#/tasks", "府院联动")
    assert page.value("document.querySelectorAll('.drawer .alerts > li').length") == 7
    put(page, "[name=task-state-14-justice]", "done")
    page.value("document.querySelector('[name=task-state-14-justice]').form.requestSubmit()")
    page.until("[...document.querySelectorAll('.drawer .bad')].some((one) => one.innerText.includes('须写明依据'))")
    put(page, "[name=task-evidence-14-justice]", f"会议纪要〔2026〕3号 {EVIL}")
    page.value("document.querySelector('[name=task-state-14-justice]').form.requestSubmit()")
    page.until("document.querySelectorAll('.drawer .alerts > .is-task-done').length", 1)
    picture(page, "8-tasks")
    sign_out(page)
    sign_in(page, address, "leader")
    go(page, "#/tasks", "会议纪要〔2026〕3号")
    assert page.value("document.querySelectorAll('.drawer form, .drawer img').length") == 0


def test_texts_of_supervision_are_complete_in_both_languages(page: Page, address: str) -> None:
    sign_in(page, address, "bureau")
    go(page, "#/matters/new?about=target&subject=settled_items", "发出督办")
    press(page, "发出督办")
    see(page, "waiting")
    number = page.value("location.hash.split('/')[2]")
    for view in ("#/matters", f"#/matters/{number}", "#/tasks", f"#/list?region={COUNTY}&state=overdue"):
        page.value(f"location.hash = {json.dumps(view)}")
        page.until("document.querySelector('.drawer .inside')?.innerText.length > 40")
        assert "_" not in page.text(".drawer .inside").replace("_names", "")
        page.value("[...document.querySelectorAll('#tools button')].find((b) => b.innerText === 'English').click()")
        page.until("document.documentElement.lang", "en")
        names = "王bureau 户口登记"
        page.until(
            "[...document.querySelector('.drawer .inside').innerText.matchAll(/[\\u4e00-\\u9fff]+/g)]"
            f".filter(([one]) => !{json.dumps(names)}.includes(one)).length",
            0,
        )
        page.value("[...document.querySelectorAll('#tools button')].find((b) => b.innerText === '中文').click()")
        page.until("document.documentElement.lang", "zh-CN")
        page.until("document.querySelector('.drawer .inside')?.innerText.length > 40")
