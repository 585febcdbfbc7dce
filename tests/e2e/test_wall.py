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
    assert smallest >= height * 0.022
    assert READ_TOKEN not in wall.value("location.href")
    assert [one for one in wall.complaints if "503" not in str(one)] == []


def test_the_wall_takes_turns_and_says_when_its_figures_are_old(wall: Page) -> None:
    shown = wall.text("#wall li .name")
    wall.until(f"document.querySelector('#wall li .name').innerText !== {shown!r}", seconds=40)
    assert wall.value("document.querySelector('.stale').hidden")
    wall.call("Network.enable")
    wall.call("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=-1, uploadThroughput=-1)
    wall.value("{ const real = Date.now.bind(Date); Date.now = () => real() + 120000; }")
    wall.until("document.querySelector('.stale').hidden", False, seconds=40)
    assert "数据停在" in wall.text(".stale")
