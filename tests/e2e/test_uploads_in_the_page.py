"""Uploads in a real browser: a form that is right, a wrong one, a catalogue with questions, files that are none."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from hallpulse.contract.identity import DESK
from hallpulse.domain.figures import Figure, Scope, Window, period_window
from hallpulse.domain.workdays import SHANGHAI
from hallpulse.plans import load_plans
from hallpulse.store import FigureFilter, Store, open_store
from tests import browser
from tests.browser import Page
from tests.e2e.test_working_day import sign_in, sign_out
from tests.gateway_ground import COUNTY, PLANS, serving
from tests.ingesting import wait_until
from tests.integration.test_store import cloud_event
from tests.merging import NOW, decoded
from tests.moments import ask
from tests.servers import Vhost
from tests.uploading import CATALOGUE, MONTH, form, peopled

pytestmark = pytest.mark.skipif(browser.program() is None, reason=f"none of {', '.join(browser.PROGRAMS)} is installed")
EVIL = '<img src=x onerror="alert(1)">'


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = open_store(store_url, plans=load_plans(PLANS))
    yield opened
    opened.close()


@pytest.fixture
def address(store: Store, store_url: str, vhost: Vhost, tmp_path: Path) -> Iterator[str]:
    with (
        peopled(store, store_url, vhost, tmp_path) as people,
        serving(people.app.state.resources) as port,
    ):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def page() -> Iterator[Page]:
    with browser.browsing() as opened:
        yield opened


def choose_file(page: Page, selector: str, path: Path) -> None:
    page.until(f"Boolean(document.querySelector({json.dumps(selector)}))")
    found = page.call("Runtime.evaluate", expression=f"document.querySelector({json.dumps(selector)})")
    page.call("DOM.setFileInputFiles", files=[str(path)], objectId=found["result"]["objectId"])


def shot(page: Page, name: str) -> None:
    """Keep a picture where somebody wants to look at it."""
    folder = os.environ.get("HALLPULSE_SHOTS")
    if folder:
        taken = page.call("Page.captureScreenshot", format="png")["data"]
        Path(folder, f"{name}.png").write_bytes(base64.b64decode(taken))


def upload(page: Page, path: Path, kind: str = "") -> None:
    page.value("location.hash = '#/upload'")
    page.until("Boolean(document.querySelector('#upload-file'))")
    if kind:
        page.value(f"const kind = document.querySelector('#upload-kind'); kind.value = {json.dumps(kind)};"
                   " kind.dispatchEvent(new Event('change'))")  # fmt: skip
    choose_file(page, "#upload-file", path)
    page.click(".uploading .main")
    page.until("document.querySelector('#drawer-title')?.innerText", path.name)


def until_state(page: Page, zh: str) -> None:
    page.until("document.querySelector('.drawer .is-upload')?.innerText", zh, 90)


def press(page: Page, zh: str) -> None:
    found = f"[...document.querySelectorAll('.drawer button')].find((b) => b.innerText === {json.dumps(zh)})"
    page.until(f"Boolean({found})")
    page.value(f"{found}.click()")


def complaints(page: Page) -> list[str]:
    return [text for text in map(json.dumps, page.complaints) if "the server responded with a status of 4" not in text]


def test_a_department_uploads_a_wrong_form_mends_it_and_submits(
    page: Page, address: str, store: Store, tmp_path: Path
) -> None:
    sign_in(page, address, "department")
    wrong = tmp_path / "月报.xlsx"
    form(wrong, leader_in_court=(7, 5), review_then_win=(EVIL, 5))
    upload(page, wrong)
    until_state(page, "可以导入")
    said = page.text(".drawer .refusals")
    assert "分子大于分母" in said
    assert EVIL in said
    shot(page, "upload-figures-wrong")
    press(page, "放弃这个文件")
    page.until("location.hash", "#/upload")
    right = tmp_path / "月报改.xlsx"
    form(right)
    upload(page, right)
    until_state(page, "可以导入")
    assert page.text(".drawer .refusals") == ""
    shot(page, "upload-figures-right")
    press(page, "提交")
    until_state(page, "已导入")
    wanted = FigureFilter(Scope(COUNTY, "justice"), period_window(MONTH))
    wait_until(lambda: {one.hall for one in ask(store).figure_reports(wanted)} == {DESK})
    assert page.value("document.querySelectorAll('.drawer img').length") == 0, "what stands in a cell is text"
    assert complaints(page) == []


def test_a_catalogue_is_questioned_answered_and_imported(page: Page, address: str, tmp_path: Path) -> None:
    sign_in(page, address, "bureau")
    table = tmp_path / "目录.csv"
    table.write_text(CATALOGUE.replace("甲", EVIL.replace('"', "")), encoding="utf-8")
    upload(page, table, "catalogue")
    until_state(page, "有问题待回答")
    shot(page, "upload-questions")
    page.value(
        "for (const f of document.querySelectorAll('.questions fieldset')) f.querySelector('[type=radio]').click()"
    )
    page.value("for (const b of document.querySelectorAll('.questions [value=工作日]')) b.click()")
    press(page, "按回答重新读取")
    until_state(page, "可以导入")
    assert "进驻" in page.text(".drawer .effects")
    shot(page, "upload-catalogue-ready")
    press(page, "导入")
    until_state(page, "已导入")
    page.value("[...document.querySelectorAll('#tools button')].find((b) => b.innerText === 'English').click()")
    page.until("document.querySelector('.drawer .is-upload')?.innerText", "imported")
    shot(page, "upload-imported-english")
    assert complaints(page) == []


def test_files_that_are_no_table_are_told_so_in_words(page: Page, address: str, tmp_path: Path) -> None:
    sign_in(page, address, "bureau")
    for name, content, said in (
        ("扫描件.pdf", b"%PDF-1.7", "这是 PDF 文件"),
        ("=HYPERLINK(1).xlsx", b"PK\x03\x04broken", "文件已损坏"),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        upload(page, path, "catalogue")
        until_state(page, "无法读取")
        assert said in page.text(".drawer .warning")
        shot(page, f"upload-unreadable-{said[:4]}")
    sign_out(page)
    sign_in(page, address, "leader")
    page.value("location.hash = '#/upload'")
    page.until("document.querySelector('.drawer .inside')?.innerText.length > 0")
    assert page.value("document.querySelectorAll('#upload-file').length") == 0


def test_a_what_if_is_tried_kept_handed_on_and_the_ratio_moves_as_it_said(
    page: Page, address: str, store: Store
) -> None:
    said = {"kind": "licensing", "handling": "promised", "statutory_days": 20, "promised_days": 10, "settled": False}
    items = [
        {
            "item_code": f"i-{n}",
            "name": f"事项{n} {EVIL}",
            "department": "justice",
            "effective_from": "2026-01-01",
            **said,
        }
        for n in range(4)
    ]
    events = [cloud_event("item.published", "2026-01-02T09:00:00", str(one["item_code"]), one) for one in items]
    store.merge(decoded(events), NOW)
    sign_in(page, address, "bureau")
    page.value("location.hash = '#/whatif'")
    page.until("document.querySelectorAll('.items tbody tr').length", 4)
    change = "(name, value) => { const row = document.querySelector('.items tbody tr');" \
        " const one = row.querySelector(`[name=${name}]`); one.value = value;" \
        " one.dispatchEvent(new Event('change', { bubbles: true })); }"  # fmt: skip
    page.value(f"({change})('promised_days', '2')")
    page.value(f"({change})('settled', 'true')")
    page.until("document.querySelectorAll('.items tr.wanted').length", 1)
    press(page, "试算")
    page.until("document.querySelectorAll('.what-if .moved-figures tbody tr').length > 3")
    figures = page.text(".what-if .moved-figures")
    assert "48 / 80" in figures
    assert "25.00 %" in figures
    page.value("document.querySelector('.what-if').scrollIntoView()")
    shot(page, "what-if")
    page.value("document.querySelector('#draft-name').value = '压缩承诺时限 <b>'")
    press(page, "保存草稿")
    page.until("location.hash.startsWith('#/whatif/')")
    page.until("document.querySelector('#drawer-title')?.innerText", "压缩承诺时限 <b>")
    shot(page, "what-if-draft")
    press(page, "交付导入")
    until_state(page, "可以导入")
    shot(page, "what-if-handed-on")
    press(page, "导入")
    until_state(page, "已导入")
    on = datetime.now(SHANGHAI).date()
    wait_until(
        lambda: ask(store).figures(Scope(COUNTY), Window(on, on))["promised_limit_compression"] == Figure(48, 80)
    )
    assert page.value("document.querySelectorAll('.drawer img').length") == 0
    assert complaints(page) == []
