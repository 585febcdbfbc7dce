"""Section `boards`: rendering, series and the scraped page for a plan of 40 departments with 20 targets for each."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from bench.options import Options
from services.boards.board.render import render_boards
from services.boards.intervals import OFFICE, Links
from services.boards.rules.render import rule_files
from services.console.usage import screen
from services.targets.exposition import page_of
from tests.alerts.test_rules import large_plan
from tests.unit.test_exposition import large_snapshot

ROUNDS = 20


def run(_options: Options) -> dict[str, Any]:
    plan, snapshot = large_plan(), large_snapshot()
    rules = best(3, lambda: rule_files([plan], OFFICE, Links(), "http://127.0.0.1:1/v1/alerts"))
    boards = best(3, lambda: render_boards([plan]))
    written = best(ROUNDS, lambda: page_of(snapshot))
    text = page_of(snapshot).text
    series = sum(1 for line in text.splitlines() if line and not line.startswith(b"#"))
    figures = {
        "render_rules_seconds": round(rules, 3),
        "render_boards_seconds": round(boards, 3),
        "page_milliseconds": round(written * 1000, 1),
        "series": series,
    }
    screen().print(" · ".join(f"{name} {value}" for name, value in figures.items()))
    return figures


def best(rounds: int, work: Callable[[], object]) -> float:
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return min(took)
