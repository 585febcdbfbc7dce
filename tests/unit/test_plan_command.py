"""`hallpulse plan check`: exit status, and where what is said goes."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from services.console.commands.plan import plan

GOOD = Path(__file__).parents[2] / "plans" / "222424-2023.yaml"


def check(*files: Path) -> Result:
    return CliRunner().invoke(plan, ["check", *map(str, files)])


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.yaml"
    path.write_text(GOOD.read_text().replace("as: points", "as: pionts").replace("region: 222424", "region: 2"))
    return path


def test_a_good_plan_is_summed_up() -> None:
    result = check(GOOD)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "222424 汪清县2023年重点目标, 2023-01-01 to 2023-12-31, 19 targets, 40 departments" in result.stdout


def test_every_problem_is_a_line_on_stderr(bad: Path) -> None:
    result = check(bad)
    assert (result.exit_code, result.stdout) == (1, "")
    lines = result.stderr.splitlines()
    assert len(lines) == 3
    assert lines[0] == f"{bad}:3:9: region: 应为 6 位区划代码，现在是“2”。 expected a code of 6 digits, got '2'"
    said = "没有“pionts”这个取值：是不是 points？ 'pionts' is unknown: did you mean 'points'?"
    assert lines[1].endswith(f"targets.instant_items.rule.as: {said}")


def test_one_bad_file_among_good_ones_fails(bad: Path) -> None:
    result = check(GOOD, bad)
    assert result.exit_code == 1
    assert "good" in result.stdout


def test_a_file_that_is_not_there_is_bad_usage_in_one_line(tmp_path: Path) -> None:
    result = check(tmp_path / "none.yaml")
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1


def test_no_file_is_bad_usage() -> None:
    assert check().exit_code == 2
