"""Pictures of the page as each role sees it, to be looked at: `python -m tests.e2e.pictures FOLDER`."""

from __future__ import annotations

import base64
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hallpulse.calendars import load_overrides, national_calendar
from hallpulse.domain.plan import Department, Names, Plan
from hallpulse.plans import load_plans
from hallpulse.store import Store, hash_of, migrate, open_store
from tests import browser
from tests.browser import Page
from tests.e2e.test_page import CALENDARS, year
from tests.e2e.test_working_day import sign_in, sign_out
from tests.gateway_ground import PLANS, READ_TOKEN, FakeClock, serving
from tests.integration.test_names_beside_ids import OneAlert
from tests.merging import NOW, decoded
from tests.peopled import Peopled, StoringPublisher
from tests.servers import postgres_server

LAPTOP, PHONE, HD, UHD = (1366, 768), (390, 844), (1920, 1080), (3840, 2160)
VIEWS = {
    "board": "#/", "alerts": "#/alerts", "outstanding": "#/outstanding", "form": "#/form/justice/2026-10",
    "target": "#/target/settled_items", "list": "#/list?region=222424&state=overdue",
    "case": "#/case/222424/hall-1/case-12",
}  # fmt: skip
ROLES = ("bureau", "department", "hall", "leader", "operator")


@contextmanager
def county(events: bool = True) -> Iterator[Store]:
    with postgres_server() as server, server.fresh_database() as url:
        migrate(url)
        store = open_store(url, plans=load_plans(PLANS))
        store.apply_calendars([national_calendar(), *load_overrides(CALENDARS)])
        store.halls.add(222424, "hall-1", ["case"], hash_of("x"), zh="政务大厅", en="Main hall")
        if events:
            store.merge(decoded(year()), NOW)
        yield store
        store.close()


def large(plans: list[Plan]) -> list[Plan]:
    """The plans with forty departments."""
    more = tuple(Department(f"d{n}", Names(f"县第{n}局", f"Bureau {n}")) for n in range(40))
    return [replace(plan, departments=(*plan.departments, *more)[:40]) for plan in plans]


class Pictures:
    """Takes pictures of one browser's page into a folder."""

    def __init__(self, page: Page, folder: Path) -> None:
        self._page, self._folder = page, folder

    def take(self, name: str, size: tuple[int, int]) -> None:
        width, height = size
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self._page.call("Emulation.setDeviceMetricsOverride", **metrics)
        self._page.until(f"innerWidth === {width}")
        self._page.value("new Promise((go) => setTimeout(go, 400))")
        shot = self._page.call("Page.captureScreenshot", format="png")
        (self._folder / f"{name}.png").write_bytes(base64.b64decode(shot["data"]))
        print(name, flush=True)


def looks(page: Page, theme: str, language: str) -> None:
    page.value(f"document.documentElement.dataset.theme = {json.dumps(theme)}")
    if page.value("document.documentElement.lang") != language:
        found = "[...document.querySelectorAll('#tools button')].find((b) => /^(English|中文)$/.test(b.innerText))"
        page.value(f"{found}.click()")
        page.until("document.documentElement.lang", language)


def serve(store: Store, **more: Any) -> Any:
    clock = FakeClock(datetime(2026, 11, 24, 4, tzinfo=UTC), time.monotonic())
    people = Peopled(store, clock, StoringPublisher(store=store, clock=clock), OneAlert())
    return serving(replace(people.app.state.resources, **more))


def of_roles(page: Page, pictures: Pictures, address: str) -> None:
    for role in ROLES:
        sign_in(page, address, role)
        page.until("document.querySelectorAll('.tile').length > 0")
        pictures.take(f"{role}-laptop", LAPTOP)
        if role == "bureau":
            of_views(page, pictures)
        if role == "department":
            pictures.take("department-phone", PHONE)
        sign_out(page)


def of_views(page: Page, pictures: Pictures) -> None:
    for name, view in VIEWS.items():
        page.value(f"location.hash = {json.dumps(view)}")
        page.until(f"document.querySelector('dialog').open === {json.dumps(view != '#/')}")
        page.value("new Promise((go) => setTimeout(go, 500))")
        pictures.take(f"{name}-zh-light", LAPTOP)
        looks(page, "dark", "en")
        page.value("new Promise((go) => setTimeout(go, 500))")
        pictures.take(f"{name}-en-dark", LAPTOP)
        pictures.take(f"{name}-phone", PHONE)
        looks(page, "light", "zh-CN")


def of_the_wall(page: Page, pictures: Pictures, address: str) -> None:
    page.open(f"{address}/wall#token={READ_TOKEN}", *HD)
    page.until("document.querySelectorAll('#wall li').length > 4")
    pictures.take("wall-hd", HD)
    pictures.take("wall-uhd", UHD)
    page.call("Network.enable")
    page.call("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=-1, uploadThroughput=-1)
    page.value("{ const real = Date.now.bind(Date); Date.now = () => real() + 120000; }")
    page.until("document.querySelector('.stale').innerText.includes('数据停在')", seconds=60)
    pictures.take("wall-stale", HD)
    page.call("Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1, uploadThroughput=-1)


def of_a_cut(page: Page, pictures: Pictures, address: str) -> None:
    page.open(f"{address}/#token={READ_TOKEN}")
    page.until("document.querySelectorAll('.tile').length > 0")
    pictures.take("silent-hall", LAPTOP)
    page.call("Network.enable")
    page.call("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=-1, uploadThroughput=-1)
    page.until("document.querySelector('.warning')?.innerText.includes('中断')", seconds=60)
    pictures.take("cut-off", LAPTOP)
    page.call("Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1, uploadThroughput=-1)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with browser.browsing() as page:
        pictures = Pictures(page, folder)
        with county() as store, serve(store) as port:
            address = f"http://127.0.0.1:{port}"
            of_roles(page, pictures, address)
            of_the_wall(page, pictures, address)
            of_a_cut(page, pictures, address)
        with county(events=False) as store, serve(store) as port:
            page.open(f"http://127.0.0.1:{port}/#token={READ_TOKEN}")
            page.until("document.querySelectorAll('.tile').length > 0")
            pictures.take("empty-county", LAPTOP)
        with county() as store, serve(store, plans=large(load_plans(PLANS))) as port:
            page.open(f"http://127.0.0.1:{port}/#token={READ_TOKEN}")
            page.until("document.querySelectorAll('.tile').length > 0")
            pictures.take("forty-departments", (1366, 2600))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
