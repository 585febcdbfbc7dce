"""Pictures of the page as each role sees it, to be looked at: `python -m tests.e2e.pictures FOLDER [GROUP …]`."""

from __future__ import annotations

import base64
import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from hallpulse.boundaries import BoundaryFolder
from hallpulse.calendars import load_overrides, national_calendar
from hallpulse.plans import load_plans
from hallpulse.store import Store, hash_of, migrate, open_store
from services.gateway.service_calls import Answer
from services.simulator import simulate
from services.simulator.county import HALLS, County
from services.simulator.stream import families_of
from tests import boundary_files, browser
from tests.browser import Page
from tests.e2e.test_looking import boundaries_in, three_counties
from tests.e2e.test_page import CALENDARS, year
from tests.e2e.test_working_day import sign_in, sign_out
from tests.gateway_ground import PLANS, READ_TOKEN, FakeClock, serving
from tests.merging import NOW, decoded
from tests.peopled import Peopled, StoringPublisher
from tests.servers import postgres_server

AT = datetime(2026, 11, 24, 4, tzinfo=UTC)
CASES, DAY = 6_000, 86_400_000_000
LAPTOP, PHONE, HD, UHD = (1366, 768), (390, 844), (1920, 1080), (3840, 2160)
VIEWS = {
    "matters": "#/matters", "matter-new": "#/matters/new?about=target&subject=settled_items", "tasks": "#/tasks",
    "upload": "#/upload", "whatif": "#/whatif", "reports": "#/reports", "audit": "#/audit", "ratings": "#/ratings",
    "heat": "#/heat?indicator=promise_kept_rate", "compare": "#/compare?indicator=promise_kept_rate",
    "departments": "#/departments",
    "board": "#/", "alerts": "#/alerts", "outstanding": "#/outstanding", "form": "#/form/justice/2026-10",
    "target": "#/target/settled_items", "list": "#/list?region=222424&state=overdue",
    "case": "#/case/222424/hall-1/case-12",
}  # fmt: skip
FORTY = {
    "board": "#/", "outstanding": "#/outstanding", "heat": "#/heat?indicator=promise_kept_rate",
    "target": "#/target/promised_limit", "trends": "#/trends?departments=justice,housing,transport",
    "ratings": "#/ratings", "whatif": "#/whatif", "list": "#/list?region=222424&state=overdue",
}  # fmt: skip
ROLES = ("bureau", "department", "hall", "leader", "operator")


class TwoAlerts:
    """A suite in which a target falls short and a hall is silent, told in words."""

    def ask(self, kind: type[Answer], service: str, method: str, /, *args: Any, **kwargs: Any) -> Answer:
        del service, method, args, kwargs
        said = [
            ("TargetBehind", "warning", "汪清县的进驻事项占比为 50.00 %，今天应达到 92.00 %。",
             "Wangqing County: settled items stand at 50.00 %, 92.00 % are asked for today.",
             {"target": "settled_items"}),
            ("HallSilent", "critical", "政务大厅（汪清县）已 1 小时 2 分没有上报，而现在是开放时间。",
             "Main hall (Wangqing County) has sent nothing for 1 h 2 min, in its opening hours.",
             {"hall": "hall-1"}),
        ]  # fmt: skip
        alerts = [
            {
                "region": "222424", "fingerprint": f"f{number}", "alert": alert, "severity": severity, "labels": labels,
                "annotations": {"summary": zh, "summary_en": en}, "started": f"2026-11-2{number}T09:00:00+08:00",
                "receivers": ["bureau"], "silenced": False, "acknowledged": None, "acknowledged_by": None, "notes": [],
            }
            for number, (alert, severity, zh, en, labels) in enumerate(said)
        ]  # fmt: skip
        return msgspec.convert({"alerts": alerts}, kind)


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


@contextmanager
def full_county() -> Iterator[Store]:
    """A simulated year up to the present, in which each of the plan's forty departments has cases and figures."""
    (plan,) = (one for one in load_plans(PLANS) if one.id == "222424-2026")
    until = int(AT.timestamp() * 1_000_000)
    with county(events=False) as store:
        for hall in HALLS:
            store.halls.add(plan.region, hall.id, families_of(hall), hash_of(hall.id), zh=hall.zh)
        with store.read() as moment:
            days = moment.workdays(plan.region)
        sent = list(simulate(County(plan, days, until, cases=CASES)))
        for day, arrived in groupby(sent, key=lambda one: one.arrives // DAY):
            store.merge([one.event for one in arrived], datetime.fromtimestamp(day * DAY / 1_000_000, UTC))
        yield store


@dataclass(frozen=True)
class StatedProvider:
    """A provider of sign-ins by its names."""

    names: tuple[str, str] = ("延边州统一身份认证平台", "Yanbian single sign-on")

    def sign_out_address(self) -> None:
        return None


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
    clock = FakeClock(AT, time.monotonic())
    people = Peopled(store, clock, StoringPublisher(store=store, clock=clock), TwoAlerts())
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


def offline(page: Page, *, cut: bool) -> None:
    page.call("Network.enable")
    page.call("Network.emulateNetworkConditions", offline=cut, latency=0, downloadThroughput=-1, uploadThroughput=-1)


def of_the_wall(page: Page, pictures: Pictures, address: str, name: str = "wall", query: str = "") -> None:
    page.open("about:blank")
    page.open(f"{address}/wall{query}#token={READ_TOKEN}", *HD)
    page.until(
        "document.querySelectorAll('#wall .standing').length > 0 && !/加载|Loading/.test(document.body.innerText)"
    )
    pictures.take(f"{name}-hd", HD)
    pictures.take(f"{name}-uhd", UHD)


def of_a_stale_wall(page: Page, pictures: Pictures, address: str) -> None:
    of_the_wall(page, pictures, address)
    offline(page, cut=True)
    page.value("{ const real = Date.now.bind(Date); Date.now = () => real() + 120000; }")
    page.until("document.querySelector('.stale').innerText.includes('数据停在')", seconds=60)
    pictures.take("wall-stale", HD)
    offline(page, cut=False)


def of_a_cut(page: Page, pictures: Pictures, address: str) -> None:
    shown(page, address)
    pictures.take("silent-hall", LAPTOP)
    offline(page, cut=True)
    page.until("document.querySelector('.warning')?.innerText.includes('中断')", seconds=120)
    pictures.take("cut-off", LAPTOP)
    pictures.take("cut-off-phone", PHONE)
    offline(page, cut=False)


def shown(page: Page, address: str, region: str = "") -> None:
    page.open("about:blank")
    page.open(f"{address}/#token={READ_TOKEN}")
    page.until("document.querySelectorAll('.tile').length > 0")
    if region:
        page.value(f"location.hash = {json.dumps(f'#/?region={region}')}")
        page.until("document.querySelector('.where select').value", region)
        page.until("document.querySelectorAll('.tile').length > 0")


def of_an_empty_county(page: Page, pictures: Pictures) -> None:
    with county(events=False) as store, serve(store) as port:
        shown(page, f"http://127.0.0.1:{port}")
        pictures.take("empty-county", (1366, 2200))
        pictures.take("empty-county-phone", PHONE)
        for view in ("alerts", "ratings", "heat", "compare", "upload", "matters", "target/settled_items", "trends"):
            opened(page, f"#/{view}")
            pictures.take(f"empty-{view.partition('/')[0]}", LAPTOP)
            looks(page, "dark", "en")
            settled(page)
            pictures.take(f"empty-{view.partition('/')[0]}-en-phone", PHONE)
            looks(page, "light", "zh-CN")
        of_the_wall(page, pictures, f"http://127.0.0.1:{port}", "wall-empty")


def of_forty_departments(page: Page, pictures: Pictures) -> None:
    with full_county() as store, serve(store) as port:
        address = f"http://127.0.0.1:{port}"
        sign_in(page, address, "bureau")
        page.until("document.querySelectorAll('.tile').length > 0")
        for name, view in FORTY.items():
            opened(page, view)
            for theme, language in (("light", "zh-CN"), ("dark", "en")):
                looks(page, theme, language)
                settled(page)
                pictures.take(f"forty-{name}-{language}-{theme}", (1366, 3000) if view == "#/" else LAPTOP)
                pictures.take(f"forty-{name}-{language}-{theme}-phone", (390, 4000) if view == "#/" else PHONE)
            looks(page, "light", "zh-CN")
        sign_out(page)
        of_the_wall(page, pictures, address, "forty-wall")
        of_the_wall(page, pictures, address, "forty-wall-en", "?language=en")


def opened(page: Page, view: str) -> None:
    page.value(f"location.hash = {json.dumps(view)}")
    page.until(f"document.querySelector('dialog').open === {json.dumps(view != '#/')}")
    settled(page)


def settled(page: Page) -> None:
    """Wait until what is shown is what was asked for last."""
    page.value("new Promise((go) => setTimeout(go, 100))")
    page.until("!document.querySelector('dialog[open] .inside[aria-busy]')")
    page.until("!/正在读取|Reading…/.test(document.body.innerText)")
    page.value("new Promise((go) => setTimeout(go, 500))")


def of_the_door(page: Page, pictures: Pictures) -> None:
    """The sign-in page with a provider's button, and what it said when it signed nobody in."""
    with county(events=False) as store, serve(store, provider=StatedProvider()) as port:
        for name, view in (("door", ""), ("door-refused", "#/refused/not-linked?subject=wang.li")):
            page.open("about:blank")
            page.open(f"http://127.0.0.1:{port}/{view}")
            page.until("document.querySelector('.by-provider')?.hidden === false")
            for theme, language in (("light", "zh-CN"), ("dark", "en")):
                looks(page, theme, language)
                page.until("document.querySelector('.by-provider')?.hidden === false")
                pictures.take(f"{name}-{language}-{theme}", LAPTOP)
                pictures.take(f"{name}-{language}-{theme}-phone", PHONE)
            looks(page, "light", "zh-CN")


def of_regions(page: Page, pictures: Pictures) -> None:
    """A prefecture with its map, and a province without one."""
    with TemporaryDirectory() as boundaries:
        _of_regions(page, pictures, Path(boundaries))


def _of_regions(page: Page, pictures: Pictures, folder: Path) -> None:
    boundaries_in(folder)
    counties = {
        "222424": "汪清县", "222401": "延吉市", "222402": "图们市", "222403": "敦化市", "222404": "珲春市",
        "222405": "龙井市", "222406": "和龙市", "222426": "安图县",
    }  # fmt: skip
    boundary_files.put(folder, boundary_files.made_up(counties))
    with postgres_server() as server, server.fresh_database() as url:
        migrate(url)
        store = three_counties(url, tuple(counties))
        store.apply_calendars([national_calendar(), *load_overrides(CALENDARS)])
        with serve(store, boundaries=BoundaryFolder(folder)) as port:
            address = f"http://127.0.0.1:{port}"
            for name, region in (("prefecture", "222400"), ("province", "220000")):
                shown(page, address, region)
                pictures.take(name, (1366, 1500))
                pictures.take(f"{name}-phone", (390, 1500))
                page.value("location.hash = '#/compare?indicator=promise_kept_rate'")
                page.until("document.querySelectorAll('.comparison tbody tr').length > 0")
                pictures.take(f"{name}-compare", (1366, 1100))
                looks(page, "dark", "en")
                page.until("document.querySelectorAll('.comparison tbody tr').length > 0")
                pictures.take(f"{name}-compare-en-dark", (1366, 1100))
                pictures.take(f"{name}-compare-phone", (390, 1500))
                looks(page, "light", "zh-CN")
                of_the_wall(page, pictures, address, f"wall-{name}", f"?region={region}")
            of_the_wall(page, pictures, address, "wall-english", "?region=222424&language=en")
        store.close()


def of_a_county(page: Page, pictures: Pictures) -> None:
    with county() as store, serve(store) as port:
        address = f"http://127.0.0.1:{port}"
        of_roles(page, pictures, address)
        of_a_stale_wall(page, pictures, address)
        of_a_cut(page, pictures, address)


GROUPS = {
    "county": of_a_county, "empty": of_an_empty_county, "forty": of_forty_departments, "door": of_the_door,
    "regions": of_regions,
}  # fmt: skip


def main(folder: Path, groups: Sequence[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with browser.browsing() as page:
        for name in groups or GROUPS:
            GROUPS[name](page, Pictures(page, folder))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
