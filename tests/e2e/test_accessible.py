"""Every page and view in both themes and languages: nothing against WCAG A or AA, no code shown raw, focus kept."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import axe_core_python
import pytest

from hallpulse.plans import load_plans
from hallpulse.store import Store, hash_of, open_store
from tests import browser
from tests.browser import Page
from tests.e2e.test_page import year
from tests.e2e.test_working_day import sign_in
from tests.gateway_ground import PLANS, READ_TOKEN, FakeClock, serving
from tests.integration.test_names_beside_ids import OneAlert
from tests.merging import NOW, decoded
from tests.peopled import Peopled, StoringPublisher

pytestmark = pytest.mark.skipif(browser.program() is None, reason=f"none of {', '.join(browser.PROGRAMS)} is installed")
AXE = (Path(axe_core_python.__file__).parent / "axe.min.js").read_text()
ASKED = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], "rules": {"heading-order": {"enabled": True}}}
FOUND = (
    f"axe.run(document, {json.dumps(ASKED)}).then((r) => r.violations.flatMap((v) => v.nodes.slice(0, 3)"
    ".map((n) => `${v.id}: ${n.html.slice(0, 160)} ${(n.any[0] || n.all[0] || n.none[0] || {}).message || ''}`)))"
)
MONTH = "2026-08"
VIEWS = (
    "#/", "#/alerts", "#/outstanding", f"#/form/justice/{MONTH}", "#/target/settled_items", "#/target/monthly_report",
    "#/target/settled_items?by=item", "#/trends", "#/trends?indicator=settled_item_share&departments=justice",
    "#/check/silent_hall", "#/list?region=222424&state=overdue", "#/case/222424/hall-1/case-12",
    "#/list?region=222424&indicator=settled_item_share&part=denominator&from=2026-01-01&to=2026-09-03",
    "#/matters", "#/tasks", "#/upload", "#/whatif", "#/departments", "#/reports", "#/audit", "#/audit?action=session",
    "#/list?region=222424&indicator=leader_in_court&part=denominator&from=2026-01-01&to=2026-09-03",
)  # fmt: skip
READY = "!document.querySelector('dialog').open || document.querySelector('.drawer .inside')?.innerText.length > 5"


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = open_store(store_url, plans=load_plans(PLANS))
    opened.halls.add(222424, "hall-1", ["case"], hash_of("x"), zh="政务大厅", en="Main hall")
    opened.merge(decoded(year()), NOW)
    yield opened
    opened.close()


@pytest.fixture
def address(store: Store) -> Iterator[str]:
    """The gateway on 24 November 2026, with an alert that fires."""
    clock = FakeClock(datetime(2026, 11, 24, 4, tzinfo=UTC), time.monotonic())
    people = Peopled(store, clock, StoringPublisher(store=store, clock=clock), OneAlert())
    with serving(people.app.state.resources) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def page() -> Iterator[Page]:
    with browser.browsing() as opened:
        yield opened


def show(page: Page, view: str) -> None:
    """Open a view of the page that stands, and wait until it is drawn."""
    page.value("document.querySelector('.drawer .inside')?.setAttribute('data-before', '')")
    page.value(f"location.hash = {json.dumps(view)}")
    page.until("location.hash", view)
    if view != "#/":
        page.until("document.querySelectorAll('.drawer [data-before]').length", 0)
    page.until(f"document.querySelector('dialog').open === {json.dumps(view != '#/')}")
    page.until(READY)


def settle(page: Page, theme: str, language: str) -> None:
    page.value(f"document.documentElement.dataset.theme = {json.dumps(theme)}")
    if page.value("document.documentElement.lang") != language:
        page.value(
            "[...document.querySelectorAll('#tools button')].find((b) => /^(English|中文)$/.test(b.innerText)).click()"
        )
        page.until("document.documentElement.lang", language)
        page.until(READY)


def against_wcag(page: Page) -> list[str]:
    if not page.value("typeof axe === 'object'"):
        page.value(AXE)
    page.value(
        "document.getAnimations().filter((one) => one.effect.getTiming().iterations !== Infinity)"
        ".forEach((one) => one.finish())"
    )
    found: list[str] | None = page.value(FOUND)
    assert found is not None, "axe did not run"
    return found


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_no_page_or_view_is_against_wcag_a_or_aa(page: Page, address: str, theme: str, language: str) -> None:
    found: dict[str, Any] = {}
    page.open(address)
    page.until("Boolean(document.getElementById('name'))")
    settle(page, theme, language)
    found["sign-in"] = against_wcag(page)
    sign_in(page, address, "bureau")
    settle(page, theme, language)
    for view in VIEWS:
        show(page, view)
        found[view] = against_wcag(page)
    page.open(f"{address}/wall#token={READ_TOKEN}", 1920, 1080)
    page.until("document.querySelectorAll('#wall li').length > 4")
    found["wall"] = against_wcag(page)
    page.open(f"{address}/problems")
    page.until("document.querySelectorAll('tr').length > 5")
    found["problems"] = against_wcag(page)
    assert {view: wrong for view, wrong in found.items() if wrong} == {}


RAW = re.compile(
    r"\b[a-z]+_[a-z_]+\b|\bgovernment-hall\b|rated at once|\bjustice\b|\bdata-bureau\b|\bhall-1\b|undefined|\[object"
)
CHINESE = re.compile(r"[\u3400-\u9fff]")
OWN = re.compile(r"王bureau|示例，沿用汪政发〔2023〕10号|English|中文|办件脉搏|事项\d|三（二）|item-\d|case-\d+")
"""Told as it was given: names of persons, items and cases, and the citation of a document."""


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_no_key_and_no_code_is_shown_raw_and_english_is_whole(page: Page, address: str, language: str) -> None:
    sign_in(page, address, "bureau")
    settle(page, "light", language)
    raw: dict[str, list[str]] = {}
    for view in VIEWS:
        show(page, view)
        page.value("document.querySelectorAll('details').forEach((one) => { one.open = !one.querySelector('pre'); })")
        text = OWN.sub("", page.text(".drawer" if view != "#/" else "body"))
        wrong = RAW.findall(text) + (CHINESE.findall(text) if language == "en" else [])
        if wrong:
            raw[view] = wrong[:20]
    assert raw == {}


def test_focus_goes_into_a_dialog_and_back_after_escape(page: Page, address: str) -> None:
    sign_in(page, address, "bureau")
    page.until("Boolean(document.querySelector('[data-key=target-settled_items]'))")
    opener = "document.querySelector('#tools a[href=\"#/alerts\"]')"
    page.value(f"{opener}.focus(); {opener}.click()")
    page.until("document.querySelector('dialog').open")
    page.until("document.querySelector('dialog').contains(document.activeElement)")
    for kind in ("rawKeyDown", "keyUp"):
        page.call("Input.dispatchKeyEvent", type=kind, key="Escape", code="Escape", windowsVirtualKeyCode=27)
    page.until("document.querySelector('dialog').open", False)
    page.until("document.activeElement?.getAttribute('href')", "#/alerts")
