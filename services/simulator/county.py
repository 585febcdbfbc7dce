"""The simulated county: its plan, its halls, and how well its departments work."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from hallpulse.domain.plan import Plan
from hallpulse.domain.workdays import Workdays, day_of

CASES_A_YEAR = 64_000
ITEMS = 1_196
"""382 of 1,196 items are 31.940 %: the number near 1,200 that comes closest to 31.94 %."""
_SHANGHAI_SECONDS = 8 * 3600


@dataclass(frozen=True, slots=True)
class SimulatedHall:
    """A simulated hall, with its Chinese name.

    share: of all cases; rated: of decided cases; tallies_only: it sends daily counts, no cases.
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
"""The hall whose staff presses "very satisfied" for visitors, within seconds."""
SILENT_HALL = "luozigou"
"""The hall that loses its line for some days in June and sends everything afterwards."""


@dataclass(frozen=True, slots=True)
class Habits:
    """Shares of a department's cases. late: decided late; slow: accepted late; eve: suspended just before it is due."""

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
"""Department → relative number of cases; a department without an entry has few."""
LITTLE = 0.4


@dataclass(frozen=True, slots=True)
class County:
    """The parameters of a simulated year.

    until: microseconds since 1970-01-01 UTC; nothing that would arrive later is made. cases: of the whole period. A
    longer `until` gives the same events and then more: events published once come again unchanged. honest: nothing
    that an integrity check would find; people are late at times, hand in late at times, and correct what they mistyped.
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
        """Return a random generator that depends on the seed, the county and the subject alone."""
        return random.Random("|".join(map(str, (self.seed, self.region, self.plan.period.start, *subject))))


def moment(day: int, second: float = 0.0) -> int:
    """Return a second of a local day as microseconds since 1970-01-01 UTC, to the millisecond, as hall systems do."""
    return int((day * 86_400 - _SHANGHAI_SECONDS + second) * 1000) * 1000


def new_id(dice: random.Random, at: int) -> str:
    """Return a UUID of version 7 (RFC 9562): milliseconds of the time, then random bits.

    at: microseconds since 1970-01-01 UTC. Ids in order of time keep the store's index small and fast.
    """
    bits = dice.getrandbits(74)
    text = f"{at // 1000 << 80 | 7 << 76 | bits >> 62 << 64 | 2 << 62 | bits & (1 << 62) - 1:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
