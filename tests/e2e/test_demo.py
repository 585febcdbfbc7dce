"""`hallpulse demo`: from nothing to the table of targets, again, and with a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.suite_at import hallpulse

CASES = """办件编号,实施编码,部门,收件时间,受理时间,办结时间,承诺办结时限
c-1,a-1,公安局,2025-03-03 09:00,2025-03-03 10:00,2025-03-05 10:00,3个工作日
c-2,a-1,公安局,2025-03-03 09:00,2025-03-03 10:00,2025-03-14 10:00,3个工作日
"""


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """Where a demonstration runs; afterwards nothing of it is left."""
    place = tmp_path / "a demo"
    yield place
    hallpulse("down", "--purge", directory=place)


def table_of(output: str) -> list[str]:
    return [line for line in output.splitlines() if line.startswith("│")]


def test_a_year_is_shown_and_shown_again(directory: Path) -> None:
    first = hallpulse("demo", "--once", "--cases", "500", directory=directory)
    assert first.returncode == 0, first.stderr
    rows = table_of(first.stdout)
    assert any("即办件占比" in row and "41.94 %" in row for row in rows)
    assert any("承诺办结时限压缩比" in row and "73.56 %" in row for row in rows)
    assert any("每月5日前报送" in row and "0/" in row for row in rows)
    assert "月报按到达本系统之日计" in first.stdout
    assert "http://127.0.0.1:" in first.stdout
    assert "halls registered: 5" in first.stdout
    assert hallpulse("status", directory=directory).returncode != 0
    again = hallpulse("demo", "--once", "--cases", "500", directory=directory)
    assert again.returncode == 0, again.stderr
    assert table_of(again.stdout) == rows
    other = hallpulse("demo", "--once", "--cases", "600", directory=directory)
    assert other.returncode == 1
    assert "holds a demonstration of 500 cases a year" in other.stderr


def test_a_file_of_another_year_is_shown_over_its_own_days(directory: Path, tmp_path: Path) -> None:
    path = tmp_path / "cases.csv"
    path.write_text(CASES, encoding="gbk")
    done = hallpulse("demo", "--once", "--input", path, directory=directory)
    assert done.returncode == 0, done.stderr
    assert "2025-03-03 – 2025-03-14" in done.stdout
    assert any("承诺时限内办结率" in row and "50.00 %" in row and "1/2" in row for row in table_of(done.stdout))


@pytest.mark.parametrize(
    ("name", "status", "says"), [("gone.csv", 2, "there is none"), ("wrong.csv", 1, "no header row")]
)
def test_a_wrong_file_is_refused_before_anything_starts(
    directory: Path, tmp_path: Path, name: str, status: int, says: str
) -> None:
    (tmp_path / "wrong.csv").write_text("a,b\n1,2\n")
    done = hallpulse("demo", "--once", "--input", tmp_path / name, directory=directory)
    assert (done.returncode, done.stderr.count("\n")) == (status, 1)
    assert says in done.stderr
    assert not directory.exists()
