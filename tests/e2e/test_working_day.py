"""A month of a department and its bureau in a real browser: reported, returned with a reason, corrected, seen."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hallpulse.calendars import load_overrides, national_calendar
from hallpulse.plans import load_plans
from hallpulse.store import Store, migrate, open_store
from tests import browser
from tests.browser import Page
from tests.gateway_ground import PLANS, FakeClock, serving
from tests.peopled import PASSWORD, Peopled, StoringPublisher

pytestmark = pytest.mark.skipif(browser.program() is None, reason=f"none of {', '.join(browser.PROGRAMS)} is installed")
EVIL = '<img src=x onerror="alert(1)">'
MONTH = "2026-08"


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    migrate(database_url)
    opened = open_store(database_url, plans=load_plans(PLANS))
    opened.apply_calendars([national_calendar(), *load_overrides(Path(__file__).parents[2] / "calendars")])
    yield opened
    opened.close()


@pytest.fixture
def address(store: Store) -> Iterator[str]:
    """The gateway on 3 September 2026, when August is asked for until the 5th."""
    clock = FakeClock(datetime(2026, 9, 3, 4, tzinfo=UTC), time.monotonic())
    people = Peopled(store, clock, StoringPublisher(store=store, clock=clock))
    with serving(people.app.state.resources) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def page() -> Iterator[Page]:
    with browser.browsing() as opened:
        yield opened


def put(page: Page, selector: str, text: str) -> None:
    found = f"document.querySelector({json.dumps(selector)})"
    page.until(f"Boolean({found})")
    page.value(f"{found}.value = {json.dumps(text)}; {found}.dispatchEvent(new Event('input', {{bubbles: true}}))")


def sign_in(page: Page, address: str, name: str) -> None:
    page.open(address)
    put(page, "#name", name)
    put(page, "#password", PASSWORD)
    page.click("#by-name button")
    page.until("document.querySelector('.who')?.innerText.startsWith('王')")


def sign_out(page: Page) -> None:
    page.value("[...document.querySelectorAll('#tools button')].at(-1).click()")
    page.until("Boolean(document.getElementById('by-name'))")


def state(page: Page) -> str:
    return str(page.value("document.querySelector('.drawer .facts .chip')?.className.split('is-report-')[1] ?? ''"))


def press(page: Page, text: str) -> None:
    found = f"[...document.querySelectorAll('.drawer button')].find((b) => b.innerText === {json.dumps(text)})"
    page.value(f"{found}.click()")


def open_form(page: Page) -> None:
    page.value(f"location.hash = '#/form/justice/{MONTH}'")
    page.until("document.querySelectorAll('.report tbody tr').length > 4")


def say_figure(page: Page, indicator: str, numerator: str, denominator: str, note: str = "") -> None:
    put(page, f"[name={indicator}-numerator]", numerator)
    put(page, f"[name={indicator}-denominator]", denominator)
    put(page, f"[name={indicator}-note]", note)


def test_a_month_is_reported_returned_corrected_and_seen(page: Page, address: str, store: Store) -> None:
    sign_in(page, address, "department")
    page.until("document.querySelectorAll('.work .task').length", 5)
    assert MONTH in page.text(".work .task")
    open_form(page)
    asked = page.value("[...document.querySelectorAll('.report [name$=-numerator]')].map((i) => i.name.split('-')[0])")
    must = ["administrative_loss", "leader_in_court", "review_then_win", "judgment_performed", "advice_answered"]
    assert asked[:5] == must
    for indicator in must:
        say_figure(page, indicator, "4", "5", EVIL)
    put(page, "[name=review_then_win-numerator]", "6")
    press(page, "提交")
    assert "分子大于分母" in page.text(".report")
    assert store.reviews.latest(222424) == {}
    put(page, "[name=review_then_win-numerator]", "4")
    press(page, "提交")
    page.until("document.querySelector('.drawer .facts .chip')?.className.includes('is-report-submitted')")
    assert "王department (department)" in page.text(".drawer .events")
    sign_out(page)

    sign_in(page, address, "bureau")
    page.until("document.querySelectorAll('.work .task').length", 5)
    assert "县司法局" in page.text(".work .task")
    page.value("location.hash = '#/outstanding'")
    page.until("document.querySelectorAll('.matrix .is-report-submitted').length", 1)
    open_form(page)
    press(page, "退回")
    page.until("document.querySelector('.judging .bad')?.innerText.includes('reason')")
    put(page, "#reason", "与台账不符")
    page.value("document.querySelector('.judging input[value=review_then_win]').click()")
    press(page, "退回")
    page.until("document.querySelector('.drawer .facts .chip')?.className.includes('is-report-returned')")
    sign_out(page)

    sign_in(page, address, "department")
    page.until("document.querySelector('.work .task')?.innerText.includes('与台账不符')")
    open_form(page)
    assert page.value("document.querySelectorAll('.report tr.wanted').length") == 1
    say_figure(page, "review_then_win", "5", "5", "已更正")
    press(page, "提交")
    page.until("document.querySelector('.drawer .facts .chip')?.className.includes('is-report-submitted')")
    sign_out(page)

    sign_in(page, address, "bureau")
    open_form(page)
    press(page, "审阅通过")
    page.until("document.querySelector('.drawer .facts .chip')?.className.includes('is-report-seen')")
    assert page.value("document.querySelectorAll('.drawer img, .board img').length") == 0, "what was noted is text"
    wrong = [one for one in page.complaints if "422" not in json.dumps(one)]
    assert wrong == []


@pytest.mark.parametrize("role", ["leader", "operator", "hall"])
def test_who_declares_nothing_sees_the_board_and_no_field_to_fill_in(page: Page, address: str, role: str) -> None:
    sign_in(page, address, role)
    page.until("document.querySelectorAll('.tile').length > 0")
    page.value(f"location.hash = '#/form/justice/{MONTH}'")
    page.until("document.getElementById('drawer').open")
    page.until("Boolean(document.querySelector('.drawer .inside')?.innerText)")
    assert page.value("document.querySelectorAll('.drawer .report input, .drawer .judging').length") == 0


def test_texts_of_the_work_are_complete_in_both_languages(page: Page, address: str) -> None:
    """No key and no code is shown raw: neither an underscore nor a word of one language in the other."""
    sign_in(page, address, "bureau")
    for view in ("#/outstanding", f"#/form/justice/{MONTH}"):
        page.value(f"location.hash = {json.dumps(view)}")
        page.until("document.querySelector('.drawer table')?.innerText.length > 40")
        chinese: Any = page.text(".drawer")
        assert "_" not in chinese
        page.value("[...document.querySelectorAll('#tools button')].find((b) => b.innerText === 'English').click()")
        page.until("document.documentElement.lang", "en")
        page.until("(document.querySelector('.drawer').innerText.match(/[\\u4e00-\\u9fff]/g) || []).length", 0)
        page.until("document.querySelector('.drawer table')?.innerText.length > 40")
        page.value("[...document.querySelectorAll('#tools button')].find((b) => b.innerText === '中文').click()")
        page.until("document.documentElement.lang", "zh-CN")
