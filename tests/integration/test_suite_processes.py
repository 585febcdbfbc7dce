"""Processes of the suite: told apart from strangers, ended with all that they started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from services.local import process_groups
from services.local.files import CannotRun
from services.local.process_groups import Command, Identity

_SLEEPER = (sys.executable, "-c", "import time; time.sleep(60)")
_STUBBORN = (
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)",
)


def _command(argv: tuple[str, ...], directory: Path) -> Command:
    return Command(argv, {"PATH": os.environ["PATH"]}, directory, directory / "log" / "it.log")


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Identity]:
    process = process_groups.spawn(_command(_SLEEPER, tmp_path))
    identity = process_groups.identity_of(process.pid)
    assert identity is not None
    yield identity
    process.kill()
    process.wait()


def test_a_process_is_known_by_its_start_time_too(sleeper: Identity) -> None:
    assert sleeper.is_alive()
    assert not replace(sleeper, started="another boot:1").is_alive()


def test_a_stranger_with_the_same_number_is_left_alone(sleeper: Identity) -> None:
    process_groups.end(replace(sleeper, started="another boot:1"))
    assert sleeper.is_alive()


def test_ending_reaches_the_children_of_a_process(tmp_path: Path) -> None:
    shell = ("/bin/sh", "-c", "sleep 61.25 & echo $!; wait")
    process = process_groups.spawn(_command(shell, tmp_path))
    log = tmp_path / "log" / "it.log"
    assert process_groups.wait_until(lambda: log.read_text().endswith("\n"), 5)
    identity, child = process_groups.identity_of(process.pid), process_groups.identity_of(int(log.read_text()))
    assert identity is not None
    assert child is not None
    process_groups.end(identity, patience=5)
    process.wait()
    assert process_groups.wait_until(lambda: not child.is_alive(), 5)


def test_a_process_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    process = process_groups.spawn(_command(_STUBBORN, tmp_path))
    log = tmp_path / "log" / "it.log"
    assert process_groups.wait_until(lambda: "deaf" in log.read_text(), 10)
    identity = process_groups.identity_of(process.pid)
    assert identity is not None
    assert not process_groups.end(identity, patience=0.3)
    assert process.wait() == -signal.SIGKILL


def test_a_process_dies_with_the_one_that_started_it(tmp_path: Path) -> None:
    starter = f"""
import os, sys, time
from pathlib import Path
from services.local import process_groups
from services.local.process_groups import Command
child = process_groups.spawn(Command({_SLEEPER!r}, dict(os.environ), Path("."), Path({str(tmp_path / "it.log")!r})))
print(child.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = process_groups.identity_of(int(parent.stdout.readline()))
        assert child is not None
        time.sleep(0.3)
        parent.kill()
    assert process_groups.wait_until(lambda: not child.is_alive(), 5)


def test_a_log_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a file where a directory should be")
    with pytest.raises(CannotRun, match=r"cannot start .* with its log .*it\.log: "):
        process_groups.spawn(_command(_SLEEPER, tmp_path))
