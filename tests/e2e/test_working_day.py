"""A month of a department and its bureau in a real browser: reported, returned with a reason, corrected, seen."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from hallpulse.plans import load_plans
from hallpulse.store import Store, open_store
from tests import browser
from tests.browser import Page
from tests.gateway_ground import PLANS, FakeClock, serving
from tests.peopled import PASSWORD, Peopled, StoringPublisher

pytestmark = pytest.mark.skipif(browser.program() is None, reason=f"none of {', '.join(browser.PROGRAMS)} is installed")
EVIL = '<img src=x onerror="alert(1)">'
MONTH = "2026-08"


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = open_store(store_url, plans=load_plans(PLANS))
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
    sign_in_here(page, name)


def sign_in_here(page: Page, name: str) -> None:
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
    put(page, "[name=review_then_win-numerator]", "４")  # as an input method writes it
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
    page.until("document.querySelector('.judging .bad')?.innerText.includes('请写明理由') ?? false")
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
    # what the page was asking while somebody signed out is refused
    wrong = [one for one in page.complaints if not any(code in json.dumps(one) for code in ("422", "401"))]
    assert wrong == []


def test_what_was_typed_and_not_sent_is_there_again_for_the_same_person_alone(page: Page, address: str) -> None:
    """After the other language, a way out by mistake, a session that ended in the middle, and never for another."""
    typed = "document.querySelector('.report [name=review_then_win-numerator]')?.value"
    sign_in(page, address, "department")
    open_form(page)
    say_figure(page, "review_then_win", "17", "20", "台账第 3 页")
    for change, said in ((in_english, "is back"), (in_chinese, "已放回")):
        change(page)
        page.until(f"document.querySelector('.kept')?.innerText.includes({json.dumps(said)}) ?? false")
        assert page.value(typed) == "17"
    page.value("location.hash = '#/'")
    page.until("document.getElementById('drawer').open", False)
    open_form(page)
    page.until(typed, "17")
    page.until("document.querySelector('.report [name=review_then_win-note]')?.value", "台账第 3 页")

    for who in ("department", "bureau"):
        page.call("Network.clearBrowserCookies")  # as if the session had ended
        page.value("dispatchEvent(new StorageEvent('storage', {key: 'hallpulse-signed-in'}))")
        page.until("Boolean(document.getElementById('by-name'))")
        assert page.value("document.getElementById('drawer').childElementCount") == 0, "nothing of it is in the page"
        sign_in_here(page, who)
        open_form(page)
        if who == "department":
            page.until(typed, "17")
    assert page.value("document.querySelectorAll('.kept').length") == 0
    sign_out(page)

    sign_in_here(page, "department")
    open_form(page)
    assert page.value(typed) == "", "what another person's sign-in found in the tab is gone"
    say_figure(page, "review_then_win", "18", "20")
    page.value("location.reload()")
    page.until("Boolean(document.querySelector('.kept'))")  # until then it may be the page of before
    assert page.value(typed) == "18"
    press(page, "不要了")
    page.until(typed, "")


def test_what_is_typed_or_dropped_while_a_view_is_read_again_is_not_undone(page: Page, address: str) -> None:
    typed = "document.querySelector('.report [name=review_then_win-numerator]')?.value"
    sign_in(page, address, "department")
    open_form(page)
    say_figure(page, "review_then_win", "17", "20")
    page.value("{ const soon = window.fetch; window.fetch = async (...asked) => { const answer = await soon(...asked);"
               " await new Promise((done) => setTimeout(done, 1000)); return answer; } }")  # fmt: skip
    heading = "document.querySelector('.report thead')?.innerText.toLowerCase().includes"
    for change, number, word in ((in_english, "18", "numerator"), (in_chinese, "", "分子")):
        change(page)
        say_figure(page, "review_then_win", number, "20")
        page.until(f"{heading}({json.dumps(word)})")
        assert page.value(typed) == number


def test_tabs_of_a_browser_follow_who_is_signed_in(page: Page, address: str) -> None:
    """A tab that another one signed out, or in as somebody else, shows nothing under the name of before."""
    sign_in(page, address, "bureau")
    page.until("document.querySelectorAll('.work .task').length", 5)
    told = "dispatchEvent(new StorageEvent('storage', {key: 'hallpulse-signed-in'}))"  # as from another tab
    login = {"name": "department", "password": PASSWORD}
    headers = {"content-type": "application/json"}
    post = f"{{method: 'POST', headers: {json.dumps(headers)}, body: {json.dumps(json.dumps(login))}}}"
    page.value(f"fetch('/v1/session', {post}).then((answer) => answer.json()).then(() => {told})")
    page.until("document.querySelector('.who')?.innerText.startsWith('王department')")
    page.value(f"localStorage.removeItem('hallpulse-signed-in'); {told}")
    page.until("Boolean(document.getElementById('by-name'))")
    assert "登录已结束" in page.text(".signin")


def test_why_the_provider_refused_is_said_in_the_other_language_too(page: Page, address: str) -> None:
    page.open(f"{address}/#/refused/not-linked?subject=wang.li")
    page.until("document.querySelector('.signin .bad')?.innerText.includes('尚未关联账户')")
    put(page, "#name", "wang")
    in_english(page)
    page.until("document.querySelector('.signin .bad')?.innerText.includes('No account is linked')")
    assert page.value("document.getElementById('name').value") == "wang"


def in_english(page: Page) -> None:
    page.value("[...document.querySelectorAll('#tools button')].find((b) => b.innerText === 'English').click()")
    page.until("document.documentElement.lang", "en")


def in_chinese(page: Page) -> None:
    page.value("[...document.querySelectorAll('#tools button')].find((b) => b.innerText === '中文').click()")
    page.until("document.documentElement.lang", "zh-CN")


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


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_the_header_is_one_row_on_a_laptop_with_the_longest_menu(page: Page, address: str, language: str) -> None:
    sign_in(page, address, "bureau")
    page.until("document.querySelectorAll('.tile').length > 0")
    if language == "en":
        page.value("[...document.querySelectorAll('#tools button')].find((b) => b.innerText === 'English').click()")
    page.until("document.documentElement.lang", language)
    for width in (1366, 1920):
        page.call("Emulation.setDeviceMetricsOverride", width=width, height=768, deviceScaleFactor=1, mobile=False)
        page.until("innerWidth", width)
        page.until("document.querySelectorAll('#tools > *').length >= 10")
        assert page.value("document.querySelector('.top').offsetHeight") < 64
        assert page.value("document.documentElement.scrollWidth <= innerWidth")
        boxes = page.value(
            "[...document.querySelectorAll('.brand, .where select, .fresh .tag, #tools > *')]"
            ".map((one) => one.getBoundingClientRect()).map(({ left, right }) => [left, right])"
        )
        assert all(right <= after + 1 for (_, right), (after, _) in pairwise(boxes)), boxes
