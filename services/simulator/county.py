"""The simulated county: its plan, its halls, and how well its departments work."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from hallpulse.domain.plan import Plan
from hallpulse.domain.workdays import Workdays, day_of

CASES_A_YEAR = 64_000
ITEMS = 1_196
"""Number of items at first: 382 instant ones of 1,196 are 31.940 %, closest to the plan's 31.94 % near 1,200 items."""
_SHANGHAI_SECONDS = 8 * 3600


@dataclass(frozen=True, slots=True)
class SimulatedHall:
    """A simulated hall.

    mark: the prefix of its case ids; share: its share of the county's cases; rated: the share of its decided cases that
    are rated; tallies_only: it sends daily counts, no cases; zh: its Chinese name.
    """

    id: str
    mark: str
    share: float
    rated: float
    tallies_only: bool = False
    zh: str = ""
    departments: frozenset[str] = frozenset()
    """Departments in the hall; empty for all."""


_TOWN = frozenset(
    ("civil-affairs", "human-resources", "medical-insurance", "agriculture", "public-security", "veterans",
     "disabled-persons", "market-regulation", "health", "forestry")
)  # fmt: skip
MAIN_HALL = "government-hall"
HALLS = (
    SimulatedHall(MAIN_HALL, "ZW", 0.72, 0.78, zh="县政务大厅"),
    SimulatedHall("tianqiaoling", "TQ", 0.11, 0.70, zh="天桥岭镇便民服务中心", departments=_TOWN),
    SimulatedHall("daxinggou", "DX", 0.09, 0.92, zh="大兴沟镇便民服务中心", departments=_TOWN),
    SimulatedHall("luozigou", "LZ", 0.08, 0.55, zh="罗子沟镇便民服务中心", departments=_TOWN),
    SimulatedHall("baicaogou", "BC", 0.0, 0.0, tallies_only=True, zh="百草沟镇便民服务中心"),
)
HASTY_HALL = "daxinggou"
"""The hall whose staff press "very satisfied" in place of the visitors, seconds after the decision."""
SILENT_HALL = "luozigou"
"""The hall that loses its connection for some days in June and sends everything afterwards."""


@dataclass(frozen=True, slots=True)
class Habits:
    """A department's habits, most as shares of its cases.

    late: decided late; slow: accepted late; suspended, extended: with a suspension or an extension; eve: whether
    suspensions begin just before the due day; backdated: accepted with a date before the day of entry.
    """

    late: float = 0.025
    slow: float = 0.01
    suspended: float = 0.03
    eve: bool = False
    extended: float = 0.01
    dawdled: float = 0.02
    """Share of instant items that take days."""
    backdated: float = 0.0


HABITS: Mapping[str, Habits] = {
    "housing": Habits(late=0.19, slow=0.06, extended=0.04, dawdled=0.12),
    "natural-resources": Habits(late=0.16, slow=0.05, suspended=0.08, extended=0.05),
    "transport": Habits(late=0.12, slow=0.03, backdated=0.05),
    "forestry": Habits(late=0.10, dawdled=0.09),
    "ecology": Habits(late=0.04, suspended=0.22, eve=True),
    "emergency": Habits(late=0.08, slow=0.09),
}
USUAL = Habits()
HONEST = Habits(late=0.03, suspended=0.03, dawdled=0.0)
LOAD: Mapping[str, float] = {
    "public-security": 14, "human-resources": 13, "market-regulation": 12, "real-estate-registry": 9,
    "medical-insurance": 9, "civil-affairs": 7, "tax": 7, "housing": 5, "transport": 4, "health": 4, "housing-fund": 4,
    "natural-resources": 3, "agriculture": 3, "education": 2, "veterans": 2, "forestry": 2, "power-supply": 2,
    "water-supply": 2, "ecology": 1.5, "disabled-persons": 1.5, "emergency": 1.2, "tobacco": 1.2, "fire-rescue": 1,
}  # fmt: skip
"""Department → relative number of cases; a department without an entry has LITTLE."""
LITTLE = 0.4


@dataclass(frozen=True, slots=True)
class County:
    """The parameters of a simulated year.

    until: the last arrival, in microseconds since 1970-01-01 UTC; with a later `until`, the same events come again
    unchanged, followed by more. cases: the number of cases in the whole period. honest: make nothing that an integrity
    check would find; people still decide late at times, report late at times, and correct their typing errors.
    """

    plan: Plan
    workdays: Workdays
    until: int
    seed: int = 2023
    cases: int = CASES_A_YEAR
    honest: bool = False

    @property
    def region(self) -> int:
        return self.plan.region

    @property
    def departments(self) -> tuple[str, ...]:
        return tuple(department.id for department in self.plan.departments)

    def habits(self, department: str) -> Habits:
        return HONEST if self.honest else HABITS.get(department, USUAL)

    @property
    def first_day(self) -> int:
        return day_of(self.plan.period.start)

    @property
    def last_day(self) -> int:
        return day_of(self.plan.period.end)

    def dice(self, *subject: object) -> random.Random:
        """Return a random generator that depends only on the seed, the region, the plan's start and the subject."""
        return random.Random("|".join(map(str, (self.seed, self.region, self.plan.period.start, *subject))))


def moment(day: int, second: float = 0.0) -> int:
    """Return a second of a day in Shanghai as microseconds since 1970-01-01 UTC, truncated to the millisecond.

    Hall systems give times to the millisecond.
    """
    return int((day * 86_400 - _SHANGHAI_SECONDS + second) * 1000) * 1000


def new_id(dice: random.Random, at: int) -> str:
    """Return a UUID of version 7 (RFC 9562): the time in milliseconds, then random bits.

    at: the time, in microseconds since 1970-01-01 UTC. Ids in order of time keep the store's index small and fast.
    """
    bits = dice.getrandbits(74)
    text = f"{at // 1000 << 80 | 7 << 76 | bits >> 62 << 64 | 2 << 62 | bits & (1 << 62) - 1:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
