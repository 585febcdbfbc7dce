"""Archiving and bringing back, killed at any step: nothing is lost, and the next command goes on."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hallpulse.store import Store, open_archive, read_manifest
from tests.archive_ground import AUTUMN, EVERYWHERE, Ground, ground_in, make_blocks_small, rows, stored, take
from tests.merging import NOW, decoded


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    make_blocks_small(monkeypatch)


@pytest.fixture
def ground(store: Store, store_url: str, tmp_path: Path) -> Ground:
    return ground_in(store, store_url, tmp_path / "archive")


KILLED = """
import os, signal, sys
from datetime import UTC, date, datetime
from pathlib import Path
from hallpulse.store import open_archive, read_manifest
from hallpulse.store.archiving import event_archive, packed_events, parquet_files
packed_events.BLOCK, event_archive.BLOCKS_AT_ONCE = 7, 5
url, folder, what, place, when, how = sys.argv[1:]
owners = {"files": parquet_files, "archive": event_archive, "class": event_archive.EventArchive, "path": Path}
owner = owners[place.split(".")[0]]
name, calls = place.split(".")[1], 0
real = getattr(owner, name)

def last(*given, **more):
    global calls
    calls += 1
    if calls == int(when) and how == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    result = real(*given, **more)
    if calls == int(when):
        os.kill(os.getpid(), signal.SIGKILL)
    return result

setattr(owner, name, last)
archive = open_archive(url, Path(folder))
if what == "take":
    archive.take(date(2026, 9, 1), (0, 999_999), datetime(2026, 11, 24, tzinfo=UTC))
else:
    archive.restore(read_manifest(Path(folder)))
"""


def killed(ground: Ground, what: str, place: str, when: int, how: str) -> None:
    given = [ground.url, str(ground.folder), what, place, str(when), how]
    ended = subprocess.run([sys.executable, "-c", KILLED, *given], capture_output=True, timeout=120, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()


@pytest.mark.parametrize(
    ("place", "when", "how"),
    [
        ("files._write", 2, "after"),
        ("path.replace", 3, "before"),
        ("archive.write_manifest", 2, "before"),
        ("archive.write_manifest", 2, "after"),
        ("class._move_blocks", 3, "after"),
        ("archive.transaction", 9, "before"),
        ("archive.write", 1, "after"),
        ("class._clean", 1, "before"),
    ],
)
def test_an_archiving_that_is_killed_at_any_step_has_lost_nothing_and_goes_on(
    ground: Ground, store: Store, place: str, when: int, how: str
) -> None:
    killed(ground, "take", place, when, how)
    assert store.recompute(check=True) == []
    assert len(store.merge(decoded(ground.events), NOW).duplicates) == len(ground.events)
    archive = open_archive(ground.url, ground.folder)
    take(archive)
    assert archive.check() == []
    assert archive.preview(AUTUMN, EVERYWHERE) == []
    assert [path for path in ground.folder.rglob("*") if path.suffix == ".part"] == []
    assert store.recompute(check=True, archive=str(ground.folder)) == []
    archive.restore(read_manifest(ground.folder))
    assert stored(ground.url) == ground.rows


@pytest.mark.parametrize(
    ("place", "when", "how"),
    [
        ("archive.transaction", 3, "before"),
        ("archive.write", 1, "after"),
        ("archive.write_manifest", 1, "before"),
        ("path.unlink", 2, "before"),
    ],
)
def test_a_bringing_back_that_is_killed_at_any_step_goes_on(
    ground: Ground, store: Store, place: str, when: int, how: str
) -> None:
    archive = open_archive(ground.url, ground.folder)
    take(archive)
    killed(ground, "restore", place, when, how)
    assert len(store.merge(decoded(ground.events), NOW).duplicates) == len(ground.events)
    assert store.recompute(check=True) == []
    archive.restore(read_manifest(ground.folder))
    assert stored(ground.url) == ground.rows
    assert rows(ground.url, "SELECT count(*) FROM archived_events") == [(0,)]
    assert read_manifest(ground.folder) == []
