"""The wall in a real browser: all of it on the screen at both sizes, and it says when its figures are old."""

from __future__ import annotations

import pytest

from hallpulse.store import Store
from tests import browser
from tests.browser import Page
from tests.e2e.test_page import address, page, store
from tests.gateway_ground import READ_TOKEN

__all__ = ["address", "page", "store"]
pytestmark = pytest.mark.skipif(browser.program() is None, reason=f"none of {', '.join(browser.PROGRAMS)} is installed")
OVERFLOWING = (
    "[...document.querySelectorAll('#wall, #wall header, #wall .large div, #wall section, #wall li')]"
    ".filter((e) => e.scrollHeight > e.clientHeight + 1 || e.getBoundingClientRect().bottom > innerHeight + 1)"
    ".map((e) => e.tagName + '.' + e.className)"
)


QUICK = "{ const real = setInterval; globalThis.setInterval = (act, ms) => real(act, ms / 20); }"
"""What the wall does every 30 or 15 seconds it does every 1.5 or 0.75, also after it has loaded itself again."""


@pytest.fixture
def quick_wall(page: Page, request: pytest.FixtureRequest) -> Page:
    """The wall with shorter intervals."""
    page.call("Page.addScriptToEvaluateOnNewDocument", source=QUICK)
    opened: Page = request.getfixturevalue("wall")
    return opened


@pytest.fixture
def wall(page: Page, address: str, store: Store) -> Page:
    del store
    page.open(f"{address}/wall#token={READ_TOKEN}", 1920, 1080)
    page.until("document.querySelectorAll('#wall li').length > 4")
    return page


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (3840, 2160)])
def test_all_of_the_wall_is_on_the_screen_and_large_enough(wall: Page, width: int, height: int) -> None:
    wall.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
    wall.until(f"innerWidth === {width}")
    wall.until(OVERFLOWING, [])
    assert wall.value("document.documentElement.scrollHeight <= innerHeight")
    smallest = wall.value(
        "Math.min(...[...document.querySelectorAll('#wall *')].filter((e) => e.innerText && !e.children.length)"
        ".map((e) => parseFloat(getComputedStyle(e).fontSize)))"
    )
    assert smallest >= height * 0.03 - 0.5
    assert READ_TOKEN not in wall.value("location.href")
    assert [one for one in wall.complaints if "503" not in str(one)] == []


def test_without_boundaries_the_departments_are_ranked_and_every_part_says_what_it_lacks(wall: Page) -> None:
    wall.until("document.querySelectorAll('.standing li').length", 1)
    assert wall.text(".standing h2").startswith("排名 · ")
    assert "县司法局" in wall.text(".standing li")
    assert "%" in wall.text(".standing li strong")
    assert wall.text(".alerts h2") == "告警：暂时读不到"


def test_the_wall_loads_itself_again_only_when_the_gateway_is_there(quick_wall: Page) -> None:
    wall = quick_wall
    wall.value("window.before = true")
    wall.call("Network.enable")
    wall.call("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=-1, uploadThroughput=-1)
    wall.value("{ const real = Date.now.bind(Date); Date.now = () => real() + 7 * 3600000; }")
    asked = "performance.getEntriesByType('resource').some((one) => one.name.endsWith('/healthz'))"
    wall.until(asked, seconds=90)
    wall.until("document.querySelector('.stale').innerText.includes('数据停在')", seconds=60)
    assert wall.value("window.before") is True
    wall.call("Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1, uploadThroughput=-1)
    wall.until("window.before === undefined && document.querySelectorAll('#wall li').length > 4", seconds=90)


def test_pages_that_were_left_keep_no_connection_from_those_that_follow(page: Page, address: str, store: Store) -> None:
    del store
    for _ in range(8):  # a browser has six connections to one server, and a stream of news keeps one for a minute
        page.open("about:blank")
        page.open(f"{address}/wall#token={READ_TOKEN}", 1920, 1080)
        page.until("document.querySelectorAll('.standing li').length > 0")


def test_the_wall_takes_turns_and_says_when_its_figures_are_old(quick_wall: Page) -> None:
    wall = quick_wall
    shown = wall.text("#wall li .name")
    wall.until(f"document.querySelector('#wall li .name').innerText !== {shown!r}", seconds=40)
    assert wall.value("document.querySelector('.stale').hidden")
    wall.call("Network.enable")
    wall.call("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=-1, uploadThroughput=-1)
    wall.value("{ const real = Date.now.bind(Date); Date.now = () => real() + 120000; }")
    wall.until("document.querySelector('.stale').hidden", False, seconds=40)
    assert "数据停在" in wall.text(".stale")
