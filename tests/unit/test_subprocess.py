"""A process beside a service: messages of any size, and its end, however it comes."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hallpulse.subprocess import Subprocess, SubprocessEnded

ECHO = "tests.unit.subprocess_echo"
Echo = Subprocess[str | list[bytes]]


@pytest.fixture
def echo() -> Iterator[Echo]:
    made = Echo(ECHO, str | list[bytes])
    yield made
    made.end()


@pytest.mark.parametrize("size", [0, 1, 64 * 1024 - 20, 64 * 1024 + 20, 5_000_000])
def test_a_message_of_any_size_comes_back_whole(echo: Echo, size: int) -> None:
    for message in ([b"x" * size, b"end"], "short"):
        threading.Thread(target=echo.send, args=(message,)).start()
        assert echo.receive() == message


def test_it_is_readable_when_an_answer_comes(echo: Echo) -> None:
    echo.send("one")
    assert select.select([echo], (), (), 20)[0] == [echo]
    assert echo.receive() == "one"


@pytest.mark.parametrize("times", [1, 3])
def test_its_end_is_raised_by_the_answer_that_is_waited_for_and_not_by_sending(echo: Echo, times: int) -> None:
    echo.send("exit")
    for _ in range(times):
        with pytest.raises(SubprocessEnded, match=r"^ended with status 3$"):
            echo.receive()
        echo.send("more")


def test_the_signal_that_killed_it_is_named(echo: Echo) -> None:
    os.kill(echo.pid, signal.SIGKILL)
    with pytest.raises(SubprocessEnded, match=r"^was killed by SIGKILL$"):
        echo.receive()


def test_a_thread_that_waits_for_an_answer_is_released_by_the_end(echo: Echo) -> None:
    ended: list[str] = []

    def wait() -> None:
        try:
            echo.receive()
        except SubprocessEnded as error:
            ended.append(str(error))

    echo.send("fall silent")
    waiting = threading.Thread(target=wait)
    waiting.start()
    echo.end()
    waiting.join(20)
    assert ended == ["was killed by SIGTERM"]


def test_it_ends_when_the_process_that_started_it_is_killed() -> None:
    code = (
        f"from hallpulse.subprocess import Subprocess; s = Subprocess({ECHO!r}, str); print(s.pid, flush=True); input()"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    service = subprocess.Popen(
        (sys.executable, "-c", code), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    )
    with service:
        assert service.stdout is not None
        pid = int(service.stdout.readline())
        service.kill()
    until = time.monotonic() + 20
    while _runs(pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
