"""Cases for streams: every branch of the lifecycle, and what should not happen but does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from tests.oracle.eventset import Event
from tests.oracle.noise import LIMITS, OUTCOMES, blemish
from tests.oracle.pen import DEPARTMENTS, HALLS, Pen

CHANNELS = ("window", "online", "kiosk", "post", "mobile")
RATING_CHANNELS = ("window", "web", "app", "kiosk", "message", "hotline")
PROCEDURES = (
    "hearing", "bidding", "auction", "inspection", "testing", "quarantine", "appraisal", "expert_review",
    "public_notice", "other",
)  # fmt: skip
GAPS = (0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 8, 13, 30)
FLAGS = ("unified", "full_process", "tolerated_missing", "commitment")


class Story:
    """One case, told day by day. Every step may come at the very instant of the one before."""

    def __init__(self, pen: Pen, source: str, case_id: str, item_code: str) -> None:
        self.pen, self.source, self.case_id, self.item_code = pen, source, case_id, item_code
        self.day = pen.day()
        self.last: datetime | None = None

    def step(self, what: str, gap: int | None = None, **data: Any) -> Event | None:
        self.day += timedelta(self.pen.rng.choice(GAPS) if gap is None else gap)
        moment = self.last if self.last and self.pen.maybe(0.06) else self.pen.moment(self.day)
        self.day, self.last = max(self.day, moment.date()), moment
        event = self.pen.write(self.source, f"case.{what}", moment, {"case_id": self.case_id, **data})
        blemish(self.pen, event)
        return event

    def back(self, days: int) -> None:
        self.day -= timedelta(days)

    def received(self) -> None:
        self.step(
            "received", 0, item_code=self.item_code, department=self.pen.rng.choice(DEPARTMENTS),
            channel=self.pen.rng.choice(CHANNELS), **self.fields(0.6, 0.2),
        )  # fmt: skip

    def accepted(self, gap: int | None = None) -> None:
        self.step("accepted", gap, **self.fields(0.15, 0.1))

    def fields(self, flag: float, limit: float) -> dict[str, Any]:
        """Optional fields: left out, null, or said."""
        maybe, rng = self.pen.maybe, self.pen.rng
        said: dict[str, Any] = {name: rng.choice([True, True, False, None]) for name in FLAGS if maybe(flag)}
        return said | {name: rng.choice(LIMITS) for name in ("statutory_days", "promised_days") if maybe(limit)}

    def decided(self, gap: int | None = None) -> None:
        self.step("decided", gap, outcome=self.pen.rng.choice(OUTCOMES))

    def rated(self) -> None:
        """By a person or by default, through a channel or none; and what the hall answered, to bad ratings mostly."""
        score = self.pen.rng.choice([1, 2, 3, 4, 5, 5, 5])
        said: dict[str, Any] = {"channel": self.pen.rng.choice(RATING_CHANNELS)} if self.pen.maybe(0.5) else {}
        if self.pen.maybe(0.3):
            said["automatic"] = self.pen.rng.choice([True, False, None])
        self.step("rated", score=score, **said)
        if self.pen.maybe(0.7 if score < 3 else 0.05):
            self.step("rating_answered", verified=self.pen.maybe(0.8), rectified=self.pen.maybe(0.6))

    def suspended(self, gap: int | None = None) -> None:
        self.step("suspended", gap, procedure=self.pen.rng.choice(PROCEDURES))

    def supplements(self) -> None:
        for _ in range(self.pen.rng.choice([1, 1, 2])):
            self.step("supplement_requested")
            if self.pen.maybe(0.7):
                self.step("supplemented")

    def suspensions(self) -> None:
        """Pairs, overlapping ones, one that is never closed, a resumption alone, one that begins as the case does."""
        patterns = ("sr", "sr", "sr", "srsr", "ssrr", "ssr", "s", "r", "rs", "Sr", "SR", "srr", "srssrr", "srsrsr")
        for mark in self.pen.rng.choice(patterns):
            if mark in "sS":
                self.suspended(0 if mark == "S" else None)
            else:
                self.step("resumed", 0 if mark == "R" else 95 if self.pen.maybe(0.03) else None)

    def middle(self) -> None:
        """What may happen between acceptance and decision."""
        if self.pen.maybe(0.4):
            self.suspensions()
        for _ in range(self.pen.rng.choice([0, 0, 0, 0, 0, 0, 1, 1, 2, 3])):
            self.step("extended", days=self.pen.rng.choice([1, 2, 5, 10]))

    def ending(self) -> None:
        """What may happen after the decision."""
        if self.pen.maybe(0.4):
            self.step("delivered")
        if self.pen.maybe(0.55):
            self.rated()
        if self.pen.maybe(0.04):
            self.suspensions()  # after the decision: changes nothing


def granted(story: Story) -> None:
    story.received()
    if story.pen.maybe(0.2):
        story.supplements()
    story.accepted()
    story.middle()
    story.decided()
    story.ending()


def at_once(story: Story) -> None:
    """A hall that accepts on receipt and sends no `accepted`."""
    story.received()
    story.middle()
    story.decided()
    story.ending()


def unfinished(story: Story) -> None:
    """Open, half of them received in the last weeks: late, nearly late and in good time."""
    if story.pen.maybe(0.5):
        story.day = story.pen.end - timedelta(story.pen.rng.randrange(25))
    story.received()
    if story.pen.maybe(0.3):
        story.supplements()
    if story.pen.maybe(0.7):
        story.accepted()
        story.middle()
    if story.pen.maybe(0.15):
        story.rated()


def suspended_first(story: Story) -> None:
    """Suspended before it is accepted, or on that very day."""
    story.received()
    story.suspensions()
    story.accepted(story.pen.rng.choice([0, 0, 2]))
    story.decided()
    story.ending()


def refused(story: Story) -> None:
    story.received()
    story.step("rejected", reason="不属于本部门职权范围")
    if story.pen.maybe(0.3):
        story.rated()
    if story.pen.maybe(0.3):
        story.decided()


def accepted_and_refused(story: Story) -> None:
    """Both, in either order; decided or not."""
    story.received()
    steps: list[Callable[[], Any]] = [story.accepted, lambda: story.step("rejected")]
    story.pen.rng.shuffle(steps)
    for step in steps:
        step()
    story.middle()
    if story.pen.maybe(0.6):
        story.decided()
        story.ending()


def decided_early(story: Story) -> None:
    """先办后收: decided days before acceptance, or hours before it on the same day."""
    story.received()
    story.decided()
    story.accepted(story.pen.rng.choice([0, 0, 1, 5]))
    story.ending()


def backdated(story: Story) -> None:
    """Accepted, or decided, before it was received."""
    story.received()
    story.back(story.pen.rng.randrange(6))
    story.accepted()
    story.back(story.pen.rng.randrange(4))
    story.decided()
    story.ending()


def withdrawn(story: Story) -> None:
    """Withdrawn at any point; some are decided all the same."""
    story.received()
    steps: list[Callable[[], Any]] = [story.accepted, story.middle, story.decided, story.ending]
    at = story.pen.rng.randrange(5)
    for step in steps[:at]:
        step()
    story.step("withdrawn")
    if story.pen.maybe(0.3):
        for step in steps[at:]:
            step()


def headless(story: Story) -> None:
    """`received` never comes."""
    story.accepted()
    story.middle()
    if story.pen.maybe(0.6):
        story.decided()
        story.ending()


PLOTS: tuple[tuple[Callable[[Story], None], int], ...] = (
    (granted, 44), (at_once, 8), (unfinished, 13), (suspended_first, 4), (refused, 6), (accepted_and_refused, 7),
    (decided_early, 4), (backdated, 4), (withdrawn, 7), (headless, 3),
)  # fmt: skip


def tell_case(pen: Pen, item_codes: dict[str, list[str]], number: int) -> None:
    """One case, sometimes with a namesake in another hall of its region."""
    source = pen.source()
    region = source.split("/")[1]
    sources = [source]
    if pen.maybe(0.06):
        sources.append(f"/{region}/{pen.rng.choice([hall for hall in HALLS if not source.endswith(hall)])}")
    for where in sources:
        code = pen.rng.choice(item_codes[region]) if pen.maybe(0.95) else f"{region}-unknown"
        story = Story(pen, where, f"B-{number:05d}", code)
        plot = pen.rng.choices([plot for plot, _ in PLOTS], [weight for _, weight in PLOTS])[0]
        plot(story)
