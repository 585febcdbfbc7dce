"""A part that asks for a person: not started again by itself, shown with its words, started when a person says so."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from services.console.commands.status import command
from services.local import lifecycle, processes, state
from services.local.layout import Layout
from services.local.parts import Part
from services.local.processes import Command
from services.local.supervisor import Supervisor

SAYS = "ingest: refusal limit: see hallpulse refused list"
SCRIPT = f'test -e go && exec sleep 60; echo x >> tries; echo "{SAYS}" >&2; exit $(cat status)'


@pytest.fixture
def signals() -> Iterator[None]:
    names = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
    before = {name: signal.getsignal(name) for name in names}
    yield
    for name, handler in before.items():
        signal.signal(name, handler)


def supervised(directory: Path, status: int, then: Callable[[Layout], None]) -> list[str]:
    """What the supervisor said while `then` ran beside it, in a thread."""
    (directory / "status").write_text(str(status))
    layout, said = Layout(directory / "run"), list[str]()
    layout.root.mkdir()
    command = Command(("/bin/sh", "-c", SCRIPT), {"PATH": os.environ["PATH"]}, directory, layout.log("ingest"))
    part = Part("ingest", lambda: command, lambda _: (directory / "go").exists(), halts_with=3)
    me = processes.identity_of(os.getpid())
    assert me is not None
    failures: list[BaseException] = []

    def beside() -> None:
        try:
            then(layout)
        except BaseException as error:
            failures.append(error)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=beside)
    Supervisor(layout, me, said.append).run([[part]], thread.start)
    thread.join()
    assert failures == []
    return said


def seen(layout: Layout) -> str:
    known = state.read(layout.state)
    return known.parts[0].state if known else ""


@pytest.mark.usefixtures("signals")
def test_it_is_tried_once_shown_with_its_own_words_and_started_again_on_demand(tmp_path: Path) -> None:
    def then(layout: Layout) -> None:
        assert processes.wait_until(lambda: seen(layout) == state.HALTED, 10)
        threading.Event().wait(1.2)
        assert (tmp_path / "tries").read_text() == "x\n"
        shown = CliRunner().invoke(command, ["--dir", str(layout.root)])
        assert shown.exit_code == 1
        assert f"ingest waits for a person: {SAYS}" in shown.output
        (tmp_path / "go").touch()
        assert lifecycle.wake(layout)
        assert processes.wait_until(lambda: seen(layout) == state.RUNNING, 10)

    said = supervised(tmp_path, 3, then)
    assert [line for line in said if f"ingest: waits for a person: {SAYS}" in line]


@pytest.mark.usefixtures("signals")
def test_woken_too_early_it_waits_again(tmp_path: Path) -> None:
    def then(layout: Layout) -> None:
        assert processes.wait_until(lambda: seen(layout) == state.HALTED, 10)
        assert lifecycle.wake(layout)
        assert processes.wait_until(lambda: (tmp_path / "tries").read_text() == "x\nx\n", 10)
        assert processes.wait_until(lambda: seen(layout) == state.HALTED, 10)

    supervised(tmp_path, 3, then)


def test_where_no_suite_runs_nobody_is_woken(tmp_path: Path) -> None:
    assert not lifecycle.wake(Layout(tmp_path))
