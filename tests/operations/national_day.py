"""A working day of the whole country, at a scale that fits a small machine: `make national-day`.

31 provinces, 2,800 counties with codes of GB/T 2260; office hours pass in minutes. There is a morning peak, and in it
one province is cut off for two of the day's hours: its halls' outboxes keep the events and send them afterwards. Every
province's events and figures are compared with a brute-force computation.
"""

from __future__ import annotations

import json
import random
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from statistics import median
from typing import Any

import click
import psycopg
from rich.table import Table

from hallpulse.domain.figures import Scope, Window
from hallpulse.publisher import Publisher
from hallpulse.store import open_store
from services.console.usage import screen
from services.local import ports
from services.local.process_groups import wait_until
from services.simulator.rhythm import office_second
from tests.asked import ASKED
from tests.chaos.proxy import Proxy
from tests.moments import ask
from tests.operations.counties import counties_by_province
from tests.operations.site import Program, Site, site
from tests.operations.standing import Report, recomputed
from tests.oracle import brute
from tests.servers import broker_server, scratch

DAY = date(2026, 3, 2)
"""A Monday, on which halls are busiest."""
OPENS, CLOSES = 8.0, 18.0
CUT, JOINED = 9.5, 11.5
"""The hours between which a province is cut off: the morning's peak."""
_SHANGHAI = timezone(timedelta(hours=8))
_DOUBLE = 0.02
_ITEMS = 2
_CASE_EVENTS = 3.05
"""Events that a case has in the mean, as `_case` tells it."""
Event = dict[str, Any]


@dataclass
class Province:
    """code: two digits; events: in the order in which they are sent, each with its hour; publisher: its outbox."""

    code: str
    counties: list[str]
    catalogue: list[Event] = field(default_factory=list)
    events: list[tuple[float, Event]] = field(default_factory=list)
    publisher: Publisher | None = None
    sent: int = 0

    @property
    def distinct(self) -> int:
        return len({(one["source"], one["id"]) for one in self.everything})

    @property
    def everything(self) -> list[Event]:
        return [*self.catalogue, *(event for _, event in self.events)]

    @property
    def waiting(self) -> int:
        return self.publisher.waiting if self.publisher else 0

    def send_until(self, hour: float) -> None:
        """Put what has happened by this hour into the outbox."""
        upto = self.sent
        while upto < len(self.events) and self.events[upto][0] <= hour:
            upto += 1
        if upto > self.sent:
            assert self.publisher is not None
            self.publisher.send_batch([_encoded(event) for _, event in self.events[self.sent : upto]])
            self.sent = upto


@dataclass(frozen=True)
class Hour:
    """What was seen at the end of an hour of the day. behind: events sent and not yet stored."""

    hour: float
    sent: int
    stored: int
    queued: int
    outbox_of_the_cut: int


def nation(seed: int, events: int, counties: int) -> list[Province]:
    """Write the day. events: in the whole country, about."""
    found = [Province(code, named) for code, named in counties_by_province(counties).items()]
    each = events / sum(len(one.counties) for one in found)
    for province in found:
        dice = random.Random(f"{seed} {province.code}")
        for county in province.counties:
            province.catalogue += [_item(county, number) for number in range(_ITEMS)]
            cases = (each - _ITEMS) / _CASE_EVENTS
            for number in range(int(cases) + (dice.random() < cases % 1)):
                province.events += _case(dice, county, number)
        doubles = dice.sample(province.events, int(len(province.events) * _DOUBLE))
        province.events += [(min(CLOSES, hour + dice.random()), event) for hour, event in doubles]
        province.events.sort(key=lambda one: one[0])
    return found


def _item(county: str, number: int) -> Event:
    data = {
        "item_code": f"{county}-{number}", "basic_code": f"b-{number}", "name": f"item {number}",
        "department": "dept-4", "kind": "licensing", "handling": "instant" if number else "promised",
        "statutory_days": 20, "promised_days": 0 if number else 5, "settled": True, "unified": bool(number),
        "full_process": True, "tolerates_missing": False, "commitment": False, "effective_from": "2026-01-01",
    }  # fmt: skip
    return _event(county, f"i{number}", "item.published", datetime(2026, 1, 5, 9, tzinfo=_SHANGHAI), data)


def _case(dice: random.Random, county: str, number: int) -> Iterator[tuple[float, Event]]:
    """Received, accepted or refused, three quarters decided, most of those rated, as long as the hall is open."""
    case = {"case_id": f"C{number}"}
    hour = min(office_second(dice) / 3600, CLOSES - 1)
    instant = dice.random() < 0.4
    told = {"item_code": f"{county}-{int(instant)}", "department": "dept-4", "channel": "window", "unified": instant}
    steps = [("received", hour, case | told)]
    if dice.random() < 0.03:
        steps.append(("rejected", hour + 0.2, case))
    else:
        steps.append(("accepted", hour + dice.uniform(0.02, 0.3), case))
        if dice.random() < 0.75:
            steps.append(("decided", hour + dice.uniform(0.4, 4), case | {"outcome": "granted"}))
            steps.append(("rated", hour + dice.uniform(4, 4.5), case | {"score": dice.choice([2, 4, 5, 5])}))
    for what, at, data in steps:
        if at < CLOSES:
            moment = datetime.combine(DAY, datetime.min.time(), _SHANGHAI) + timedelta(seconds=int(at * 3600))
            yield at, _event(county, f"c{number}-{what}", f"case.{what}", moment, data)


def _event(county: str, id_: str, kind: str, moment: datetime, data: Event) -> Event:
    return {
        "specversion": "1.0", "id": id_, "source": f"/{county}/hall-1", "type": f"hall.{kind}.v1",
        "time": moment.isoformat(), "data": data,
    }  # fmt: skip


def _encoded(event: Event) -> bytes:
    return json.dumps(event, ensure_ascii=False).encode()


def run(seed: int, events: int = 60_000, counties: int = 2_800, minutes: float = 3.0) -> Report:
    """minutes: how long the day's ten hours take."""
    provinces = nation(seed, events, counties)
    report = Report(f"a national day, seed {seed}")
    many = sum(len(one.counties) for one in provinces)
    report.say("provinces | counties | events, doubles among them",
               f"{len(provinces)} | {many:,} | {sum(len(one.everything) for one in provinces):,}")  # fmt: skip
    with scratch("nation") as directory, broker_server() as broker, site(directory, broker, 100, seed) as made:
        made.prepare()
        for number in (1, 2):
            made.worker(f"ingest-{number}", given={"HALLPULSE_BATCH_EVENTS": "8000"}).start()
        hours, caught_up = _live(made, provinces, minutes * 60, report)
        _show_hours(hours)
        report.say("from joining the cut province until the broker has all its events, hours of the day",
                   f"{caught_up:.2f}")  # fmt: skip
        _judge(made, provinces, report)
        _read(made, provinces, report)
    return report


def _live(made: Site, provinces: list[Province], seconds: float, report: Report) -> tuple[list[Hour], float]:
    """Let the day pass; return what was seen at each hour, and how long the cut province took to catch up."""
    cut = max(provinces, key=lambda one: len(one.events))
    cable = Proxy("the cut province to the broker", made.broker.server.ports.amqp)
    url = made.amqp_url
    by_cable = url.replace(f":{made.broker.server.ports.amqp}/", f":{cable.port}/")
    with ExitStack() as stack:
        stack.callback(cable.close)
        for one in provinces:
            place = made.directory / f"{one.code}.outbox"
            one.publisher = stack.enter_context(Publisher(by_cable if one is cut else url, outbox=place))
            one.publisher.send_batch([_encoded(event) for event in one.catalogue])
        made.await_stored(sum(len(one.catalogue) for one in provinces))
        report.say("the cut province | its events", f"{cut.code}0000 | {len(cut.events):,}")
        return _hours(made, provinces, cut, cable, seconds)


def _hours(
    made: Site, provinces: list[Province], cut: Province, cable: Proxy, seconds: float
) -> tuple[list[Hour], float]:
    a_second = (CLOSES - OPENS) / seconds
    began = time.monotonic()
    seen: list[Hour] = []
    state, joined, caught_up = "whole", 0.0, 0.0
    while True:
        hour = OPENS + (time.monotonic() - began) * a_second
        if state == "whole" and hour >= CUT:
            cable.refuse()
            state = "cut"
        elif state == "cut" and hour >= JOINED:
            cable.heal()
            state, joined = "joined", hour
        for one in provinces:
            one.send_until(min(hour, CLOSES))
        if state == "joined" and not caught_up and cut.waiting == 0:
            caught_up = hour - joined
        if hour >= OPENS + 1 + len(seen) or hour >= CLOSES:
            sent = sum(one.sent + len(one.catalogue) for one in provinces)
            seen.append(Hour(hour, sent, made.stored(), made.queued(), cut.waiting))
        if hour >= CLOSES and caught_up:
            return seen, caught_up
        time.sleep(0.05)


def _show_hours(hours: list[Hour]) -> None:
    table = Table("hour", "sent", "different ones stored", "in queues", "kept by the cut province", title="the day")
    for one in hours:
        table.add_row(*(f"{value:,}" if isinstance(value, int) else f"{value:.2f}" for value in vars(one).values()))
    screen().print(table)


def _judge(made: Site, provinces: list[Province], report: Report) -> None:
    """Compare every province's events and figures with what was sent."""
    distinct = sum(one.distinct for one in provinces)
    began = time.monotonic()
    made.await_stored(distinct)
    report.say("from the close until everything was stored", f"{time.monotonic() - began:.1f} s")
    with psycopg.connect(made.database.url) as connection:
        rows = connection.execute("SELECT region / 10000, count(*) FROM events GROUP BY 1").fetchall()
    stored = Counter({str(code): int(count) for code, count in rows})
    wrong = [
        f"{one.code}: {stored[one.code]} of {one.distinct}" for one in provinces if stored[one.code] != one.distinct
    ]
    report.say("different events sent | stored", f"{distinct:,} | {sum(stored.values()):,}")
    report.wrong += wrong
    window, compared = Window(DAY, DAY), 0
    store = open_store(made.database.url, pool_size=1, plans=[ASKED])
    try:
        for one in provinces:
            region = f"{one.code}0000"
            expected = brute.indicators(brute.read(one.everything), region, DAY, DAY)
            compared += len(expected)
            found = brute.compare(expected, ask(store).figures(Scope(int(region)), window))
            report.wrong += [f"{region}: {fault}" for fault in found]
    finally:
        store.close()
    report.say("figures of provinces compared with the brute force | wrong", f"{compared:,} | {len(report.wrong)}")
    report.say("recompute --check", recomputed(made.database.url))


def _read(made: Site, provinces: list[Province], report: Report) -> None:
    """Time what reads: a province's figures, and the service of targets, which reads every region."""
    store = open_store(made.database.url, pool_size=1, plans=[ASKED])
    took = []
    try:
        for one in provinces:
            began = time.monotonic()
            ask(store).figures(Scope(int(f"{one.code}0000")), Window(DAY, DAY))
            took.append(time.monotonic() - began)
    finally:
        store.close()
    report.say("a province's figures, median | slowest", f"{median(took) * 1000:.0f} ms | {max(took) * 1000:.0f} ms")
    port = ports.choose(["targets"])["targets"]
    targets = Program("targets", made.directory / "targets.log", "services.targets",
                      made.settings | {"HALLPULSE_METRICS_PORT": str(port)})  # fmt: skip
    targets.begin()
    try:
        if not wait_until(lambda: _seconds_of(port) > 0, 400.0):
            report.wrong.append(f"the service of targets did not read: {targets.said[-500:]}")
        report.say("a reading of all regions by the service of targets | series",
                   f"{_seconds_of(port):.2f} s | {len(_page(port)):,}")  # fmt: skip
    finally:
        targets.close()


def _seconds_of(port: int) -> float:
    found = [line for line in _page(port) if line.startswith("hallpulse_refresh_seconds ")]
    return float(found[0].rsplit(" ", 1)[1]) if found else 0.0


def _page(port: int) -> list[str]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
            return [line for line in answer.read().decode().splitlines() if line and not line.startswith("#")]
    except OSError:
        return []


@click.command()
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--events", default=60_000, show_default=True, help="In the whole country, about.")
@click.option("--counties", default=2_800, show_default=True)
@click.option("--minutes", default=3.0, show_default=True, help="How long the day's ten hours take.")
def main(seed: int, events: int, counties: int, minutes: float) -> None:
    """Let a working day of the country pass, and check every event and every province's figures."""
    report = run(seed, events, counties, minutes)
    report.show()
    raise SystemExit(not report.holds)


if __name__ == "__main__":
    main(prog_name="python -m tests.operations.national_day")
