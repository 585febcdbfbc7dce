"""True liveness in a real browser: what was stored is shown at once, and why nothing comes is said in words."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from hallpulse.broker.queue_standing import QueueStanding
from hallpulse.store import Store, hash_of
from services.gateway import live
from services.gateway.live_look import IngestLook
from services.gateway.request import Resources
from tests import browser
from tests.browser import Page
from tests.e2e.test_page import case, page, store
from tests.gateway_ground import READ_TOKEN, FakeClock, make_resources, serving
from tests.ingesting import strain
from tests.merging import NOW, decoded
from tests.unit.test_live import StatedBroker

__all__ = ["page", "store"]
pytestmark = pytest.mark.skipif(browser.program() is None, reason=f"none of {', '.join(browser.PROGRAMS)} is installed")
GREEN = "document.querySelectorAll('.tag.live').length"
ACCEPTED = "Number(document.querySelector('[data-key=acceptance_rate-numerator]')?.innerText.replace(/\\D/g, ''))"
OPEN = "document.querySelectorAll('.card').length > 3"


@dataclass
class Ground:
    """A gateway that serves, and what its looks find."""

    resources: Resources
    broker: StatedBroker
    clock: FakeClock
    address: str = field(default="")

    def find(self, standing: QueueStanding | None) -> None:
        """Let the next look find that, three seconds later."""
        self.broker.standing = standing
        self.clock.now += timedelta(seconds=3)


@pytest.fixture
def ground(store: Store) -> Iterator[Ground]:
    broker, clock = StatedBroker(), FakeClock()
    resources = make_resources(store, clock=clock, ingest=IngestLook(broker))
    with serving(resources) as port:
        yield Ground(resources, broker, clock, f"http://127.0.0.1:{port}")


def opened(page: Page, ground: Ground) -> None:
    page.open(f"{ground.address}/#token={READ_TOKEN}")
    page.until(OPEN)
    page.until(GREEN, 1)


def test_an_event_is_on_the_open_page_as_soon_as_it_is_stored(page: Page, ground: Ground, store: Store) -> None:
    opened(page, ground)
    took = []
    for number in range(100, 103):
        shown = page.value(ACCEPTED)
        store.merge(decoded(case(number, None)), NOW)
        began = time.monotonic()
        page.until(f"{ACCEPTED} > {shown}")
        took.append(time.monotonic() - began)
    assert min(took) < 3 * strain(), "told, not asked for: unasked it reads once a minute"
    assert page.complaints == []


def test_it_is_green_only_while_what_halls_send_is_stored_and_says_why_it_is_not(page: Page, ground: Ground) -> None:
    opened(page, ground)
    ground.find(None)
    page.until(GREEN, 0)
    assert page.text(".warning") == "消息代理自 2026-11-24 12:00 起连不上：大厅的数据进不来。"
    assert "未实时" in page.text("#fresh")
    ground.find(QueueStanding(5, 0, stopped=False))
    page.until("document.querySelector('.warning')?.innerText.includes('入库服务')")
    ground.find(QueueStanding(0, 1, stopped=False))
    page.until(GREEN, 1)
    assert page.text(".warning") == ""


def test_a_hall_that_is_silent_while_it_is_open_is_named_with_since_when(page: Page, store: Store) -> None:
    store.halls.add(222424, "hall-1", ["case"], hash_of("x"), zh="政务大厅", en="Main hall")
    with serving(make_resources(store)) as port:
        page.open(f"http://127.0.0.1:{port}/#token={READ_TOKEN}")
        page.until(OPEN)
        page.until(
            "document.querySelector('.warning')?.innerText",
            "政务大厅自 2026-09-30 10:00 起没有上报，而现在是开放时间。",
        )
        assert page.value(GREEN) == 0


def test_where_nothing_is_heard_the_page_asks_by_itself(page: Page, ground: Ground, store: Store) -> None:
    opened(page, ground)
    ground.resources.live.close()
    page.until("document.querySelector('#fresh').innerText.includes('每 10 秒读取')")
    shown = page.value(ACCEPTED)
    store.merge(decoded(case(200, None)), NOW)
    page.until(f"{ACCEPTED} > {shown}", seconds=30 * strain())


def test_a_page_that_is_cut_off_says_since_when_and_goes_on_once_it_is_back(
    page: Page, ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "STREAM_SECONDS", 6.0)  # the browser's emulation leaves open streams alone
    opened(page, ground)
    page.call("Network.enable")
    offline = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    page.call("Network.emulateNetworkConditions", offline=True, **offline)
    page.until("document.querySelector('.warning')?.innerText.includes('连接自')", seconds=60 * strain())
    assert page.value(GREEN) == 0
    page.call("Network.emulateNetworkConditions", offline=False, **offline)
    page.until(GREEN, 1, seconds=60 * strain())
    assert page.text(".warning") == ""
