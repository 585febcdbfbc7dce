"""Scores: points by steps and weights, deductions for findings, ranked like with like; and how a plan says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar.testing import TestClient

from hallpulse.domain.compression import COMPRESSION, ItemLimits
from hallpulse.domain.figures import Figure, FigureTable
from hallpulse.domain.indicators import ItemRef, doubt
from hallpulse.domain.integrity import CHECKS, FindingGroup, Findings
from hallpulse.domain.plan import Names, Plan
from hallpulse.domain.scores import DepartmentScore, Scored, read_scores, scores_of
from hallpulse.domain.scoring import Deduction, Group, ScoredIndicator, ScoreStep, Scoring
from hallpulse.plans import PlanError, load_plan
from services.gateway.app import create_app
from tests.gateway_ground import READ_TOKEN, FakeStore, make_resources
from tests.reporting import MAY, PLAN

STEPS = tuple(ScoreStep(Fraction(bar, 100), Fraction(points, 2)) for bar, points in ((95, 2), (99, 3), (100, 4)))
KEPT = ScoredIndicator("kept", Names("到期办结", "kept"), "due_kept_rate", "share", STEPS)
FAST = ScoredIndicator(
    "fast", Names("用时", "time"), "mean_elapsed_days", "days",
    (ScoreStep(Fraction(5), Fraction(1)), ScoreStep(Fraction(3), Fraction(2))), falling=True, weight=Fraction(3, 2),
)  # fmt: skip
SCORING = Scoring((KEPT, FAST), (Deduction("accepted_after_decided", Fraction(1, 10), Fraction(1, 2)),))
GROUPS = (Group("a", Names("甲类", "a"), ("water", "health")), Group("b", Names("乙类", "b"), ("justice",)))
FIGURES: dict[str, dict[str, Figure]] = {
    "water": {"due_kept_rate": Figure(990, 1000), "mean_elapsed_days": Figure(30, 10)},
    "health": {"due_kept_rate": Figure(949, 1000), "mean_elapsed_days": Figure(49, 10)},
    "justice": {"due_kept_rate": Figure(3, 3)},
}


def scored(figures: Mapping[str, Mapping[str, Figure]], **findings: int) -> dict[str, DepartmentScore]:
    table = FigureTable(222424, MAY, {}, figures)
    given = Scored(table, {"due_kept_rate": 10}, {"water": findings})
    return {one.department: one for group in scores_of(SCORING, GROUPS, given) for one in group.departments}


@pytest.mark.parametrize(
    ("numerator", "points"),
    [(9499, 0), (9500, 1), (9899, 1), (9900, Fraction(3, 2)), (9999, Fraction(3, 2)), (10_000, 2)],
)
def test_a_value_has_the_points_of_the_highest_step_that_it_keeps(numerator: int, points: Fraction) -> None:
    assert KEPT.points(Fraction(numerator, 10_000)) == points


def test_where_less_is_better_the_steps_go_down_and_weights_multiply() -> None:
    assert [FAST.points(Fraction(days)) for days in (6, 5, 4, 3, 0)] == [0, Fraction(3, 2), Fraction(3, 2), 3, 3]


def test_findings_that_stand_take_points_off_up_to_the_most() -> None:
    assert scored(FIGURES)["water"].points == Fraction(3, 2) + 3
    assert scored(FIGURES, accepted_after_decided=3)["water"].points == Fraction(9, 2) - Fraction(3, 10)
    assert scored(FIGURES, accepted_after_decided=70)["water"].points == 4
    assert scored(FIGURES, long_suspension=70)["water"].points == Fraction(9, 2)


def test_what_is_not_measured_gives_no_points_and_asks_for_none() -> None:
    found = scored(FIGURES)
    assert found["justice"].share is None
    assert [one.reason for one in found["justice"].items] == ["too_few", "nothing_counted"]
    assert found["justice"].rank is None
    assert (found["health"].possible, found["health"].points) == (5, Fraction(3, 2))


def test_departments_are_ranked_within_their_group_and_equals_share_a_rank() -> None:
    found = scored(FIGURES)
    assert (found["water"].rank, found["health"].rank) == (1, 2)
    alike = scored(FIGURES | {"health": FIGURES["water"], "justice": {"due_kept_rate": Figure(95, 100)}})
    assert [alike[name].rank for name in ("water", "health", "justice")] == [1, 1, 1]


@given(st.lists(st.fractions(0, 1, max_denominator=50), min_size=2, max_size=8))
def test_a_better_value_never_has_fewer_points_nor_a_worse_rank(values: list[Fraction]) -> None:
    names = [f"d{number}" for number in range(len(values))]
    figures = {
        name: {"due_kept_rate": Figure(value.numerator * 50, value.denominator * 50)}
        for name, value in zip(names, values, strict=True)
    }
    group = Group("all", Names("全", "all"), tuple(names))
    table = FigureTable(222424, MAY, {}, figures)
    (found,) = scores_of(Scoring((KEPT,)), (group,), Scored(table, {}, {}))
    by_value = sorted(found.departments, key=lambda one: one.items[0].figure.value or 0)
    for worse, better in pairwise(by_value):
        assert worse.points <= better.points
        assert (worse.rank or 0) >= (better.rank or 0)
        assert 0 <= better.points <= better.possible


def test_findings_are_counted_by_the_department_that_has_them() -> None:
    check = next(one for one in CHECKS if one.id == "accepted_after_decided")
    groups = (FindingGroup("department", 222424, "water", 700), FindingGroup("hall", 222424, "health", 900))
    listed = FakeStore(by_department=FIGURES, findings=(Findings(check, 701, (), groups=groups),))
    with listed.read() as moment:
        (group,) = read_scores(replace(PLAN, scoring=SCORING), MAY.end, moment)
    found = {one.department: one.deducted for one in group.departments}
    assert [one.findings for one in found["water"]] == [700]
    assert found["health"] == ()


def test_before_the_period_and_without_scores_there_are_none() -> None:
    with FakeStore(by_department=FIGURES).read() as moment:
        assert read_scores(PLAN, MAY.end, moment) == ()
        assert read_scores(replace(PLAN, scoring=SCORING), date(2022, 12, 31), moment) == ()


BASE = """\
region: 222424
names: {zh: 计划, en: plan}
document: 文
period: {from: 2026-01-01, to: 2026-12-31}
departments:
  - {id: justice, names: {zh: 司法局, en: Justice}}
  - {id: water, names: {zh: 水利局, en: Water}}
  - {id: health, names: {zh: 卫健局, en: Health}}
groups:
  - {id: busy, names: {zh: 审批部门, en: licensing}, departments: [water, health]}
scores:
  items:
    - id: kept
      names: {zh: 到期办结, en: kept}
      indicator: due_kept_rate
      steps:
        - {at_least: 95 %, points: 1}
        - {at_least: 99 %, points: 1.5}
        - {at_least: 100 %, points: 2}
      weight: 2
    - id: promise
      names: {zh: 压缩, en: compression}
      indicator: promised_limit_compression
      steps: [{at_least: 50 %, points: 1}]
  deductions:
    - {check: accepted_after_decided, points: 0.1, most: 2}
targets: []
"""


def load(folder: Path, text: str) -> Plan:
    (folder / "p.yaml").write_text(text)
    return load_plan(folder / "p.yaml")


def test_a_plan_says_what_gives_points(tmp_path: Path) -> None:
    plan = load(tmp_path, BASE)
    assert plan.scoring is not None
    kept = plan.scoring.items[0]
    assert kept.points(Fraction(99, 100)) == 3
    assert [group.departments for group in plan.compared] == [("water", "health"), ("justice",)]
    assert plan.scoring.deductions == (Deduction("accepted_after_decided", Fraction(1, 10), Fraction(2)),)


@pytest.mark.parametrize(
    ("change", "place", "zh", "en"),
    [
        ("points: 1.5|points: 0.5", "17:9", "各档应由易到难", "each with more points than the one before"),
        ("at_least: 99 %|at_most: 99 %", "17:9", "要么都写 at_least", "all steps with at_least"),
        ("points: 1.5|points: 很多", "18:36", "应为分数", "expected points, such as 1.5"),
        ("[water, health]|[water, helth]", "10:71", "没有“helth”", "'helth' is not listed under departments"),
        ("[water, health]|[water, water]", "10:71", "一个部门只归一组", "expected each department in one group"),
        ("id: busy|id: others", "10:10", "已有用途", "'others' is taken"),
        ("due_kept_rate|due_kept", "15:18", "没有指标“due_kept”", "'due_kept' is neither computed"),
        (
            "accepted_after_decided|silent_hall",
            "26:15",
            "没有可按部门扣分的检查",
            "no check with findings of departments",
        ),
    ],
)
def test_what_is_wrong_is_told_with_file_line_and_column(
    tmp_path: Path, change: str, place: str, zh: str, en: str
) -> None:
    with pytest.raises(PlanError) as caught:
        load(tmp_path, BASE.replace(*change.split("|")))
    said = str(caught.value).splitlines()
    assert len(said) == 1, said
    told = next((line for line in said if line.startswith(f"{tmp_path}/p.yaml:{place}: ") and zh in line), None)
    assert told is not None, said
    assert en in told


def test_the_gateway_gives_scores_with_names_and_marks(tmp_path: Path) -> None:
    plan = load(tmp_path, BASE)
    raised = doubt("statutory_raised", ItemRef(222424, "A-9", "取水许可"), ItemLimits("water", False, 40, 20), 20)
    figures = {"water": {"due_kept_rate": Figure(99, 100), COMPRESSION: Figure(60, 100)}}
    store = FakeStore(by_department=figures, doubts=(raised,), findings=())
    answer = ask(make_resources(store, plans=[plan]), "/v1/scores?region=222424&on=2026-05-31")
    assert answer["plan"] == "p"
    busy, others = answer["groups"]
    assert (busy["id"], busy["names"]) == ("busy", {"zh": "审批部门", "en": "licensing"})
    assert [one["department"] for one in busy["departments"]] == ["water", "health"]
    water = busy["departments"][0]
    assert (water["names"]["zh"], water["rank"], water["points"], water["possible"]) == ("水利局", 1, 4.0, 5.0)
    assert [(one["id"], one["points"], one["most"]) for one in water["items"]] == [
        ("kept", 3.0, 4.0),
        ("promise", 1.0, 1.0),
    ]
    (mark,) = water["marks"]
    assert (mark["check"], mark["without"]["numerator"]) == ("statutory_raised", 40)
    assert others["departments"][0]["rank"] is None


def test_a_region_whose_plan_gives_no_scores_has_none() -> None:
    assert ask(make_resources(FakeStore()), "/v1/scores?region=222424")["groups"] == []
    assert ask(make_resources(FakeStore(), plans=[]), "/v1/scores?region=222424")["plan"] is None


def ask(resources: Any, path: str) -> Any:
    with TestClient(create_app(resources)) as gateway:
        response = gateway.get(path, headers={"authorization": f"Bearer {READ_TOKEN}"})
    assert response.status_code == 200, response.text
    return response.json()
