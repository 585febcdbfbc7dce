"""Writes valid CloudEvents: ids, sources, times and their dirt."""

from __future__ import annotations

import copy
import random
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

from tests.oracle.eventset import SHANGHAI, Event

OFFSETS = (8, 8, 8, 8, 0, 0, -5, 14, 5.5, -11)
ID_HEADS = ("a", "B", "b", "Z", "_", "-", "0", "é", "中")  # sorted by code point, whatever the database's language
EDGES = (time(0, 0), time(0, 0, 0, 1), time(23, 59, 59, 999999))  # around local midnight
HALLS = ("hall-1", "hall-2", "hall-3")
DEPARTMENTS = ("政数局", "司法局", "信访局", "dept-4", "dept-5")


class Pen:
    """What is written with it ends up in `events`; nothing is dated after `end`."""

    def __init__(self, seed: int, regions: tuple[str, ...], year: int) -> None:
        self.rng = random.Random(seed)
        self.regions = regions
        self.start = date(year, 1, 1)
        self.end = date(year, 11, 19)
        self.events: list[Event] = []
        self._numbers: dict[str, int] = {}

    def maybe(self, probability: float) -> bool:
        return self.rng.random() < probability

    def source(self, region: str | None = None, weights: tuple[int, int, int] = (60, 32, 8)) -> str:
        hall = self.rng.choices(HALLS, weights)[0]
        return f"/{region or self.rng.choice(self.regions)}/{hall}"

    def new_id(self, source: str) -> str:
        """Unique in its source; other halls use the same ids."""
        self._numbers[source] = self._numbers.get(source, 0) + 1
        return f"{self.rng.choice(ID_HEADS)}{self._numbers[source]:x}"

    def day(self) -> date:
        """Any day of the year so far, more often one near holidays."""
        if self.maybe(0.3):
            month, day = self.rng.choice(
                [(2, 10), (2, 20), (4, 3), (4, 29), (6, 17), (9, 1), (9, 18), (9, 29), (11, 10)]
            )
            return date(self.start.year, month, day) + timedelta(self.rng.randrange(8))
        return self.start + timedelta(self.rng.randrange((self.end - self.start).days))

    def moment(self, day: date) -> datetime:
        """A local time of that day: in the office, or at an edge of the day."""
        if self.maybe(0.12):
            return datetime.combine(day, self.rng.choice(EDGES), SHANGHAI)
        micros = self.rng.choice([0, 0, self.rng.randrange(1_000_000)])
        clock = time(self.rng.randrange(8, 18), self.rng.randrange(60), self.rng.randrange(60), micros)
        return datetime.combine(day, clock, SHANGHAI)

    def near(self, moment: datetime) -> datetime:
        """The same instant, a little or some days later or earlier."""
        steps = (timedelta(0), timedelta(microseconds=1), timedelta(minutes=40), timedelta(days=1), timedelta(days=9))
        near = moment + self.rng.choice(steps) * self.rng.choice([1, 1, -1])
        return near if near.date() <= self.end else moment

    def stamp(self, moment: datetime) -> str:
        """RFC 3339 with any offset, sometimes finer than a microsecond."""
        zone = timezone(timedelta(hours=self.rng.choice(OFFSETS)))
        text = moment.astimezone(zone).isoformat()
        if moment.microsecond and self.maybe(0.2):
            text = text[:26] + "999" + text[26:]  # what is finer is cut off, not rounded into the next day
        return text.replace("+00:00", "Z") if self.maybe(0.5) else text

    def write(self, source: str, kind: str, moment: datetime, data: dict[str, Any] | None = None) -> Event | None:
        """Nothing when it would lie after the end: what has not happened is not there."""
        if moment.date() > self.end or moment.date() < self.start:
            return None
        event: Event = {
            "specversion": "1.0", "id": self.new_id(source), "source": source,
            "type": f"hall.{kind}.v1", "time": self.stamp(moment),
        }  # fmt: skip
        if data is not None:
            event["data"] = data
        if self.maybe(0.03):
            event["subject"] = "s"
        self.events.append(event)
        return event

    def again(self, event: Event) -> Event:
        """The same event a second time; the same instant may be written with another offset."""
        copied = copy.deepcopy(event)
        if self.maybe(0.2):
            copied["time"] = self.stamp(datetime.fromisoformat(event["time"]))
        return copied
