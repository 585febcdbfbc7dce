"""Parts that do not run: one waits for a person, another keeps dying, and is tried for ever; both are shown."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from services.console.commands.status import command
from services.gateway.suite import SuiteParts
from services.local import lifecycle, parts, process_groups, state
from services.local.parts import SuitePart
from services.local.process_groups import Command
from services.local.suite_directory import SuiteDirectory
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


def supervised(directory: Path, status: int, then: Callable[[SuiteDirectory], None]) -> list[str]:
    """What the supervisor said while `then` ran beside it, in a thread."""
    (directory / "status").write_text(str(status))
    layout, said = SuiteDirectory(directory / "run"), list[str]()
    layout.root.mkdir()
    command = Command(("/bin/sh", "-c", SCRIPT), {"PATH": os.environ["PATH"]}, directory, layout.log("ingest"))
    part = SuitePart("ingest", lambda: command, lambda _: (directory / "go").exists(), halts_with=3)
    me = process_groups.identity_of(os.getpid())
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


def seen(layout: SuiteDirectory) -> str:
    known = state.read(layout.state)
    return known.parts[0].state if known else ""


@pytest.mark.usefixtures("signals")
def test_it_is_tried_once_shown_with_its_own_words_and_started_again_on_demand(tmp_path: Path) -> None:
    def then(layout: SuiteDirectory) -> None:
        assert process_groups.wait_until(lambda: seen(layout) == state.HALTED, 10)
        threading.Event().wait(1.2)
        assert (tmp_path / "tries").read_text() == "x\n"
        shown = CliRunner().invoke(command, ["--dir", str(layout.root)])
        assert shown.exit_code == 1
        assert f"ingest waits for a person: {SAYS}" in shown.output
        (tmp_path / "go").touch()
        assert lifecycle.wake(layout)
        assert process_groups.wait_until(lambda: seen(layout) == state.RUNNING, 10)

    said = supervised(tmp_path, 3, then)
    assert [line for line in said if f"ingest: waits for a person: {SAYS}" in line]


@pytest.mark.usefixtures("signals")
def test_woken_too_early_it_waits_again(tmp_path: Path) -> None:
    def then(layout: SuiteDirectory) -> None:
        assert process_groups.wait_until(lambda: seen(layout) == state.HALTED, 10)
        assert lifecycle.wake(layout)
        assert process_groups.wait_until(lambda: (tmp_path / "tries").read_text() == "x\nx\n", 10)
        assert process_groups.wait_until(lambda: seen(layout) == state.HALTED, 10)

    supervised(tmp_path, 3, then)


def part_of(layout: SuiteDirectory) -> state.PartState | None:
    known = state.read(layout.state)
    return known.parts[0] if known else None


def kill(layout: SuiteDirectory, times: int) -> None:
    """Kill the part, as often as it comes back."""
    for _ in range(times):
        assert process_groups.wait_until(lambda: seen(layout) == state.RUNNING, 20)
        part = part_of(layout)
        assert part is not None
        assert part.process is not None
        os.kill(part.process.pid, signal.SIGKILL)
        assert process_groups.wait_until(lambda: seen(layout) in (state.RESTARTING, state.FAILING), 20)


@pytest.mark.usefixtures("signals")
def test_a_part_that_is_killed_again_and_again_is_tried_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twelve times, which is more than it was once given up after; the longest pause is made short for that."""
    monkeypatch.setattr(parts, "_LONGEST_PAUSE_SECONDS", 1.0)
    (tmp_path / "go").touch()

    def then(layout: SuiteDirectory) -> None:
        kill(layout, 12)
        part = part_of(layout)
        assert part is not None
        assert (part.state, part.restarts) == (state.FAILING, 12)
        assert 0 < part.failing_since < part.since < part.next_try < part.since + 2
        shown = CliRunner().invoke(command, ["--dir", str(layout.root)])
        assert shown.exit_code == 1
        assert "ingest is failing since 2" in shown.output
        assert "12 restarts, next try 2" in shown.output
        assert [one.name for one in SuiteParts(layout.state).troubled()] == ["ingest"]
        assert process_groups.wait_until(lambda: seen(layout) == state.RUNNING, 10)

    said = supervised(tmp_path, 1, then)
    assert any(line.startswith("ingest: failing, next try in 1 s, after ") for line in said)


@pytest.mark.usefixtures("signals")
def test_a_part_that_runs_again_is_said_to_fail_until_it_has_lived_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "_LONGEST_PAUSE_SECONDS", 0.2)
    (tmp_path / "go").touch()

    def then(layout: SuiteDirectory) -> None:
        kill(layout, parts.FAILING_AFTER)
        assert process_groups.wait_until(lambda: seen(layout) == state.RUNNING, 10)
        assert [one.state for one in SuiteParts(layout.state).troubled()] == [state.RUNNING]
        assert "running for 0s" in CliRunner().invoke(command, ["--dir", str(layout.root)]).output
        monkeypatch.setattr(parts, "_LIVED_WELL_SECONDS", 0.5)
        assert process_groups.wait_until(lambda: not SuiteParts(layout.state).troubled(), 10)

    assert "ingest: has recovered" in supervised(tmp_path, 1, then)


@pytest.mark.usefixtures("signals")
def test_a_failing_part_is_tried_at_once_when_a_person_asks_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "go").touch()

    def then(layout: SuiteDirectory) -> None:
        kill(layout, parts.FAILING_AFTER - 1)
        monkeypatch.setattr(parts, "_FIRST_PAUSE_SECONDS", 60.0)
        kill(layout, 1)
        assert seen(layout) == state.FAILING
        assert lifecycle.wake(layout)
        assert process_groups.wait_until(lambda: seen(layout) == state.RUNNING, 10)

    supervised(tmp_path, 1, then)


def test_where_none_supervises_nothing_is_said(tmp_path: Path) -> None:
    assert SuiteParts().troubled() == []
    assert SuiteParts(tmp_path / "state.json").troubled() == []
    (tmp_path / "state.json").write_text("{")
    assert [list(family.samples) for family in SuiteParts(tmp_path / "state.json").collect()] == [[]]


def test_where_no_suite_runs_nobody_is_woken(tmp_path: Path) -> None:
    assert not lifecycle.wake(SuiteDirectory(tmp_path))
