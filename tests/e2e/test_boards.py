"""Every query of every panel, variable and rule against a real Prometheus that the suite feeds with a year."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from hallpulse.domain.targets import State
from hallpulse.metrics import STATE_NUMBERS
from hallpulse.plans import load_plans
from services.boards.board.frame import month_starts
from services.boards.board.render import render_boards
from services.boards.rules.suite import midnights
from tests.e2e.suite_at import hallpulse, suite_at

PLANS = load_plans(Path(__file__).parents[2] / "plans")
PLAN = max(PLANS, key=lambda plan: plan.period.start)
BOARDS = {name: json.loads(text) for name, text in render_boards(PLANS).items()}
INDICATORS = ("due_kept_rate", "promised_limit_compression", "satisfaction", "mean_elapsed_days")
NOT_FILLED_WITHOUT_HISTORY = 180.0
SCRAPED_NOW = (
    "hallpulse_ingest_lag_seconds",
    "hallpulse:hall_silence:seconds",
    "hallpulse_notices_total",
    'rabbitmq_detailed_queue_messages_ready{queue=~"hall.ingest.*"}',
    "hallpulse_target_state",
    "min(up) == 1",
)
"""Not in the history: metrics of what runs, and a rule over such. A moment at which a scrape was cut off has no
figures: the boards are asked at one with none."""


@dataclass
class Prometheus:
    url: str
    now: float

    def query(self, expr: str) -> list[dict[str, Any]]:
        answer = httpx.post(f"{self.url}/api/v1/query", data={"query": expr, "time": str(self.now)}, timeout=60).json()
        assert answer["status"] == "success", f"{answer.get('error')}\n{expr}"
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    directory = tmp_path_factory.mktemp("boards") / "run"
    with suite_at(directory) as endpoints:
        shown = hallpulse("demo", "--once", "--cases", "3000", directory=directory)
        assert shown.returncode == 0, shown.stderr[-2000:]
        written = hallpulse("boards", "history", directory=directory)
        assert written.returncode == 0, written.stderr[-2000:]
        server = Prometheus(endpoints["prometheus"], time.time())
        began = time.monotonic()
        start = midnights(PLAN)[0]
        while not server.query(f"last_over_time(hallpulse_target_goal[1d] @ {start + 40 * 86_400})"):
            assert time.monotonic() - began < NOT_FILLED_WITHOUT_HISTORY, "the history was not taken up"
            time.sleep(1)
        server.now = time.time()
        while not all(map(server.query, SCRAPED_NOW)):  # at rest each is asked for a few times a minute
            assert time.monotonic() - began < NOT_FILLED_WITHOUT_HISTORY, "nothing was scraped since"
            time.sleep(1)
            server.now = time.time()
        yield server


def filled(expr: str, now: float, **values: str) -> str:
    """The query as Grafana sends it, over the plan's period so far."""
    span = int(now - midnights(PLAN)[0])
    known = {
        "__range_s": str(span), "__range": f"{span}s", "__rate_interval": "1m", "region": str(PLAN.region),
        "department": ".*", "hall": ".*", "least": "10", "target": "promised_limit", "indicator": INDICATORS[0],
    }  # fmt: skip
    for name, value in (known | values).items():
        expr = expr.replace(f"${name}", value)
    assert "$" not in expr, expr
    return expr


def panels(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for panel in board["panels"]:
        for one in (panel, *panel.get("panels", ())):
            if one["type"] != "row":
                yield one


MARKS = ("target_marked", "value_without", "target_gain")
"""Metrics that exist for what is marked, or changed in the catalogue, alone: in an honest year for nothing
(tests/e2e/test_alerts.py has one)."""


def months_to_come(now: float) -> set[str]:
    """The months without cases, and the one that has too few of them for a share in its first days."""
    return {f"@ {last}" for _, first, last in month_starts(PLAN) if first > now - 7 * 86_400}


def test_every_query_of_every_panel_answers_with_data(prometheus: Prometheus) -> None:
    empty, asked, coming = [], 0, months_to_come(prometheus.now)
    for name, board in BOARDS.items():
        for panel in panels(board):
            for target in panel["targets"]:
                found = prometheus.query(filled(target["expr"], prometheus.now))
                asked += 1
                assert not [s for s in found if s["value"][1] in ("NaN", "+Inf", "-Inf")], (name, panel["title"])
                is_mark = any(metric in target["expr"] for metric in MARKS)
                if not found and not is_mark and not any(month in target["expr"] for month in coming):
                    empty.append(f"{name}: {panel['title']} ({target['refId']})")
    print(f"{asked} queries of {sum(1 for b in BOARDS.values() for _ in panels(b))} panels; empty: {empty}")
    assert empty == []


@pytest.mark.parametrize("indicator", INDICATORS)
def test_departments_can_be_compared_by_any_indicator(prometheus: Prometheus, indicator: str) -> None:
    for panel in panels(BOARDS["zh/departments.json"]):
        answers = [prometheus.query(filled(t["expr"], prometheus.now, indicator=indicator)) for t in panel["targets"]]
        assert any(answers), panel["title"]


def test_every_target_shows_something_also_where_nothing_was_measured(prometheus: Prometheus) -> None:
    without = []
    for target in PLAN.targets:
        for panel in panels(BOARDS["zh/target.json"]):
            answers = [prometheus.query(filled(t["expr"], prometheus.now, target=target.id)) for t in panel["targets"]]
            is_mark = any(metric in str(panel["targets"]) for metric in MARKS)
            if not any(answers) and not is_mark:
                without.append((target.id, panel["title"]))
        assert prometheus.query(f'hallpulse_target_state{{target="{target.id}"}}')
    unmeasured = {
        s["metric"]["target"]
        for s in prometheus.query(f"hallpulse_target_state == {STATE_NUMBERS.index(State.NOT_MEASURED)}")
    }
    assert unmeasured, "the demo year has a target without figures"
    measured_only = {"当前值", "差距", "期末预计", "分子与分母", "各部门"}
    counts = {t.id for t in PLAN.targets if t.unit != "share"}
    assert {t for t, title in without if title not in measured_only} <= counts | unmeasured
    assert {t for t, title in without if title in ("当前值", "差距")} == unmeasured


def test_a_month_is_its_own_and_the_months_add_up(prometheus: Prometheus) -> None:
    """What the league shows for each month sums to the period so far."""
    series = 'hallpulse_indicator_denominator{region="222424",indicator="acceptance_rate"}'
    whole = float(prometheus.query(series)[0]["value"][1])
    ends = [
        float(found[0]["value"][1])
        for _, _, last in month_starts(PLAN)
        if (found := prometheus.query(f"last_over_time({series}[1d] @ {last})"))
    ]
    assert len(ends) >= 1
    assert ends == sorted(ends)
    assert ends[-1] <= whole


def test_variables_offer_names_and_take_ids(prometheus: Prometheus) -> None:
    named = prometheus.query('hallpulse_department_info{region="222424",department="justice"}')
    assert [s["metric"]["zh"] for s in named] == ["县司法局"]
    for metric in ("hallpulse_coverage_halls", "hallpulse_target_info", "hallpulse_hall_info"):
        assert prometheus.query(metric), metric


def test_every_rule_is_evaluated_without_error(prometheus: Prometheus) -> None:
    groups = httpx.get(f"{prometheus.url}/api/v1/rules", timeout=30).json()["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(rules) > 150
    assert [(rule["name"], rule.get("lastError")) for rule in rules if rule["health"] != "ok"] == []


def test_a_demo_year_stays_far_under_ten_thousand_series(prometheus: Prometheus) -> None:
    (found,) = prometheus.query('count({job="targets"})')
    series = int(found["value"][1])
    print(f"{series} series of the targets service")
    assert series < 10_000
