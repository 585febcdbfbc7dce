"""Two processes of each service at once on one broker and one database, and one of them killed: nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from threading import Barrier, Thread

import pytest

from hallpulse.store import About, NewReport, ReportExists, ReportFile, Store, Turn, open_store
from services.notices.channels import Addresses, Channels, Robot
from tests.ingesting import wait_until
from tests.integration import test_reports as reporting
from tests.integration import test_targets_service as targets
from tests.integration.test_notice_ledger import Robots, robots, served
from tests.merging import merge_all
from tests.unit.test_notices import posted

__all__ = ["robots"]
AT = datetime(2026, 11, 24, 4, tzinfo=UTC)


@pytest.fixture
def stores(store_url: str) -> Iterator[tuple[Store, Store]]:
    """One of each of two processes."""
    made = open_store(store_url, pool_size=2), open_store(store_url, pool_size=2)
    yield made
    for one in made:
        one.close()


def turn(*, met: bool, minute: int = 0, kind: str = "target_breached") -> Turn:
    at = AT + timedelta(minutes=minute)
    return Turn(222424, "222424-2026", "loss", "", kind, met, met, at, {"id": "loss", "at": at.isoformat()})


def put_aside(store: Store, seconds: int) -> None:
    """Let it be so long ago that a process took a turn."""
    with store._engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE announced SET taken = taken - interval '{seconds} seconds'")


def test_one_lease_has_one_holder_until_it_ends(stores: tuple[Store, Store]) -> None:
    first, second = stores
    hour = timedelta(hours=1)
    assert first.leases.hold("a", hour)
    assert first.leases.hold("a", hour)
    assert not second.leases.hold("a", hour)
    assert second.leases.hold("b", hour)
    assert first.leases.hold("a", timedelta(seconds=-1))
    assert second.leases.hold("a", hour)
    assert not first.leases.hold("a", hour)
    first.leases.release("a")  # it has it no more
    assert not first.leases.hold("a", hour)
    second.leases.release("a")
    assert first.leases.hold("a", hour)


def test_a_turn_is_announced_by_the_process_that_takes_it_first(stores: tuple[Store, Store]) -> None:
    first, second = stores
    breach = turn(met=False)
    assert first.turns.take(breach) == (breach, True)
    assert second.turns.take(turn(met=False, minute=1)) == (None, False)
    first.turns.sent(breach)
    assert second.turns.take(turn(met=False, minute=1)) == (None, True)
    recovery = turn(met=True, minute=2, kind="target_recovered")
    assert second.turns.take(recovery) == (recovery, True)
    second.turns.sent(recovery)
    assert first.turns.take(turn(met=False, minute=1)) == (None, True)  # of an older reading


def test_a_turn_that_its_process_could_not_announce_is_its_own_again_at_once(stores: tuple[Store, Store]) -> None:
    first, second = stores
    breach, recovery = turn(met=False), turn(met=True, minute=2, kind="target_recovered")
    assert first.turns.take(breach) == (breach, True)
    assert first.turns.take(breach) == (breach, True)
    assert second.turns.take(breach) == (None, False)
    put_aside(first, 60)
    assert second.turns.take(recovery) == (breach, False)
    assert first.turns.take(breach) == (None, False)  # it is the other's now
    assert second.turns.take(recovery) == (breach, False)


def test_a_turn_whose_process_ended_is_announced_by_another_in_the_same_words_before_what_followed(
    stores: tuple[Store, Store],
) -> None:
    first, second = stores
    breach, recovery = turn(met=False), turn(met=True, minute=2, kind="target_recovered")
    assert first.turns.take(breach).publish == breach
    put_aside(first, 60)
    assert second.turns.take(turn(met=False, minute=1)) == (breach, True)
    put_aside(first, 60)
    assert second.turns.take(recovery) == (breach, False)
    second.turns.sent(breach)
    assert second.turns.take(recovery) == (recovery, True)


def test_breaches_are_announced_once_by_two_processes_and_by_the_one_that_is_left(
    tmp_path: Path, amqp_url: str, store_url: str, store: Store
) -> None:
    with ExitStack() as running:
        services = []
        for name in ("first", "second"):
            (tmp_path / name).mkdir()
            services.append(running.enter_context(targets.process(tmp_path / name, amqp_url, store_url)))
        for one in services:
            targets.until(one.log.read_text, lambda said: "ready" in said, 60.0)
        channel, queue = targets.listening(amqp_url)
        targets.put(store, targets.loss(1, 1))
        for one in services:
            targets.until(lambda one=one: one.ratio("loss"), lambda ratio: ratio == 0.01, 60.0)  # type: ignore[misc]
        heard = []
        for lost, revision in ((6, 2), (1, 3)):
            targets.put(store, targets.loss(lost, revision))
            heard.append(targets.heard(channel, queue, 60.0))
            for one in services:
                targets.until(lambda one=one: one.ratio("loss"), lambda r, lost=lost: r == lost / 100, 60.0)  # type: ignore[misc]
        services[0].process.kill()
        services[0].process.wait()
        targets.put(store, targets.loss(9, 4))
        heard.append(targets.heard(channel, queue, 60.0))
        targets.put(store, targets.loss(2, 5))
        heard.append(targets.heard(channel, queue, 60.0))
        # Whatever one of them had still to say comes before the next turn of the one that is left.
        assert [(one[0], one[1]["value"]) for one in heard if one] == [
            ("target_breached", 0.06), ("target_recovered", 0.01),
            ("target_breached", 0.09), ("target_recovered", 0.02),
        ]  # fmt: skip
        channel.connection.close()


def test_two_dispatchers_send_each_message_once_and_go_on_after_one_has_ended(
    store: Store, stores: tuple[Store, Store], robots: Robots
) -> None:
    places = [Robot(url=f"{robots.url}/robot-{number}") for number in range(12)]
    channels = Channels(None, {"default": Addresses(wecom=places)})
    with served(stores[0], channels) as one, served(stores[1], channels) as other:
        one.post(posted())
        other.post(posted())  # said again, to the other process
        senders = [Thread(target=door.dispatcher.send_due) for door in (one, other)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join(60)
        assert store.notices.waiting() == 0
        assert sorted(path for path, _ in robots.posted) == sorted(f"/robot-{number}" for number in range(12))
        one.dispatcher.stop()
        (line, *_) = store.notices.list()
        assert line.times == 2
        one.clock.now = other.clock.now = other.clock.now + timedelta(hours=4)
        other.post(posted())  # repeated after hours: people are told again
        assert other.dispatcher.send_due() == 12


def test_the_months_report_is_written_by_one_of_two_processes(
    tmp_path: Path, amqp_url: str, store_url: str, store: Store
) -> None:
    """Each has a folder of its own: that the file is there already cannot tell them."""
    folders = tmp_path / "first", tmp_path / "second"
    last = datetime.now(timezone(timedelta(hours=8))).date().replace(day=1) - timedelta(days=1)
    with ExitStack() as running:
        services = []
        for folder in folders:
            folder.mkdir()
            services.append(running.enter_context(reporting.process(folder, amqp_url, store_url)))
        merge_all(store, [reporting.heartbeat(1, last)], 10)
        wait_until(lambda: any(one.written for one in services), 60)
        _look_again(store)
        assert sum(len(one.written) for one in services) == 1
    assert [line.entry.action for line in store.audit.list(action="report")] == ["report.write"]


def _look_again(store: Store) -> None:
    """Wait until each of the two has asked the database several times more."""
    asked: dict[int, set[datetime]] = {}

    def seen() -> bool:
        with store._engine.connect() as connection:
            for pid, at in connection.exec_driver_sql(
                "SELECT pid, query_start FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid()"
            ):
                asked.setdefault(pid, set()).add(at)
        return sum(len(times) > 4 for times in asked.values()) >= 2

    wait_until(seen, 60)


def lease(store: Store) -> tuple[datetime, timedelta] | None:
    """Until when the right to write what is due lasts, and how long that still is; None if no process has it."""
    with store._engine.connect() as connection:
        row = connection.exec_driver_sql("SELECT until, until - now() FROM leases WHERE name = 'reports due'").first()
        return None if row is None else (row[0], row[1])


def held(store: Store) -> tuple[datetime, timedelta]:
    wait_until(lambda: lease(store) is not None, 60)
    found = lease(store)
    assert found is not None
    return found


def test_the_right_to_write_reports_is_short_renewed_and_given_up_at_an_orderly_stop(
    tmp_path: Path, amqp_url: str, store_url: str, store: Store
) -> None:
    with reporting.process(tmp_path, amqp_url, store_url, look_each=600) as service:
        until, lasts = held(store)
        assert lasts < timedelta(seconds=61)
        wait_until(lambda: held(store)[0] > until, 60)
        assert service.written == []
    assert lease(store) is None
    folder = tmp_path / "another"
    folder.mkdir()
    last = datetime.now(timezone(timedelta(hours=8))).date().replace(day=1) - timedelta(days=1)
    merge_all(store, [reporting.heartbeat(1, last)], 10)
    with reporting.process(folder, amqp_url, store_url) as other:
        wait_until(lambda: bool(other.written), 60)


def test_a_report_that_two_processes_publish_at_once_is_published_once(stores: tuple[Store, Store]) -> None:
    together = Barrier(2)
    outcomes: list[str] = []

    def publish(store: Store) -> None:
        files = [ReportFile("html", "a.html", "text/html", b"<p>")]
        report = NewReport(222424, "2026-10", "222424-2026", 1_790_000_000_000_000, {}, files, About())
        together.wait(30)
        try:
            store.reports.keep(report, again=False)
            outcomes.append("kept")
        except ReportExists:
            outcomes.append("there already")

    threads = [Thread(target=publish, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["kept", "there already"]
    assert len(stores[0].reports.list(222424)) == 1
