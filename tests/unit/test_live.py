"""True liveness: when halls are silent, how ingest stands, and who is told what of a change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from litestar.testing import TestClient

from hallpulse.broker.queue_standing import QueueStanding
from hallpulse.domain.errors import Unavailable
from hallpulse.domain.figures import Scope
from hallpulse.domain.sources import silent_since
from hallpulse.domain.workdays import Workdays
from services.gateway import live
from services.gateway.app import create_app
from services.gateway.live import LiveHub, Told, Watcher, troubles_of
from services.gateway.live_look import IngestLook, LiveLook, Seen, Trouble
from services.gateway.naming import NameBook
from tests.gateway_ground import COUNTY, DEPARTMENT_TOKEN, HALL_TOKEN, READ_TOKEN, FakeClock, FakeStore, make_resources
from tests.moments import StatedStore

TUESDAY_NOON = datetime(2026, 11, 24, 4, tzinfo=UTC)
HOUR = 3_600_000_000


def at(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000)


@pytest.mark.parametrize(
    ("hours", "silent"),
    [(0, True), (-2, False), (4.9, True), (5.1, False), (-13, False), (4 * 24, False)],
    ids=["noon", "ten o'clock", "before five", "after five", "at night", "on Saturday"],
)
def test_a_hall_is_silent_only_while_it_is_open(hours: float, silent: bool) -> None:
    now = at(TUESDAY_NOON + timedelta(hours=hours))
    newest = now - 20 * HOUR
    assert silent_since(newest, now, Workdays({})) == (newest if silent else None)


def test_a_hall_that_sent_something_or_is_closed_for_good_is_not_silent() -> None:
    now = at(TUESDAY_NOON)
    assert silent_since(now - 2 * HOUR, now, Workdays({})) is None
    assert silent_since(now - 2 * HOUR - 1, now, Workdays({})) == now - 2 * HOUR - 1
    assert silent_since(now - 20 * HOUR, now, Workdays({}), date(2026, 11, 24)) is None
    assert silent_since(now - 20 * HOUR, now, Workdays({}), date(2026, 11, 25)) is not None


@dataclass
class StatedBroker:
    """standing: what the broker tells; None while it is down."""

    standing: QueueStanding | None = field(default_factory=lambda: QueueStanding(0, 1, stopped=False))
    closed: bool = False

    def look(self) -> QueueStanding:
        if self.standing is None:
            raise Unavailable("broker: down")
        return self.standing

    def close(self) -> None:
        self.closed = True


@dataclass
class Ground:
    """A look by a clock that a test sets forward."""

    store: StatedStore = field(default_factory=StatedStore)
    broker: StatedBroker = field(default_factory=StatedBroker)
    lags: list[float | None] = field(default_factory=lambda: [0.0])
    clock: FakeClock = field(default_factory=lambda: FakeClock(TUESDAY_NOON))

    def __post_init__(self) -> None:
        self.look = LiveLook(self.store, lambda: self.clock.now, IngestLook(self.broker, lambda: self.lags))

    def after(self, seconds: float) -> Seen:
        self.clock.now += timedelta(seconds=seconds)
        return self.look.look()

    def kinds(self, seconds: float = 3) -> list[str]:
        return [one.kind for one in self.after(seconds).troubles]


def test_while_all_that_is_sent_is_stored_there_is_no_trouble() -> None:
    assert Ground().kinds() == []


@pytest.mark.parametrize(
    ("standing", "kind"),
    [
        (None, "broker"),
        (QueueStanding(9, 1, stopped=True), "ingest_stopped"),
        (QueueStanding(9, 0, stopped=False), "ingest_absent"),
    ],
)
def test_a_trouble_is_dated_from_when_it_was_first_seen_until_it_is_over(
    standing: QueueStanding | None, kind: str
) -> None:
    ground = Ground()
    ground.after(0)
    ground.broker.standing = standing
    (first,) = ground.after(3).troubles
    (later,) = ground.after(60).troubles
    assert (first.kind, later.kind) == (kind, kind)
    assert first.since == later.since == at(TUESDAY_NOON + timedelta(seconds=3))
    ground.broker.standing = QueueStanding(0, 1, stopped=False)
    assert ground.kinds() == []
    ground.broker.standing = standing
    (again,) = ground.after(3).troubles
    assert again.since == at(ground.clock.now)


def test_a_lag_is_dated_by_the_oldest_event_that_waits_and_a_silent_ingest_is_said() -> None:
    ground = Ground(lags=[0.2, 30.0, None])
    seen = ground.after(3)
    assert [one.kind for one in seen.troubles] == ["ingest_silent", "lag"]
    assert seen.troubles[1].since == at(ground.clock.now) - 30_000_000
    ground.lags = [4.9]
    assert ground.kinds() == []


def test_messages_that_wait_a_moment_are_no_trouble_but_those_that_stay_are() -> None:
    ground = Ground(broker=StatedBroker(QueueStanding(7, 1, stopped=False)))
    assert ground.kinds() == []
    assert ground.kinds() == []
    (found,) = ground.after(3).troubles
    assert (found.kind, found.count, found.since) == ("backlog", 7, at(TUESDAY_NOON + timedelta(seconds=3)))


def test_without_a_database_the_counts_stay_and_it_is_said() -> None:
    ground = Ground(store=StatedStore(arrived={COUNTY: 5}))
    assert ground.after(3).counts == {COUNTY: 5}
    ground.store.fault = Unavailable("down")
    seen = ground.after(3)
    assert (seen.counts, [one.kind for one in seen.troubles]) == ({COUNTY: 5}, ["database"])


def test_silent_halls_are_told_with_the_time_of_their_last_event() -> None:
    newest = at(TUESDAY_NOON) - 5 * HOUR
    ground = Ground(store=StatedStore(halls={(COUNTY, "hall-1"): newest, (COUNTY, "hall-2"): at(TUESDAY_NOON)}))
    assert ground.after(0).troubles == (Trouble("hall_silent", newest, region=COUNTY, hall="hall-1"),)


def test_an_unchanged_database_is_not_counted_again() -> None:
    ground = Ground(store=StatedStore(version="1"))
    for _ in range(5):
        ground.after(1)
    assert [one[0] for one in ground.store.asked].count("change_counts") == 1
    ground.store.version = "2"
    ground.after(1)
    assert [one[0] for one in ground.store.asked].count("change_counts") == 2


SILENT = Seen(
    at(TUESDAY_NOON),
    {},
    (
        Trouble("broker", at(TUESDAY_NOON)),
        Trouble("hall_silent", at(TUESDAY_NOON), region=COUNTY, hall="hall-1"),
        Trouble("hall_silent", at(TUESDAY_NOON), region=COUNTY, hall="hall-2"),
        Trouble("hall_silent", at(TUESDAY_NOON), region=222401, hall="hall-9"),
    ),
)


@pytest.mark.parametrize(
    ("scope", "halls"),
    [
        (Scope(COUNTY), ["hall-1", "hall-2"]),
        (Scope(222400), ["hall-1", "hall-2", "hall-9"]),
        (Scope(COUNTY, hall="hall-2"), ["hall-2"]),
        (Scope(222401), ["hall-9"]),
        (Scope(110100), []),
    ],
)
def test_one_is_told_of_silent_halls_that_one_may_read_of_alone(scope: Scope, halls: list[str]) -> None:
    found = troubles_of(scope, SILENT)
    assert found[0].kind == "broker"
    assert [one.hall for one in found if one.hall] == halls


def events(watcher: Watcher, told: Told) -> list[str | None]:
    return [one.event for one in watcher.messages(told)]


def test_a_watcher_is_told_of_changes_in_its_own_region_alone() -> None:
    watcher = Watcher(Scope(COUNTY), NameBook(FakeStore(), [], lambda: 0.0))
    told = Told(1, Seen(0, {COUNTY: 1, 222401: 1}, ()))
    assert events(watcher, told) == ["status"]
    assert events(watcher, told) == []
    assert events(watcher, Told(2, replace(told.seen, counts={COUNTY: 1, 222401: 2}))) == []
    assert events(watcher, Told(3, replace(told.seen, counts={COUNTY: 2, 222401: 2}))) == ["changed"]
    assert events(watcher, Told(3, replace(SILENT, counts={COUNTY: 2}))) == ["status"]


class Counted:
    """A look that counts how often it is taken; what it finds is set by the test."""

    def __init__(self) -> None:
        self.taken = 0
        self.seen = Seen(0, {COUNTY: 0}, ())

    def look(self) -> Seen:
        self.taken += 1
        return self.seen

    def close(self) -> None:
        pass


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


async def follow(stream: AsyncIterator[Told | None], seen: list[Told | None]) -> None:
    async for told in stream:
        seen.append(told)


def test_a_hundred_watchers_share_each_look_and_all_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LOOK_SECONDS", 0.05)

    async def run() -> None:
        look: Any = Counted()
        hub = LiveHub(look)
        heard: list[list[Told | None]] = [[] for _ in range(100)]
        tasks = [asyncio.create_task(follow(hub.watch("one"), seen)) for seen in heard]
        await until(lambda: all(heard))
        taken = look.taken
        assert taken <= 20, "one look for all"
        look.seen = Seen(1, {COUNTY: 1}, ())
        await until(lambda: all(len(seen) > 1 for seen in heard))
        assert all(seen[-1] == hub._told for seen in heard)
        hub.close()
        await asyncio.gather(*tasks)
        await hub.shut()

    asyncio.run(run())


def test_in_a_flood_pages_are_told_seldom_and_of_troubles_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        now = [100.0]
        monkeypatch.setattr(live, "_clock", lambda: now[0])
        look: Any = Counted()
        hub = LiveHub(look)
        await hub.now()

        async def after(seconds: float, count: int, *troubles: Trouble) -> Told:
            now[0] += seconds
            look.seen = Seen(0, {COUNTY: count}, troubles)
            return await hub.now()

        assert (await after(1, 1)).number == 2, "an event alone is told at once"
        assert (await after(1, 10_000)).number == 2
        lagging = await after(1, 20_000, Trouble("lag", 0))
        assert (lagging.number, len(lagging.seen.troubles)) == (2, 1)
        assert hub._pause == live.FLOOD_LOOK_SECONDS, "and looks are more seldom, too"
        told = await after(8, 100_000)
        assert (told.number, told.within, told.seen.counts) == (3, 6.0, {COUNTY: 100_000})
        assert (await after(1, 100_001)).number == 4, "the flood is over"
        assert hub._pause == live.LOOK_SECONDS
        hub._watchers["pages"] = 100
        assert (await after(1, 110_000)).number == 4
        assert (await after(18, 200_000)).number == 4, "the more watch, the more seldom"
        told = await after(1, 300_000)
        assert (told.number, told.within) == (5, 12.0)
        hub._watchers["pages"] = 2_000
        assert [(await after(29, 10**6)).number, (await after(1, 2 * 10**6)).number] == [5, 6], "30 s at most"

    asyncio.run(run())


def test_another_number_of_waiting_messages_wakes_nobody_for_ten_seconds_and_another_trouble_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def run() -> None:
        now = [100.0]
        monkeypatch.setattr(live, "_clock", lambda: now[0])
        look: Any = Counted()
        hub = LiveHub(look)
        await hub.now()
        woken: list[tuple[Trouble, ...]] = []
        monkeypatch.setattr(hub, "_wake", lambda: woken.append(look.seen.troubles))

        async def after(seconds: float, *troubles: Trouble) -> int:
            now[0] += seconds
            look.seen = Seen(0, {}, troubles)
            await hub.now()
            return len(woken)

        assert await after(1, Trouble("backlog", 0, 500)) == 1
        assert await after(1, Trouble("backlog", 0, 400)) == 1
        assert await after(8, Trouble("backlog", 0, 300)) == 1
        assert await after(1, Trouble("backlog", 0, 300)) == 2, "told though it has not changed since the last look"
        assert await after(1, Trouble("backlog", 0, 200), Trouble("lag", 0)) == 3
        assert await after(1) == 4
        assert woken[-1] == ()

    asyncio.run(run())


def test_too_many_of_one_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_OF_ONE", 0)
    with TestClient(create_app(make_resources(FakeStore()))) as client:
        answer = ask(client, accept=live.EVENT_STREAM)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "10")


def ask(client: TestClient[Any], token: str = READ_TOKEN, region: int = COUNTY, **headers: str) -> Any:
    shown = {"authorization": f"Bearer {token}", **headers}
    return client.get("/v1/live", params={"region": region}, headers=shown)


def test_asked_once_it_says_how_things_stand_to_those_who_may_read_the_region() -> None:
    store = FakeStore(halls={(COUNTY, "hall-1"): at(TUESDAY_NOON) - 5 * HOUR})
    with TestClient(create_app(make_resources(store, clock=FakeClock(TUESDAY_NOON)))) as client:
        found = ask(client, DEPARTMENT_TOKEN).json()
        assert ask(client, HALL_TOKEN).status_code == 200
        assert ask(client, HALL_TOKEN, region=222401).status_code == 403
    assert found["as_of"] == "2026-11-24T12:00:00+08:00"
    (trouble,) = found["troubles"]
    assert (trouble["kind"], trouble["hall"], trouble["since"]) == (
        "hall_silent",
        "hall-1",
        "2026-11-24T07:00:00+08:00",
    )
    assert trouble["hall_names"] == {"zh": "hall-1", "en": "hall-1"}
