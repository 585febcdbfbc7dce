"""The board page in a real browser, on a real database: what it shows is what the API says, down to the case."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from hallpulse.domain.succession import Succession
from hallpulse.store import Grant, Store, open_store
from services.gateway.suite import SuiteParts
from tests import browser
from tests.browser import Page
from tests.gateway_ground import HALL_TOKEN, READ_TOKEN, FakeClock, make_resources, serving
from tests.merging import NOW, decoded
from tests.peopled import PASSWORD, Peopled

pytestmark = pytest.mark.skipif(browser.program() is None, reason=f"none of {', '.join(browser.PROGRAMS)} is installed")
EVIL = '<img src=x onerror="alert(1)">'
CALENDARS = Path(__file__).parents[2] / "calendars"


def event(id_: str, kind: str, time: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "specversion": "1.0", "id": id_, "source": "/222424/hall-1", "type": f"hall.{kind}.v1",
        "time": f"{time}T10:00:00+08:00", "data": data,
    }  # fmt: skip


def item(number: int, promised: int, **more: Any) -> dict[str, Any]:
    data = {
        "item_code": f"item-{number}", "name": f"事项{number}", "department": "justice", "kind": "licensing",
        "handling": "promised" if promised else "instant", "statutory_days": 20, "promised_days": promised,
        "settled": True, "effective_from": "2026-01-01", **more,
    }  # fmt: skip
    return event(f"item-{number}", "item.published", "2026-01-02", data)


def case(number: int, decided: str | None, case_id: str | None = None, item: int = 1) -> list[dict[str, Any]]:
    id_ = case_id or f"case-{number}"
    opening = {"case_id": id_, "item_code": f"item-{item}", "department": "justice", "channel": "window"}
    events = [
        event(f"{number}-r", "case.received", "2026-09-01", opening),
        event(f"{number}-a", "case.accepted", "2026-09-01", {"case_id": id_}),
    ]
    if decided:
        events.append(event(f"{number}-d", "case.decided", decided, {"case_id": id_, "outcome": "granted"}))
    return events


def year() -> list[dict[str, Any]]:
    """Twelve cases in time, three late, one that is open since September, and one with names that are markup."""
    kept = [e for n in range(12) for e in case(n, "2026-09-04")]
    late = [e for n in range(12, 15) for e in case(n, "2026-09-30")]
    items = [item(1, 5), item(2, 0), item(3, 10, settled=False), item(4, 5, name=EVIL, settled=False)]
    return [*items, *kept, *late, *case(15, None), *case(16, None, EVIL, item=4)]


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = open_store(store_url)
    opened.merge(decoded(year()), NOW)
    yield opened
    opened.close()


@pytest.fixture
def address(store: Store) -> Iterator[str]:
    with serving(make_resources(store)) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def page() -> Iterator[Page]:
    with browser.browsing() as opened:
        yield opened


def api(address: str, path: str) -> dict[str, Any]:
    answer: dict[str, Any] = httpx.get(address + path, headers={"authorization": f"Bearer {READ_TOKEN}"}).json()
    return answer


def number(text: str) -> int:
    return int(re.sub(r"\D", "", text))


def test_the_token_is_asked_for_once_and_kept_in_the_tab(page: Page, address: str) -> None:
    page.open(address)
    page.until("document.activeElement.id", "name")
    enter(page, "nobodys")
    page.until("document.querySelector('.signin .bad')?.innerText", "此令牌无效或已失效。")
    enter(page, READ_TOKEN)
    page.until("document.querySelectorAll('.card').length > 3")
    page.call("Page.reload")
    page.until("document.querySelectorAll('.card').length > 3")
    assert READ_TOKEN not in page.value("JSON.stringify(localStorage) + document.cookie + location.href")
    failed = [entry for entry in page.complaints if "401" not in json.dumps(entry)]
    assert failed == []


def enter(page: Page, token: str) -> None:
    page.value(f"document.getElementById('token').value = {json.dumps(token)}")
    page.click("#by-token button")


def test_the_board_shows_what_the_api_says(page: Page, address: str) -> None:
    page.open(f"{address}/#token={READ_TOKEN}")
    page.until("document.querySelectorAll('.card').length > 3")
    assert page.value("location.hash") == "#/"
    targets = {t["id"]: t for t in api(address, "/v1/targets?region=222424")["targets"]}
    settled = targets["settled_items"]
    card = page.text("[data-key=target-settled_items]")
    assert f"{settled['value'] * 100:.2f} %" in card
    assert f"{settled['numerator']} / {settled['denominator']}" in card
    assert "落后" in card
    assert page.value("document.querySelector('[data-key=target-settled_items]').className") == "card is-behind"
    indicators = api(address, "/v1/indicators?region=222424")
    assert number(page.text("[data-key=open-overdue] strong")) == indicators["open_cases"]["overdue"] == 2
    kept = next(i for i in indicators["indicators"] if i["id"] == "promise_kept_rate")
    assert (kept["numerator"], kept["denominator"]) == (12, 15)
    assert number(page.text("[data-key=promise_kept_rate-numerator]")) == 12
    assert "县司法局" in page.text(".departments")
    assert page.complaints == []


def test_a_link_with_a_token_opens_the_view_that_it_names_and_loses_only_the_token(page: Page, address: str) -> None:
    page.open(f"{address}/#/?region=220000&token={READ_TOKEN}")
    page.until("document.querySelectorAll('[data-key=acceptance_rate-numerator]').length", 1)
    assert page.value("location.hash") == "#/?region=220000"
    page.open(f"{address}/?again#/ratings?token={READ_TOKEN}&region=222424")
    page.until("location.hash", "#/ratings?region=222424")
    assert page.complaints == []


def test_a_figure_that_gains_from_raised_limits_is_marked_with_its_value_without_them(
    page: Page, store: Store, address: str
) -> None:
    raised = item(3, 10, statutory_days=40, effective_from="2026-06-01", settled=False)
    store.merge(decoded([{**raised, "id": "item-3-raised"}]), NOW)
    page.open(f"{address}/#token={READ_TOKEN}")
    page.until("document.querySelectorAll('.card .marked').length > 0")
    (target,) = [t for t in api(address, "/v1/targets?region=222424")["targets"] if t["marks"]]
    without = f"{target['marks'][0]['without']['value'] * 100:.2f} %"
    shown = page.text(f"[data-key=target-{target['id']}] .marked")
    assert shown == f"※ 提高法定时限换取压缩比 1 项，扣除后 {without}"
    page.value("const s = document.querySelector('[data-key=compare]'); s.value = 'promised_limit_compression';"
               " s.dispatchEvent(new Event('change'))")  # fmt: skip
    page.until("document.querySelectorAll('.departments .marked').length", 1)
    assert page.complaints == []


def test_a_part_that_keeps_dying_is_said_at_the_top(page: Page, store: Store, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    since = datetime(2026, 11, 24, 1, 30, tzinfo=UTC).timestamp()
    failing = {"name": "ingest", "state": "failing", "failing_since": since, "next_try": since + 300}
    state.write_text(json.dumps({"parts": [failing, {"name": "targets", "state": "running"}]}))
    with serving(replace(make_resources(store), suite=SuiteParts(state))) as port:
        page.open(f"http://127.0.0.1:{port}/#token={READ_TOKEN}")
        page.until("document.querySelectorAll('.card').length > 3")
        assert page.text(".warning") == "ingest 自 2026-11-24 09:30 起反复退出，下次重试 09:35。"
        assert page.complaints == []


def test_a_number_leads_to_its_cases_and_a_case_to_its_clock(page: Page, address: str) -> None:
    page.open(f"{address}/#token={READ_TOKEN}")
    page.click("[data-key=promise_kept_rate-denominator]")
    page.until("document.querySelectorAll('.cases tbody tr').length", 15)
    assert number(page.text(".facts .big")) == 15
    page.click(".cases tbody a[href$='case-12']")
    page.until("document.querySelector('#drawer-title')?.innerText", "case-12")
    days = api(address, "/v1/cases/222424/hall-1/case-12")["clock"]
    assert page.value("document.querySelectorAll('.month .grid span:not(.gap)').length") == len(days)
    assert page.value("document.querySelectorAll('.why-regional_holiday[title*=\"2026-09-03\"]').length") == 1
    assert "超时" in page.text(".drawer")
    page.value("history.back()")
    page.until("document.querySelectorAll('.cases tbody tr').length", 15)
    page.value("history.back()")
    page.until("document.getElementById('drawer').open", False)
    assert page.complaints == []


def test_an_integrity_check_leads_to_what_it_found(page: Page, address: str) -> None:
    page.open(f"{address}/#token={READ_TOKEN}")
    page.click("[data-key=check-silent_hall]")
    found = {c["id"]: c["count"] for c in api(address, "/v1/integrity?region=222424")["checks"]}
    page.until("document.querySelectorAll('.drawer .cases tbody tr').length", found["silent_hall"])
    assert found["silent_hall"] == number(page.text(".facts .big")) == 1
    assert page.complaints == []


@pytest.mark.attack
def test_what_an_event_says_is_text_and_never_markup(page: Page, address: str) -> None:
    page.open(f"{address}/#token={READ_TOKEN}")
    page.click("[data-key=open-overdue]")
    page.until("document.querySelectorAll('.cases tbody tr').length", 2)
    assert EVIL in page.text(".cases")
    page.value(f"[...document.querySelectorAll('.cases a')].find((a) => a.innerText === {json.dumps(EVIL)}).click()")
    page.until("document.querySelector('#drawer-title')?.innerText", EVIL)
    assert page.text(".drawer").count(EVIL) >= 2  # the case and its item
    page.open(f"{address}/#/list?region=222424&indicator=settled_item_share&part=denominator")
    page.until(f"document.querySelector('.drawer .cases tbody')?.innerText.includes({json.dumps(EVIL)})")
    assert page.value("document.querySelectorAll('main img, dialog img').length") == 0
    assert page.complaints == []


def test_the_page_speaks_english_too_and_remembers_it(page: Page, address: str) -> None:
    page.open(f"{address}/#token={READ_TOKEN}")
    page.until("document.querySelectorAll('.card').length > 3")
    page.click("#tools button")
    page.until("document.documentElement.lang", "en")
    assert "settled in the hall" in page.text("[data-key=target-settled_items]")
    page.call("Page.reload")
    page.until("document.querySelector('.open h2')?.innerText.startsWith('Open cases')")
    assert page.value("/[\\u4e00-\\u9fff]/.test(document.querySelector('.side').innerText)") is False


def test_a_halls_token_shows_the_hall(page: Page, address: str) -> None:
    page.open(f"{address}/#token={HALL_TOKEN}")
    page.until("document.querySelectorAll('.indicators td.value').length > 5")
    assert page.text(".where .tag") == "hall-1"
    assert page.value("document.querySelectorAll('.targets, .departments').length") == 0
    assert page.complaints == []


@pytest.mark.parametrize("width", [390, 1366, 1920])
def test_nothing_is_wider_than_the_screen(page: Page, address: str, width: int) -> None:
    page.open(f"{address}/#token={READ_TOKEN}", width=width)
    page.until("document.querySelectorAll('.departments .row').length > 0")
    assert page.value("document.documentElement.scrollWidth <= innerWidth")


def test_a_link_of_a_board_leads_to_the_list(page: Page, address: str) -> None:
    page.open(f"{address}/#token={READ_TOKEN}")
    page.until("document.querySelectorAll('.card').length > 3")
    page.open(f"{address}/v1/cases?region=222424&state=overdue")
    page.until("document.querySelectorAll('.cases tbody tr').length", 2)


def fill(page: Page, **values: str) -> None:
    for field, text in values.items():
        page.until(f"Boolean(document.getElementById({json.dumps(field)}))")
        page.value(f"document.getElementById({json.dumps(field)}).value = {json.dumps(text)}")


@pytest.fixture
def peopled(store: Store) -> Iterator[str]:
    """The gateway with an account of each role, and one with a one-time password and markup for a name."""
    people = Peopled(store, clock=FakeClock(datetime.now(UTC), time.monotonic()))
    people.add("newcomer", Grant("bureau", 222424), EVIL, one_time=True)
    with serving(people.app.state.resources) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.mark.attack
def test_a_persons_name_is_text_on_the_page(page: Page, peopled: str) -> None:
    """Signs in with the one-time password, replaces it, sees the board, signs out, and is asked again."""
    page.open(peopled)
    fill(page, name="newcomer", password="wrong password 1")
    page.click("#by-name button")
    page.until("document.querySelector('#by-name .bad')?.innerText.includes('账户名或密码不对')")
    fill(page, name="newcomer", password=PASSWORD)
    page.click("#by-name button")
    fill(page, old=PASSWORD, new="another battery 7", again="another battery 8")
    page.click("#change-password button")
    page.until("document.querySelector('#change-password .bad')?.innerText", "两次输入的新密码不同。")
    fill(page, again="another battery 7")
    page.click("#change-password button")
    page.until("document.querySelectorAll('.card').length > 3")
    assert EVIL in page.text(".who")
    assert page.value("document.querySelectorAll('.who img').length") == 0
    assert page.value("document.cookie") == ""
    page.call("Page.reload")
    page.until("document.querySelectorAll('.card').length > 3")
    page.value("[...document.querySelectorAll('#tools button')].at(-1).click()")
    page.until("Boolean(document.getElementById('by-name'))")
    page.call("Page.reload")
    page.until("Boolean(document.getElementById('by-name'))")
    assert [one for one in page.complaints if "401" not in json.dumps(one)] == []


def test_a_code_that_ended_and_its_successor_are_named_on_their_boards(page: Page, address: str, store: Store) -> None:
    decree = ("吉政函〔2026〕1号", "撤县并入")
    store.codes.declare([Succession(222424, 222401, date(2026, 9, 15), True, *decree)])
    store.codes.declare([Succession(222403, 222424, date(2026, 3, 1), False, *decree)])
    note = "[...document.querySelectorAll('[role=note]')].map((one) => one.innerText).join('|')"
    page.open(f"{address}/#token={READ_TOKEN}")
    law = "（吉政函〔2026〕1号，撤县并入）；此前的数据保留在"
    ended = f"本代码自 2026-09-15 起终止，由 延吉市 222401 承继{law}本代码之下。"
    page.until(note, f"{ended}|2026-03-01 以前属于 敦化市 222403{law}原代码之下。")
    page.value("[...document.querySelectorAll('#tools button')].find((one) => one.innerText === 'English').click()")
    page.until(f"{note}.startsWith('This code ended on 2026-09-15 and is succeeded by 延吉市 (222401) (')")
    page.value("[...document.querySelectorAll('#tools button')].find((one) => one.innerText === '中文').click()")
    page.until(f"{note}.startsWith('本代码')")
    page.value("location.hash = '#/?region=222400'")
    page.until("document.querySelectorAll('[role=note]').length", 0)
    page.value("location.hash = '#/compare'")
    page.until("document.querySelector('.comparison tbody small')?.innerText.trim()", "2026-09-15 终止")
