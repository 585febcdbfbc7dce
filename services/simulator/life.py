"""The life of one simulated case: its steps, their days, and their entries in the hall's system."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

from hallpulse.contract.events import (
    Accepted,
    CaseOnly,
    CaseRetracted,
    Data,
    Decided,
    EventType,
    Extended,
    ItemPublished,
    Rated,
    RatingAnswered,
    Received,
    Rejected,
    Suspended,
)
from hallpulse.contract.values import Channel, Outcome, Procedure
from hallpulse.domain.workdays import Workdays, local_day

from .county import HASTY_HALL, USUAL, Habits, SimulatedHall, moment, new_id
from .rhythm import office_second, online_second

_MINUTE = 60_000_000
_SECOND = 1_000_000
_CHANNELS: tuple[Channel, ...] = ("window", "online", "kiosk", "mobile", "post")
_BY_CHANNEL = (58, 27, 5, 8, 2)
_PROCEDURES: tuple[Procedure, ...] = (
    "expert_review", "public_notice", "inspection", "testing", "hearing", "quarantine", "appraisal", "bidding",
    "auction", "other",
)  # fmt: skip
_BY_PROCEDURE = (26, 24, 18, 12, 4, 4, 4, 3, 1, 4)
_SCORES, _BY_SCORE = (5, 4, 3, 2, 1), (840, 95, 38, 16, 11)
_BAD = 2
_UNHAPPY = (55, 18, 12, 8, 7)
_OUTCOMES: tuple[Outcome, ...] = ("granted", "refused", "other")
_BY_OUTCOME = (955, 33, 12)
UNKNOWN_ITEM = 0.004
CARRIES_LIMITS = 0.08
SPOILT = 0.004
_DAYS_OFF = 0.01


@dataclass(frozen=True, slots=True)
class CaseEntry:
    """One entry in the hall's system; its time may be wrong, and it may be entered long afterwards.

    time, entered: microseconds since 1970-01-01 UTC; `entered` is 0 if the entry is made at its time.
    """

    time: int
    id: str
    kind: EventType
    data: Data
    entered: int = 0


@dataclass(slots=True)
class Life:
    """A simulated case; `entries` holds its entries so far.

    changing: another version of the item takes effect soon, so the case carries the limits of the version it was
    received under. now: the time of the latest step, in microseconds since 1970-01-01 UTC.
    """

    case_id: str
    hall: SimulatedHall
    item: ItemPublished
    workdays: Workdays
    dice: random.Random
    habits: Habits = USUAL
    honest: bool = False
    changing: bool = False
    now: int = 0
    entries: list[CaseEntry] = field(default_factory=list)

    def live(self, day: int) -> list[CaseEntry]:
        """Simulate the case from its receipt on a day to its end, and return all its entries."""
        self._receive(day)
        if self.item.handling == "instant" and self.dice.random() >= self.habits.dawdled:
            self._at_once()
        elif self._admit():
            self._work()
        if self.dice.random() < SPOILT and not self.honest:
            self._spoil()
        return self.entries

    def _enter(self, kind: EventType, data: Data, entered: int = 0) -> CaseEntry:
        entry = CaseEntry(self.now, new_id(self.dice, max(self.now, entered)), kind, data, entered)
        self.entries.append(entry)
        return entry

    def _only(self, kind: EventType) -> None:
        self._enter(kind, CaseOnly(self.case_id))

    def _later(self, working_days: int) -> None:
        """Move on by a number of working days, to opening hours; by 0 days, to some minutes later on the same day."""
        day = local_day(self.now)
        if working_days <= 0 and self.workdays.is_working(day):
            later = self.now + self.dice.randint(3, 90) * _MINUTE
            self.now = later if local_day(later) == day else self.now + _SECOND
            return
        on = self.workdays.nth_after(day, max(1, working_days))
        self.now = moment(on, office_second(self.dice))

    def _receive(self, day: int) -> None:
        dice, item = self.dice, self.item
        channel = dice.choices(_CHANNELS, _BY_CHANNEL)[0] if self.workdays.is_working(day) else "online"
        at_home = channel in ("online", "mobile")
        self.now = moment(day, online_second(dice) if at_home else office_second(dice))
        unknown, carries = (
            dice.random() < UNKNOWN_ITEM and not self.honest,
            dice.random() < CARRIES_LIMITS or self.changing,
        )
        data = Received(
            case_id=self.case_id,
            item_code=f"{item.item_code[:-5]}99999" if unknown else item.item_code,
            department=item.department,
            channel=channel,
            unified=(item.unified and channel == "window") or None,
            full_process=(item.full_process and dice.random() < 0.97) or None,
            tolerated_missing=(item.tolerates_missing and dice.random() < 0.1) or None,
            commitment=item.commitment or None,
            statutory_days=item.statutory_days if carries else None,
            promised_days=item.promised_days if carries else None,
        )
        self._enter(EventType.CASE_RECEIVED, data)

    def _at_once(self) -> None:
        """Decide on the spot; decide a case received in the evening or on a day off on the next working day."""
        if not self.workdays.is_working(local_day(self.now)) or self._closed():
            self._later(1)
        else:
            self.now += self.dice.randint(1, 12) * _MINUTE
        self._enter(EventType.CASE_ACCEPTED, Accepted(self.case_id))
        self.now += self.dice.randint(2, 25) * _MINUTE
        self._decide()

    def _closed(self) -> bool:
        return (self.now + 8 * 3600 * _SECOND) // _SECOND % 86_400 > 16.8 * 3600

    def _admit(self) -> bool:
        """Request supplements, reject or accept; return whether the case continues."""
        dice, chance = self.dice, self.dice.random()
        if chance < 0.055:
            self._later(dice.randint(1, 4))
            self._only(EventType.CASE_SUPPLEMENT_REQUESTED)
            if dice.random() < 0.1:
                self._withdraw(dice.randint(5, 20))
                return False
            self._later(dice.randint(1, 10))
            self._only(EventType.CASE_SUPPLEMENTED)
        self._later(
            dice.randint(6, 14) if dice.random() < self.habits.slow else dice.choices((0, 1, 2, 3), (50, 34, 12, 4))[0]
        )
        if 0.055 <= chance < 0.08:
            self._enter(
                EventType.CASE_REJECTED, Rejected(self.case_id, "不属于本机关职权范围" if chance < 0.06 else None)
            )
            return False
        self._accept()
        return True

    def _accept(self) -> None:
        """Accept the case; a backdated acceptance is entered days after the time that it gives."""
        if self.dice.random() < self.habits.backdated:
            entered = self.now + self.dice.randint(3, 9) * 86_400 * _SECOND
            self._enter(EventType.CASE_ACCEPTED, Accepted(self.case_id), entered)
        else:
            self._enter(EventType.CASE_ACCEPTED, Accepted(self.case_id))

    def _work(self) -> None:
        dice, habits = self.dice, self.habits
        promised = self.item.promised_days or 0
        if dice.random() < 0.012:
            self._withdraw(dice.randint(1, max(1, promised)))
            return
        extended = self._extension(promised)
        late = dice.random() < habits.late
        ratio = dice.triangular(0.15, 1.0, 0.6)
        elapsed = promised + extended + 1 + int(dice.expovariate(0.25)) if late else int(promised * ratio)
        if promised >= 3 and dice.random() < habits.suspended:
            elapsed = self._suspend(promised, elapsed)
        self._later(elapsed)
        self._decide()

    def _extension(self, promised: int) -> int:
        if promised < 5 or self.dice.random() >= self.habits.extended:
            return 0
        days, back = self.dice.choice((5, 5, 10)), self.now
        self._later(max(1, promised - 2))
        self._enter(EventType.CASE_EXTENDED, Extended(self.case_id, days))
        self.now = back
        return days

    def _suspend(self, promised: int, elapsed: int) -> int:
        """Suspend the case, resume it, and return the working days that it still takes."""
        dice = self.dice
        before = (
            max(1, promised - 1) if self.habits.eve and dice.random() < 0.7 else dice.randint(1, max(1, promised // 2))
        )
        self._later(before)
        procedure = dice.choices(_PROCEDURES, _BY_PROCEDURE)[0]
        self._enter(EventType.CASE_SUSPENDED, Suspended(self.case_id, procedure))
        self._later(dice.randint(61, 90) if dice.random() < 0.03 and not self.honest else dice.randint(3, 22))
        self._only(EventType.CASE_RESUMED)
        return max(0, elapsed - before)

    def _withdraw(self, working_days: int) -> None:
        self._later(working_days)
        self._only(EventType.CASE_WITHDRAWN)

    def _decide(self) -> None:
        dice = self.dice
        if dice.random() < _DAYS_OFF and not self.honest and local_day(self.now) != local_day(self.entries[0].time):
            self.now += 86_400 * _SECOND * ((5 - (local_day(self.now) + 3) % 7) % 7)  # on a Saturday
        mistyped = dice.random() < 0.004
        entry = self._enter(EventType.CASE_DECIDED, Decided(self.case_id, dice.choices(_OUTCOMES, _BY_OUTCOME)[0]))
        if mistyped:
            entry = self._correct(entry)
        decided = entry.time
        if dice.random() < 0.62:
            self._later(dice.choices((0, 1, 2, 4), (60, 20, 12, 8))[0])
            self._only(EventType.CASE_DELIVERED)
        if dice.random() < self.hall.rated:
            self._rate(decided)

    def _correct(self, wrong: CaseEntry) -> CaseEntry:
        """Retract a decision that was entered wrong, and enter it again."""
        self._later(1)
        self._enter(EventType.CASE_RETRACTED, CaseRetracted(self.case_id, wrong.id, "录入错误"))
        self.now += 5 * _MINUTE
        if self.honest:  # the day of the decision stays
            entry = replace(wrong, id=new_id(self.dice, self.now), time=wrong.time + _SECOND, entered=self.now)
            self.entries.append(entry)
            return entry
        return self._enter(EventType.CASE_DECIDED, wrong.data)

    def _spoil(self) -> None:
        """Make the case impossible: a decision before the acceptance, or a resumption or withdrawal after the end."""
        what = self.dice.choice((EventType.CASE_RESUMED, EventType.CASE_WITHDRAWN, EventType.CASE_DECIDED))
        if what is not EventType.CASE_DECIDED:
            self.now += self.dice.randint(1, 600) * _MINUTE
            self._only(what)
            return
        days = self.dice.randint(2, 40) * 86_400 * _SECOND
        for index, entry in enumerate(self.entries):
            if entry.kind is EventType.CASE_DECIDED:
                self.entries[index] = replace(entry, time=entry.time - days, entered=entry.time)

    def _rate(self, decided: int) -> None:
        if self.hall.id == HASTY_HALL and not self.honest and self.dice.random() < 0.8:
            self.now = decided + self.dice.randint(2, 9) * _SECOND
            self._enter(EventType.CASE_RATED, Rated(self.case_id, 5))
            return
        unhappy = self.habits.late > 0.1
        score = self.dice.choices(_SCORES, _UNHAPPY if unhappy else _BY_SCORE)[0]
        self.now += self.dice.randint(40, 90_000) * _SECOND
        self._enter(EventType.CASE_RATED, Rated(self.case_id, score))
        if score <= _BAD:
            self._answer()

    def _answer(self) -> None:
        """Answer a bad rating: most are verified, and most of the verified ones are rectified."""
        dice = random.Random(self.case_id)
        self._later(dice.randint(2, 9))
        verified = dice.random() < 0.7
        data = RatingAnswered(self.case_id, verified, verified and dice.random() < 0.8)
        self._enter(EventType.CASE_RATING_ANSWERED, data)
