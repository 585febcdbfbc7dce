"""Where a publisher keeps events: the same behaviour in memory and in a file, and what only a file has."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Protocol

import pytest

from hallpulse.domain.errors import Halt, Unavailable
from hallpulse.publisher import DiskOutbox, OutboxFull, RefusedEvent
from hallpulse.publisher.disk import MOST_BYTES
from hallpulse.publisher.memory import MemoryOutbox
from hallpulse.publisher.message import Message
from hallpulse.publisher.outbox import Outbox

CASES, TALLIES = "222424.hall-1.case", "222424.hall-1.tally"


def messages(first: int, last: int, key: str = CASES) -> list[Message]:
    return [Message(key, b"%d" % number) for number in range(first, last)]


def bodies(outbox: Outbox, key: str = CASES) -> list[bytes]:
    return [event.body for event in outbox.head(key)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite"


class Opening(Protocol):
    def __call__(self, most_bytes: int = MOST_BYTES) -> DiskOutbox:
        """Open the test's file, and close it behind the test."""


@pytest.fixture
def opened(path: Path) -> Iterator[Opening]:
    with ExitStack() as stack:

        def open_outbox(most_bytes: int = MOST_BYTES) -> DiskOutbox:
            outbox = DiskOutbox(path, most_bytes)
            stack.callback(shut, outbox)
            return outbox

        yield open_outbox


@pytest.fixture(params=["memory", "disk"])
def outbox(request: pytest.FixtureRequest, opened: Opening) -> Outbox:
    return MemoryOutbox() if request.param == "memory" else opened()


@pytest.fixture
def disk(opened: Opening) -> DiskOutbox:
    return opened()


def shut(outbox: DiskOutbox) -> None:
    outbox.let_go()
    outbox.close()


def test_what_is_added_waits_in_its_order_under_its_routing_key(outbox: Outbox) -> None:
    outbox.add([*messages(0, 2), *messages(0, 2, TALLIES), *messages(2, 4)])
    assert outbox.keys() == [CASES, TALLIES]
    assert bodies(outbox) == [b"0", b"1", b"2", b"3"]
    assert bodies(outbox, TALLIES) == [b"0", b"1"]
    assert bodies(outbox, "222424.hall-2.case") == []
    assert (outbox.count(), outbox.first(), outbox.last()) == (6, 1, 6)


def test_an_empty_outbox_says_so(outbox: Outbox) -> None:
    outbox.add([])
    assert (outbox.keys(), outbox.count(), outbox.first(), outbox.last()) == ([], 0, None, 0)


def test_what_is_confirmed_is_gone_and_numbers_go_on(outbox: Outbox) -> None:
    outbox.add(messages(0, 3))
    outbox.confirm([(CASES, outbox.head(CASES)[1].number)])
    assert bodies(outbox) == [b"2"]
    outbox.confirm([(CASES, 3)])
    assert (outbox.keys(), outbox.first(), outbox.last()) == ([], None, 3)
    outbox.add(messages(3, 4))
    assert (outbox.first(), outbox.last()) == (4, 4)


def test_of_one_routing_key_no_more_is_confirmed_than_was_sent(outbox: Outbox) -> None:
    outbox.add([*messages(0, 1), *messages(0, 1, TALLIES), *messages(1, 2)])
    outbox.confirm([(TALLIES, 2)])
    assert (outbox.keys(), bodies(outbox)) == ([CASES], [b"0", b"1"])


def test_a_head_is_an_envelope_of_a_hundred_events_or_a_mebibyte(outbox: Outbox) -> None:
    outbox.add(messages(0, 150))
    assert len(outbox.head(CASES)) == 100
    outbox.add([Message(TALLIES, b"x" * 300_000) for _ in range(10)])
    assert len(outbox.head(TALLIES)) == 3


def test_an_event_larger_than_an_envelope_goes_alone(outbox: Outbox) -> None:
    outbox.add([Message(CASES, b"x" * 3_000_000), *messages(0, 1)])
    assert [len(event.body) for event in outbox.head(CASES)] == [3_000_000]


def test_what_is_refused_no_longer_waits(outbox: Outbox) -> None:
    outbox.add(messages(0, 3))
    outbox.refuse(CASES, 2, "not granted")
    assert bodies(outbox) == [b"2"]


def test_several_threads_may_add(outbox: Outbox) -> None:
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda n: outbox.add(messages(n * 10, n * 10 + 10, f"222424.hall-{n}.case")), range(20)))
    assert outbox.count() == 200
    assert bodies(outbox, "222424.hall-7.case") == [b"%d" % n for n in range(70, 80)]


def test_memory_takes_no_more_than_it_may_hold() -> None:
    outbox = MemoryOutbox()
    outbox.add([Message(CASES, b"x" * 1_000_000)] * 34)
    with pytest.raises(OutboxFull, match=r"^34 events wait in memory"):
        outbox.add(messages(0, 1))
    outbox.confirm([(CASES, 10)])
    outbox.add(messages(0, 1))


def test_a_file_keeps_what_waits_and_what_was_refused(disk: DiskOutbox, opened: Opening) -> None:
    disk.add([*messages(0, 3), *messages(0, 1, TALLIES)])
    disk.confirm([(CASES, 1)])
    disk.refuse(TALLIES, 4, "not granted")
    shut(disk)
    again = opened()
    assert bodies(again) == [b"1", b"2"]
    assert list(again.refused()) == [RefusedEvent(4, TALLIES, b"0", "not granted")]


def test_what_was_refused_can_be_sent_again_or_dropped(disk: DiskOutbox) -> None:
    disk.add([*messages(0, 250), *messages(0, 2, TALLIES)])
    disk.refuse(CASES, 250, "not granted")
    assert [event.body for event in disk.refused()] == [b"%d" % n for n in range(250)]
    assert (disk.count_refused(), disk.retry_refused(), disk.count_refused()) == (250, 250, 0)
    assert [(event.number, event.body) for event in disk.head(CASES)[:2]] == [(253, b"0"), (254, b"1")]
    disk.refuse(TALLIES, 252, "not granted")
    assert (disk.drop_refused(), disk.count_refused(), disk.count()) == (2, 0, 250)


def test_a_full_file_says_so_and_keeps_what_it_has(path: Path, opened: Opening) -> None:
    disk = opened(1_000_000)
    with pytest.raises(OutboxFull, match=rf"^outbox {path}: full: it holds \d+ of at most 1000000 bytes$"):
        _fill(disk)
    added = disk.count()
    assert 500 < added < 1000
    assert added % 10 == 0
    assert path.stat().st_size <= 1_000_000
    disk.confirm([(CASES, added // 2)])
    disk.add([Message(CASES, b"x" * 1000)] * (added // 4))
    shut(disk)
    disk = opened()
    assert disk.count() == added - added // 2 + added // 4


def _fill(disk: DiskOutbox) -> None:
    while True:
        disk.add([Message(CASES, b"x" * 1000)] * 10)


def test_the_disk_gets_back_what_an_outage_took_of_it(path: Path, disk: DiskOutbox, opened: Opening) -> None:
    disk.add([Message(CASES, b"x" * 100_000)] * 400)
    disk.confirm([(CASES, 400)])
    shut(disk)
    opened()
    assert path.stat().st_size < 100_000


def test_only_one_of_several_programs_may_send_and_then_the_next(opened: Opening) -> None:
    first, second = opened(), opened()
    assert (first.lease(), second.lease(), first.lease(), second.lease()) == (True, False, True, False)
    second.add(messages(0, 1))
    assert bodies(first) == [b"0"]
    first.let_go()
    assert second.lease()


def _newer(path: Path) -> None:
    shut(DiskOutbox(path))
    _execute(path, "PRAGMA user_version = 99")


def _execute(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)


NO_OUTBOX: dict[str, Callable[[Path], object]] = {
    "expected an outbox, a file of SQLite": lambda path: path.write_text("events\n" * 1000),
    "expected a file": lambda path: path.mkdir(),
    "expected an outbox, found another program's": lambda path: _execute(path, "CREATE TABLE t (x)"),
    "expected format 1, found 99: a newer version of hallpulse made it": _newer,
}


@pytest.mark.parametrize("why", NO_OUTBOX)
def test_a_file_that_is_no_outbox_is_told_in_one_line(path: Path, why: str) -> None:
    NO_OUTBOX[why](path)
    with pytest.raises(Halt, match=why) as error:
        DiskOutbox(path)
    assert str(error.value).startswith(f"outbox {path}: ")
    assert "\n" not in str(error.value)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Halt, match=r"cannot be made: No such file or directory$"):
        DiskOutbox(tmp_path / "none" / "outbox.sqlite")


def test_an_outbox_is_private(disk: DiskOutbox) -> None:
    disk.add(messages(0, 1))
    for file in (disk.path, disk.path.with_name(disk.path.name + "-wal")):
        assert file.stat().st_mode & 0o077 == 0


def test_programs_that_come_to_a_new_outbox_at_once_make_one(path: Path, opened: Opening) -> None:
    code = f"""from hallpulse.publisher import DiskOutbox, Message
DiskOutbox({str(path)!r}).add([Message("222424.hall-1.case", b"x")])"""
    programs = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(6)]
    assert [program.communicate()[1] for program in programs] == [b""] * 6
    assert opened().count() == 6


def test_a_file_that_somebody_keeps_locked_is_told(
    path: Path, opened: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hallpulse.publisher.disk._BUSY_SECONDS", 0.1)
    waiting = opened()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="another program has kept it locked"):
            waiting.add(messages(0, 1))
        other.execute("ROLLBACK")
    waiting.add(messages(0, 1))


_FULL_DISK = """
import sys
from pathlib import Path
from hallpulse.publisher import DiskOutbox, Message, OutboxFull

folder, ten = Path(sys.argv[1]), [Message("222424.hall-1.case", b"x" * 1000)] * 10
(folder / "ballast").write_bytes(bytes(300_000))
outbox, added = DiskOutbox(folder / "outbox.sqlite"), 0
try:
    while True:
        outbox.add(ten)
        added += 10
except OutboxFull as full:
    print(full)
assert outbox.count() == added > 100
(folder / "ballast").unlink()
outbox.confirm([("222424.hall-1.case", 50)])
outbox.add(ten)
outbox.let_go(), outbox.close()
assert DiskOutbox(folder / "outbox.sqlite").count() == added - 40
"""
_FILLED_BY_ITSELF = """
import sys
from pathlib import Path
from hallpulse.publisher import DiskOutbox, Message, OutboxFull

outbox = DiskOutbox(Path(sys.argv[1]) / "outbox.sqlite")
for _ in range(3):
    try:
        while True:
            outbox.add([Message("222424.hall-1.case", b"x" * 1000)] * 10)
    except OutboxFull as full:
        print(full)
    assert outbox.count() > 500
    outbox.confirm([("222424.hall-1.case", outbox.last())])
    assert outbox.count() == 0
"""


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="a disk of its own needs root")
@pytest.mark.parametrize(("program", "times"), [(_FULL_DISK, 1), (_FILLED_BY_ITSELF, 3)])
def test_a_full_disk_is_told_and_loses_nothing_and_one_that_it_filled_itself_it_empties_again(
    tmp_path: Path, program: str, times: int
) -> None:
    mounted = 'mount -t tmpfs -o size=12m test "$2" || exit 77; exec "$0" -c "$1" "$2"'
    inside = ["unshare", "--mount", "--propagation", "private", "sh", "-c", mounted, sys.executable, program]
    done = subprocess.run([*inside, tmp_path], capture_output=True, text=True, check=False)
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip("this root may not mount")
    told = f"outbox {tmp_path}/outbox.sqlite: the disk is full; what the outbox holds is kept\n"
    assert (done.stdout, done.stderr) == (told * times, "")
