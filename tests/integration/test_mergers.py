"""Batches merged by processes of their own, on a real database."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from hallpulse.broker import Rejection
from hallpulse.contract.decode import BATCH_TYPE, EVENT_TYPE
from hallpulse.contract.reasons import Reason
from hallpulse.domain.errors import Halt, Unavailable
from hallpulse.domain.figures import Figure
from hallpulse.domain.succession import Succession
from hallpulse.store import Store, open_store
from hallpulse.store.locks import _HALL, _hall_key
from hallpulse.store.refused_rows import RefusedFilter
from services.ingest.merge_messages import Merged, MergingSetup, Work
from services.ingest.merging import Merging, MergingProcesses
from tests.ingest_process import running, settings
from tests.ingesting import publish, publishing, stored, wait_until
from tests.integration.test_doubles_in_flight import WAITING
from tests.integration.test_store import COUNTY, YEAR, case, item
from tests.merging import NOW, decoded
from tests.moments import ask
from tests.servers import Vhost

USER = "gateway"
KEY = "222424.hall-1.case"
Do = Callable[[Work, Callable[[Mapping[str, int], Sequence[Rejection]], None]], Merged]


def work(*events: dict[str, Any] | bytes, doubtful: Sequence[bytes] = (), old: bool = False, key: str = KEY) -> Work:
    """A message an event."""
    bodies = [event if isinstance(event, bytes) else json.dumps(event).encode() for event in events]
    count = len(bodies)
    return Work(bodies, [EVENT_TYPE] * count, [key] * count, [USER] * count, doubtful, old)


def anything(_: Mapping[str, int], __: Sequence[Rejection]) -> None:
    """Whatever is refused may be."""


@pytest.fixture
def mergers(store_url: str) -> Iterator[MergingProcesses]:
    made = MergingProcesses(MergingSetup(store_url, frozenset({USER})), 2)
    yield made
    made.end()


@pytest.fixture(params=["a process of its own", "this process"])
def do(request: pytest.FixtureRequest, store: Store) -> Do:
    if request.param == "this process":
        return Merging(store, frozenset({USER}), lambda: NOW).do
    mergers: MergingProcesses = request.getfixturevalue("mergers")
    return mergers.do


def processes(mergers: MergingProcesses) -> list[int]:
    return mergers.pids


def test_a_batch_is_stored_and_told_in_numbers(do: Do, store: Store) -> None:
    merged = do(work(*case(1), *case(2), case(1)[0]), anything)
    assert merged.taken == {"222424.hall-1": 5}
    assert [(one.region, one.hall, one.family, one.count) for one in merged.new] == [(222424, "hall-1", "case", 4)]
    assert [(one.hall, one.count) for one in merged.duplicates] == [("hall-1", 1)]
    assert [(one.region, one.hall, len(one.times)) for one in merged.times] == [(222424, "hall-1", 4)]
    assert (merged.reused, merged.old_duplicates) == ([], False)
    assert ask(store).figures(COUNTY, YEAR)["mean_elapsed_days"] == Figure(8, 2)


@pytest.mark.parametrize("old", [False, True])
def test_what_was_stored_before_is_found_whether_it_was_doubted_or_not(do: Do, store: Store, old: bool) -> None:
    do(work(*case(1)), anything)
    other = {**case(1)[0], "time": "2026-03-03T09:00:00+08:00"}
    doubted = do(work(*case(1), *case(2), doubtful=[b"case-1-received", b"case-1-decided"]), anything)
    assert ([one.count for one in doubted.duplicates], doubted.old_duplicates) == ([2], False)
    missed = do(work(*case(2), *case(3), other, old=old), anything)
    assert ([one.count for one in missed.duplicates], missed.old_duplicates) == ([2], True)
    assert [rejection.refusal.reason for rejection in missed.reused] == [Reason.ID_REUSED]
    assert ask(store).event_counts(222424) == {"hall-1": 6}
    assert store.recompute(check=True) == []


def test_a_batch_that_is_delivered_again_is_traced_by_each_of_its_events(do: Do, store: Store) -> None:
    for _ in range(3):
        do(work(*case(1)), anything)
    do(work(*case(2)), anything)
    with store.read() as moment:
        traces = [moment.trace(222424, "hall-1", f"case-{n}-received", NOW.date()).again for n in (1, 2)]
    assert [again and again.times for again in traces] == [2, None]
    assert store.recompute(check=True) == []


@pytest.mark.attack
@pytest.mark.parametrize(("sender", "late"), [(f"{USER} importing", 0), (USER, 2), ("222424.hall-1", 2)])
def test_only_what_an_import_sent_is_never_late_whatever_its_ids_look_like(
    do: Do, store: Store, sender: str, late: int
) -> None:
    old = [event | {"id": f"7b1d3c1e-0000-5000-8000-{n:012}"} for n, event in enumerate(case(1))]
    batch = work(*old)
    do(Work(batch.bodies, batch.content_types, batch.routing_keys, [sender] * 2, [], False), anything)
    assert stored(store) == 2
    with store.read() as moment:
        (counts,) = moment.sources(COUNTY, YEAR, NOW.date())
    assert counts.late == late
    assert store.recompute(check=True) == []


@pytest.mark.attack
def test_a_hall_that_calls_itself_an_import_is_refused(do: Do, store: Store) -> None:
    batch = work(*case(1))
    forged = Work(batch.bodies, batch.content_types, batch.routing_keys, ["222424.hall-2 importing"] * 2, [], False)
    assert do(forged, anything).taken == {}
    assert stored(store) == 0


def test_refused_events_come_back_with_how_they_came(do: Do, store: Store) -> None:
    asked = []
    batch = Work([b"[1]"], [BATCH_TYPE], [KEY], [None], [], False)
    merged = do(batch, lambda taken, rejections: asked.append((dict(taken), list(rejections))))
    ((_, (rejection,)),) = asked
    assert merged.reused == []
    assert (rejection.routing_key, rejection.user_id, rejection.refusal.body) == (KEY, "", b"1")
    assert asked == [({}, [rejection])]
    assert stored(store) == 0


def test_a_code_that_ends_or_is_given_back_between_two_batches_is_known_to_the_next_one(do: Do, store: Store) -> None:
    counted: list[int] = []

    def merge(number: int) -> Merged:
        return do(work(case(number)[0]), lambda _, rejections: counted.append(len(rejections)))

    assert sum(one.count for one in merge(1).new) == 1
    store.codes.declare([Succession(222424, 222401, date(2026, 3, 1), True, "No. 1", "merged")])
    assert merge(2).new == []
    assert counted == [1]
    assert [one.count for one in merge(1).duplicates] == [1]
    store.codes.withdraw(222424)
    assert sum(one.count for one in merge(3).new) == 1
    assert stored(store) == 2
    (kept,) = store.refused.page(RefusedFilter(), 10)
    assert kept.reason == str(Reason.REGION_ENDED)


def test_what_is_taken_is_told_once_where_a_code_ended_since_the_batch_was_decoded(do: Do, store: Store) -> None:
    """The refusal limit adds up what is told with each refused part."""
    told: Counter[str] = Counter()

    def count(taken: Mapping[str, int], rejections: Sequence[Rejection]) -> None:
        told.update(taken)
        told["refused"] += len(rejections)

    do(work(case(1)[0]), anything)
    store.codes.declare([Succession(222424, 222401, date(2026, 3, 1), True, "No. 1", "merged")])
    merged = do(work(b"bad", case(1)[1], case(2)[0]), count)
    assert merged.taken == {"222424.hall-1": 1}
    assert told == {"222424.hall-1": 2, "refused": 2}, "both good ones when they were decoded, then one refused"


def test_nothing_of_a_batch_is_stored_where_its_refusals_may_not_be(do: Do, store: Store) -> None:
    def never(_: Mapping[str, int], __: Sequence[Rejection]) -> None:
        raise Halt("too many")

    with pytest.raises(Halt, match="too many"):
        do(work(*case(1), b"bad"), never)
    assert stored(store) == 0
    assert do(work(*case(1), b"bad"), anything).taken == {"222424.hall-1": 2}


def test_a_case_that_is_new_has_the_limits_that_hold_now_not_those_seen_last(
    do: Do, store: Store, store_url: str
) -> None:
    """It is folded before its hall is held, from what was seen of the catalogue last."""
    do(work(item(10, "2026-01-01", "v1"), key="222424.hall-1.item"), anything)
    do(work(*case(1, decided="2026-03-09")), anything)
    assert ask(store).figures(COUNTY, YEAR)["promise_kept_rate"] == Figure(1, 1)
    elsewhere = open_store(store_url)
    elsewhere.merge(decoded([item(3, "2026-01-01", "v2") | {"time": "2026-01-03T09:00:00+08:00"}]), NOW)
    elsewhere.close()
    do(work(*case(2, decided="2026-03-09")), anything)
    assert ask(store).figures(COUNTY, YEAR)["promise_kept_rate"] == Figure(0, 2)
    assert store.recompute(check=True) == []


def test_a_process_that_was_killed_is_said_and_another_takes_its_place(mergers: MergingProcesses, store: Store) -> None:
    mergers.wait()
    before = processes(mergers)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    for _ in before:
        with pytest.raises(Unavailable, match="a merging process was killed by SIGKILL"):
            mergers.do(work(*case(1)), anything)
    mergers.do(work(*case(1)), anything)
    assert not {*before} & {*processes(mergers)}
    assert ask(store).event_counts(222424) == {"hall-1": 2}


def test_a_fault_of_its_own_is_one_line_with_its_place(mergers: MergingProcesses) -> None:
    torn = Work([b"1", b"2"], [EVENT_TYPE], [KEY], [USER], [], False)
    with pytest.raises(Halt, match=r"stopped by a fault of its own: ValueError: .*merging\.py:\d+\)$") as error:
        mergers.do(torn, anything)
    assert "\n" not in str(error.value)
    assert mergers.do(work(*case(1)), anything).taken == {"222424.hall-1": 2}


def test_a_database_that_is_away_is_tried_again_by_whoever_asked() -> None:
    away = MergingProcesses(MergingSetup("postgresql://nobody@127.0.0.1:1/none", frozenset({USER})), 1)
    try:
        for _ in range(2):
            with pytest.raises(Unavailable, match="database: "):
                away.do(work(*case(1)), anything)
    finally:
        away.end()


def test_none_is_left_at_the_end(store_url: str) -> None:
    made = MergingProcesses(MergingSetup(store_url, frozenset({USER})), 3)
    pids = processes(made)
    made.end()  # while they are still starting
    assert not any(alive(pid) for pid in pids)


def test_what_is_under_way_at_the_end_is_given_up_and_nobody_takes_its_place(store_url: str, store: Store) -> None:
    made = MergingProcesses(MergingSetup(store_url, frozenset({USER})), 1)
    made.wait()
    failures: list[BaseException] = []

    def ask() -> None:
        try:
            made.do(work(*case(1)), anything)
        except Unavailable as error:
            failures.append(error)

    with psycopg.connect(store_url) as holder:
        holder.execute("SELECT pg_advisory_xact_lock(%s, %s)", (_HALL, _hall_key(222424, "hall-1")))
        asking = threading.Thread(target=ask)
        asking.start()
        wait_until(lambda: waiting(store_url) == 1)
        pids = processes(made)
        made.end()
        asking.join(20)
    assert [str(error) for error in failures] == ["a merging process was killed by SIGTERM"]
    assert processes(made) == pids
    assert not alive(*pids)
    assert stored(store) == 0


def waiting(store_url: str) -> int:
    with psycopg.connect(store_url) as connection:
        row = connection.execute(WAITING).fetchone()
        return row[0] if row else 0


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGKILL])
def test_none_outlives_the_ingest(vhost: Vhost, store_url: str, store: Store, by: signal.Signals) -> None:
    with running(settings(vhost.amqp_url, store_url)) as process:
        children = children_of(process.pid)
        with publishing(vhost) as channel:
            publish(channel, case(1)[0], KEY, user_id=vhost.user)
        wait_until(lambda: stored(store) == 1)
        assert len(children) == 2
        process.send_signal(by)
        process.wait(20)
        wait_until(lambda: not any(alive(pid) for pid in children))


def test_an_ingest_whose_merging_process_is_killed_goes_on_and_loses_nothing(
    vhost: Vhost, store_url: str, store: Store
) -> None:
    with running(settings(vhost.amqp_url, store_url)) as process, publishing(vhost) as channel:
        for number in range(100):
            publish(channel, case(number), KEY, user_id=vhost.user)
            if number in (30, 60):
                for pid in children_of(process.pid):
                    os.kill(pid, signal.SIGKILL)
        wait_until(lambda: stored(store) == 200, 60)
        assert process.poll() is None
    assert store.recompute(check=True) == []


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid: int) -> bool:
    """Ended ones that nobody has asked about yet are not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
