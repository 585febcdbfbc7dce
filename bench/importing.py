"""Section `importing`: `hallpulse import cases` with a workbook of 60,000 cases, compared with merely reading it."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from openpyxl import Workbook

from bench.grounds import Grounds
from bench.options import Options
from bench.streams import CHECKOUT, COUNTY
from bench.tables import Row, show
from hallpulse.store import migrate
from tests.servers import scratch

ROWS = 60_000
HEAD = (
    "办件编号", "实施编码", "事项名称", "办件所属部门", "申请时间", "受理时间", "办结时间", "办件状态", "申报来源",
    "评价时间", "评价结果", "是否综合受理", "法定办结时限（工作日）", "承诺办结时限（工作日）",
)  # fmt: skip
MOST_SECONDS, MOST_PREVIEW_SECONDS, MOST_MIB = 20, 5, 300
_RAW = (
    "import sys, python_calamine as c\n"
    "print(sum(1 for _ in c.CalamineWorkbook.from_path(sys.argv[1]).get_sheet_by_index(0).iter_rows()))"
)


_MAIN = "from services.console.entry import main; main()"


@dataclass(frozen=True)
class Took:
    """The cost of a child process: seconds on the clock, seconds of processor, most memory in MiB."""

    seconds: float
    processor: float
    mebibytes: float


def run(grounds: Grounds, _: Options) -> dict[str, Any]:
    with scratch("bench-importing") as folder, grounds.lane() as lane, grounds.postgres.fresh_database() as url:
        path = folder / "办件.xlsx"
        _write(path)
        migrate(url)
        suite = {
            "HALLPULSE_AMQP_URL": lane.publisher_url,
            "HALLPULSE_DATABASE_URL": url,
            "PYTHONDONTWRITEBYTECODE": "",  # like an installed suite, whose modules are compiled
            "PYTHONPYCACHEPREFIX": str(folder / "compiled"),
        }
        command = (sys.executable, "-c", _MAIN, "import", "cases", str(path), "--yes")
        _child(suite, (sys.executable, "-c", _MAIN, "import", "cases", "--help"))
        place = ("--region", str(COUNTY), "--hall", "bench-hall")
        raw = _child(suite, (sys.executable, "-c", _RAW, str(path)))
        preview = _child(suite, (*command, *place, "--dry-run"))
        whole = _child(suite, (*command, *place))
        size = path.stat().st_size
    show(
        f"import of {ROWS:,} cases in xlsx ({size / 2**20:.1f} MiB)",
        ("seconds", "of processor", "× raw", "most MiB", "wanted"),
        [
            _row("raw reading (python-calamine)", raw, raw, ""),
            _row("preview (--dry-run)", preview, raw, f"{MOST_PREVIEW_SECONDS} s"),
            _row("import, confirmed by the broker", whole, raw, f"{MOST_SECONDS} s, {MOST_MIB} MiB"),
        ],
    )
    return {name: vars(took) for name, took in (("raw", raw), ("preview", preview), ("import", whole))}


def _row(name: str, took: Took, raw: Took, wanted: str) -> Row:
    cells = (f"{took.seconds:.1f}", f"{took.processor:.1f}", f"{took.processor / raw.processor:.1f}")
    return Row(name, [*cells, f"{took.mebibytes:.0f}", wanted])


def _child(suite: Mapping[str, str], command: Sequence[str]) -> Took:
    """Run a command in a process and return its cost. Raises RuntimeError if it fails."""
    began = time.monotonic()
    child = subprocess.Popen(
        command, cwd=CHECKOUT, env={**os.environ, **suite}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert child.stderr is not None
    said = child.stderr.read()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{command[-1]}: {said.decode(errors='replace')[-500:]}")
    return Took(time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def _write(path: Path) -> None:
    """Write a workbook with a year's cases; cells hold real dates, texts and numbers."""
    dice = random.Random(1)
    book = Workbook(write_only=True)
    sheet = book.create_sheet("办件")
    sheet.append(HEAD)
    first = datetime.now(UTC).replace(tzinfo=None, hour=9, minute=0, second=0, microsecond=0) - timedelta(days=400)
    for number in range(ROWS):
        received = first + timedelta(days=dice.randrange(350), minutes=dice.randrange(480))
        accepted = received + timedelta(minutes=dice.randrange(60))
        decided = accepted + timedelta(days=dice.randrange(12), minutes=dice.randrange(240))
        rated = decided + timedelta(minutes=30) if dice.random() < 0.5 else None
        sheet.append(
            (
                f"BJ{number:08}",
                f"11222424MB1234567{number % 1200:04}",
                f"事项{number % 1200}",
                f"部门{number % 40}",
                received,
                accepted,
                decided,
                "正常办结",
                "窗口办理",
                rated,
                "非常满意" if rated else None,
                "是" if number % 2 else "否",
                20,
                5,
            )
        )
    book.save(path)
