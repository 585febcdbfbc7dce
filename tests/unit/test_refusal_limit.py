"""Which halls are served more slowly, and what alone stops ingest as a whole."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, cast

import pytest
from prometheus_client import CollectorRegistry

from hallpulse.broker.batches import Batch, HallsSlowed
from hallpulse.broker.deliveries import Delivery
from hallpulse.broker.rejections import Rejection
from hallpulse.contract.reasons import Reason, Refusal
from hallpulse.domain.errors import HallpulseError, Unavailable
from hallpulse.metrics import OTHER, IngestMetrics, new_registry
from services.ingest.isolating import Isolation, MergeFault, MergerCutOff, MergerDied
from services.ingest.merge_messages import Check, Merged, Work
from services.ingest.worker import LARGE_BYTES, IngestWorker, Moves, RefusalLimit, RefusalsOverLimit

WINDOW = 100
NONE = Counter[str]()
STAY = Moves(frozenset(), frozenset())


def name(hall: str) -> str:
    return f"222424.{hall}"


def events(hall: str, count: int) -> Counter[str]:
    return Counter({name(hall): count})


def rejections(
    hall: str, count: int, reason: Reason = Reason.BAD_TIME, user: str | None = None, body: bytes = b"x"
) -> list[Rejection]:
    refusal = Refusal(reason, "", "", "", body)
    return [Rejection(refusal, f"{name(hall)}.case", name(hall) if user is None else user)] * count


def moves(slower: Iterable[str] = (), normal: Iterable[str] = ()) -> Moves:
    return Moves(frozenset(map(name, slower)), frozenset(map(name, normal)))


def test_nothing_is_decided_before_the_hall_has_sent_its_window() -> None:
    limit = RefusalLimit(0.3, WINDOW)
    assert limit.note(NONE, rejections("a", WINDOW - 1)) == STAY
    assert limit.note(NONE, rejections("a", 1)) == moves(slower="a")


def test_a_hall_in_trouble_is_moved_once_and_no_other_with_it() -> None:
    limit = RefusalLimit(0.3, WINDOW)
    assert limit.note(events("b", 10), rejections("a", 5000)) == moves(slower="a")
    assert limit.note(events("b", 10), rejections("a", 5000)) == STAY


def test_a_hall_with_some_refusals_goes_on_for_ever() -> None:
    limit = RefusalLimit(0.3, WINDOW)
    found = [limit.note(events("a", 70), rejections("a", 30)) for _ in range(50)]
    assert set(found) == {STAY}


def test_it_moves_back_once_it_sends_better_ones_and_not_at_the_first_good_one() -> None:
    limit = RefusalLimit(0.3, WINDOW)
    limit.note(NONE, rejections("a", 200))
    found = [limit.note(events("a", 20), ()) for _ in range(10)]
    assert found.index(moves(normal="a")) in range(4, 6)
    assert found.count(STAY) == 9
    assert limit.note(NONE, rejections("a", 200)) == moves(slower="a")


def test_between_the_limit_and_half_of_it_nothing_swings() -> None:
    limit = RefusalLimit(0.3, WINDOW)
    limit.note(NONE, rejections("a", 200))
    assert {limit.note(events("a", 80), rejections("a", 20)) for _ in range(20)} == {STAY}


def test_a_good_hall_is_moved_to_its_place_once_whatever_an_earlier_process_left() -> None:
    limit = RefusalLimit(0.3, WINDOW)
    found = [limit.note(events("a", WINDOW), ()) for _ in range(5)]
    assert found == [moves(normal="a"), STAY, STAY, STAY, STAY]


def test_a_large_event_weighs_as_many() -> None:
    limit = RefusalLimit(0.3, WINDOW)
    assert limit.note(NONE, rejections("a", 2, body=b"x" * LARGE_BYTES * WINDOW)) == moves(slower="a")


def test_however_many_halls_send_rubbish_whatever_it_is_no_other_is_moved_and_nothing_stops() -> None:
    dice = random.Random(1)
    reasons = list(Reason)
    for n in range(2, 11):
        for k in range(1, n):
            limit, slow = RefusalLimit(0.3, WINDOW), set[str]()
            for _ in range(300):
                bad = [
                    rejection
                    for hall in range(k)
                    for rejection in rejections(f"bad-{hall}", dice.randrange(50), dice.choice(reasons))
                ]
                good = Counter({name(f"good-{hall}"): dice.randrange(3) for hall in range(n - k)})
                limit.check(bad)
                slow |= limit.note(good, bad).slower
            assert slow == {name(f"bad-{hall}") for hall in range(k)}


def test_a_key_that_names_no_hall_moves_nobody() -> None:
    limit = RefusalLimit(0.3, WINDOW)
    bad = [Rejection(Refusal(Reason.NOT_JSON, "", "", "", b""), key, "") for key in ("", "x", "222424.*.case", "#")]
    assert limit.note(NONE, bad * 500) == STAY


def test_a_user_that_is_no_hall_and_speaks_for_several_stops_ingest() -> None:
    limit = RefusalLimit(0.3, WINDOW)
    limit.check(rejections("a", WINDOW - 1, Reason.SOURCE_MISMATCH, "gateway-2"))
    with pytest.raises(RefusalsOverLimit, match="'gateway-2' is no hall's"):
        limit.check(rejections("b", 1, Reason.SOURCE_MISMATCH, "gateway-2"))
    assert limit.note(NONE, rejections("a", 500, Reason.SOURCE_MISMATCH, "gateway-2")) == STAY


def test_a_user_that_is_no_hall_and_holds_the_keys_of_one_stops_nothing() -> None:
    limit = RefusalLimit(0.3, WINDOW)
    limit.check(rejections("a", 10 * WINDOW, Reason.SOURCE_MISMATCH, "intruder"))


def test_halls_that_say_to_be_others_or_do_not_say_who_they_are_stop_nothing() -> None:
    limit = RefusalLimit(0.3, WINDOW)
    for hall in "abc":
        limit.check(rejections(hall, 10 * WINDOW, Reason.SOURCE_MISMATCH))
        limit.check(rejections(hall, 10 * WINDOW, Reason.PUBLISHER_UNIDENTIFIED, ""))


@pytest.mark.parametrize(
    ("family", "user"), [("denied", "gateway"), ("refused", "gateway"), ("case", "gateway for {}")]
)
def test_what_a_gateway_or_a_replay_hands_on_of_halls_that_forge_stops_nothing(family: str, user: str) -> None:
    limit = RefusalLimit(0.3, WINDOW)
    refusal = Refusal(Reason.SOURCE_MISMATCH, "source", "", "", b"x")
    for hall in map(name, "abc"):
        limit.check([Rejection(refusal, f"{hall}.{family}", user.format(hall))] * 10 * WINDOW)


def test_switched_off_it_counts_nothing() -> None:
    limit = RefusalLimit(0, 1)
    assert limit.note(NONE, rejections("a", 100)) == STAY
    for hall in "ab":
        limit.check(rejections(hall, 100, Reason.SOURCE_MISMATCH, "gateway-2"))


def test_the_line_says_who_what_from_whom_and_what_to_do() -> None:
    limit = RefusalLimit(0.3, WINDOW)
    bad = rejections("a", 70, Reason.SOURCE_MISMATCH, "gateway-2") + rejections(
        "b", 30, Reason.SOURCE_MISMATCH, "gateway-2"
    )
    with pytest.raises(RefusalsOverLimit) as stopped:
        limit.check(bad)
    line = str(stopped.value)
    assert line.startswith("refusal limit: the broker user 'gateway-2' ")
    assert "100 events of 2 halls: 222424.a 70, 222424.b 30; " in line
    for what in ("hallpulse refused list", "hallpulse refused resume", "HALLPULSE_REFUSAL_LIMIT=off"):
        assert what in line
    assert "\n" not in line


class SameIdAgain(NamedTuple):
    """A merger whose every event is well formed and carries an id that was used before."""

    def do(self, work: Work, _: Check) -> Merged:
        count = len(work.bodies)
        return Merged({name("a"): count}, rejections("a", count, Reason.ID_REUSED), [], [], [], old_duplicates=False)


class NoHalls(NamedTuple):
    def list(self) -> list[Any]:
        return []


def test_a_hall_whose_ids_are_all_used_before_stays_in_the_slow_lane() -> None:
    """Such events are found out by the database, after they were counted among those that are well formed."""
    moved: list[Moves] = []
    worker = IngestWorker(
        SameIdAgain(), cast(Any, NoHalls()), IngestMetrics(new_registry()), RefusalLimit(0.3, WINDOW), move=moved.append
    )
    batch = Batch(1, deliveries=[Delivery(1, b"{}", None, f"{name('a')}.case", name("a"))] * WINDOW * 2)
    for _ in range(5):
        worker.commit(batch)
    assert moved == [moves(slower="a")]


class FailsAtFirst:
    """A merger that refuses each body "bad", and then fails if it has tries left to fail, or the body "poison"."""

    def __init__(self, reason: Reason, error: Exception, failures: int) -> None:
        self.reason = reason
        self.error = error
        self.failures = failures

    def do(self, work: Work, check: Check) -> Merged:
        refused = [
            Rejection(Refusal(self.reason, "", "", "", body), key, user or "")
            for body, key, user in zip(work.bodies, work.routing_keys, work.user_ids, strict=True)
            if body == b"bad"
        ]
        if refused:
            check(NONE, refused)
        self.failures -= 1
        if self.failures >= 0 or b"poison" in work.bodies:
            raise self.error
        return Merged({}, [], [], [], [], old_duplicates=False)


def worker_of(merger: Any, moved: list[Moves]) -> tuple[IngestWorker, CollectorRegistry]:
    registry = new_registry()
    limit = RefusalLimit(0.3, WINDOW)
    return IngestWorker(merger, cast(Any, NoHalls()), IngestMetrics(registry), limit, move=moved.append), registry


@pytest.mark.parametrize("error", [Unavailable("away"), MergerDied("killed"), MergeFault("no"), MergerCutOff("cut")])
def test_a_batch_that_comes_again_since_it_was_not_merged_counts_its_refusals_once(error: Exception) -> None:
    moved = list[Moves]()
    worker, _ = worker_of(FailsAtFirst(Reason.BAD_TIME, error, failures=20), moved)
    batch = Batch(1, deliveries=[Delivery(1, b"bad", None, f"{name('a')}.case", name("a"))] * (WINDOW // 2))
    for _ in range(20):
        with pytest.raises(HallpulseError):
            worker.commit(batch)
    worker.commit(batch)
    assert moved == [], "half a window was sent, however often it was tried"
    worker.commit(batch)
    assert moved == [moves(slower="a")]


def test_what_a_stranger_sent_counts_once_however_often_it_is_tried() -> None:
    worker, _ = worker_of(FailsAtFirst(Reason.SOURCE_MISMATCH, Unavailable("away"), failures=2 * WINDOW), [])
    keys = (f"{name(hall)}.case" for hall in "ab")
    batch = Batch(1, deliveries=[Delivery(1, b"bad", None, key, "gateway-2") for key in keys])
    for _ in range(2 * WINDOW):
        with pytest.raises(Unavailable):
            worker.commit(batch)
    for _ in range(WINDOW // 2 - 1):
        worker.commit(batch)
    with pytest.raises(RefusalsOverLimit, match=r"100 events of 2 halls: 222424\.a 50, 222424\.b 50"):
        worker.commit(batch)


def test_a_batch_that_is_tried_in_parts_counts_each_refusal_once() -> None:
    """In the limit and in the metrics, also if the database is away while its parts are tried."""
    moved, noted = list[Moves](), list[Rejection]()
    merger = FailsAtFirst(Reason.BAD_TIME, MergerDied("killed"), failures=0)
    worker, registry = worker_of(merger, moved)

    def refuse(rejections: Sequence[Rejection]) -> None:
        if not noted:
            noted.extend(rejections)
            raise Unavailable("away")
        worker.isolated(rejections)

    bodies = [b"bad"] * 30 + [b"poison"] + [b"bad"] * 30
    deliveries = [Delivery(n, body, None, f"{name('a')}.case", name("a")) for n, body in enumerate(bodies)]
    isolation, batch = Isolation(worker.commit, refuse, lambda _: None), Batch(1, deliveries=deliveries)
    with pytest.raises(Unavailable):
        isolation.commit(batch)
    assert len(isolation.commit(batch)) == len(bodies)
    assert moved == [], "61 events are less than a window"
    labels = {"region": OTHER}
    found = [
        registry.get_sample_value("hallpulse_events_refused_total", labels | {"reason": reason.value})
        for reason in (Reason.BAD_TIME, Reason.UNPROCESSABLE)
    ]
    assert found == [60, 1]


class RefusesOneHall(NamedTuple):
    """A merger that refuses what one hall sends, part by part, and stores the rest."""

    stored: list[int]

    def do(self, work: Work, check: Check) -> Merged:
        for key in work.routing_keys:
            if key.startswith(name("bad")):
                check(NONE, rejections("bad", 10))
        self.stored.append(len(work.bodies))
        return Merged({}, [], [], [], [], old_duplicates=False)


def test_a_batch_with_a_hall_that_is_found_to_be_slow_is_given_back_before_anything_of_it_is_stored() -> None:
    slow, stored = set[str](), list[int]()
    worker = IngestWorker(
        RefusesOneHall(stored),
        cast(Any, NoHalls()),
        IngestMetrics(new_registry()),
        RefusalLimit(0.3, WINDOW),
        move=lambda moves: slow.update(moves.slower),
        slow=slow,
    )
    bad, good = (Delivery(1, b"{}", None, f"{name(hall)}.case", name(hall)) for hall in ("bad", "good"))
    worker.commit(Batch(1, deliveries=[bad] * 9 + [good]))
    with pytest.raises(HallsSlowed):
        worker.commit(Batch(1, deliveries=[bad] * 9 + [good]))
    with pytest.raises(HallsSlowed):  # as does one that was gathered before it was known
        worker.commit(Batch(1, deliveries=[bad]))
    worker.commit(Batch(1, deliveries=[good]))
    worker.commit(Batch(1, deliveries=[bad] * 9, aside=True))
    assert slow == {name("bad")}
    assert stored == [10, 1, 9]
