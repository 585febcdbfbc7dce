"""Rules, their tests and routes: what is kept is what the plans render, and the servers' own tools take it."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import pytest
import yaml

from hallpulse.domain.figures import Window
from hallpulse.domain.plan import Department, Names, Plan, Target, TargetScope
from hallpulse.domain.rules import AtLeast, AtMost, Linear
from hallpulse.domain.targets import State
from hallpulse.metrics import STATE_NUMBERS
from hallpulse.plans import load_plans
from services.boards import DEMO, OFFICE, Links, render_alertmanager, render_rules
from services.boards.alerting.alertmanager import INHIBITIONS
from services.boards.board.render import render_boards
from services.boards.files import differing
from services.boards.intervals import Intervals
from services.boards.provisioning import provisioning_files
from services.boards.rules.measured import Measured
from services.boards.rules.render import rule_files
from services.boards.rules.unit_tests import render_tests
from services.console.commands.boards import PROMETHEUS
from services.console.commands.rules import RECEIVER

ROOT = Path(__file__).parents[2]
PLANS = load_plans(ROOT / "plans")
RECEIVER_URL = "http://127.0.0.1:9/v1/alerts"

needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
needs_amtool = pytest.mark.skipif(shutil.which("amtool") is None, reason="amtool is not installed")


def run(*command: str | Path) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def alerts(plans: list[Plan], intervals: Intervals = OFFICE) -> list[dict[str, Any]]:
    files = render_rules(plans, intervals)
    groups = [group for text in files.values() for group in yaml.safe_load(text)["groups"]]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def large_plan() -> Plan:
    """40 departments, 20 targets that bind each of them."""
    departments = tuple(Department(f"d{n}", Names(f"部门{n}", f"department {n}")) for n in range(40))
    rule, path = AtLeast(Fraction(9, 10)), Linear(Fraction(1, 2))
    targets = tuple(
        Target(f"t{n}", Names(f"指标{n}", f"target {n}"), "due_kept_rate", "share", rule, path,
               TargetScope.EACH_DEPARTMENT, lead=("d0",), source=("1",))
        for n in range(20)
    )  # fmt: skip
    period = Window(date(2026, 1, 1), date(2026, 12, 31))
    return Plan("large", 222424, Names("大", "large"), "文", period, targets, departments=departments)


def test_what_is_kept_is_what_the_plans_render() -> None:
    rules = rule_files(PLANS, OFFICE, Links(), RECEIVER)
    assert differing(ROOT / "plans" / "_gen", rules, "**/*.yml") == []
    boards = {f"dashboards/{name}": text for name, text in render_boards(PLANS).items()}
    assert differing(ROOT / "grafana", boards | provisioning_files(PROMETHEUS), "**/*.*") == []


def test_rendering_twice_gives_the_same() -> None:
    assert rule_files(PLANS, DEMO, Links(), "http://a") == rule_files(PLANS, DEMO, Links(), "http://a")


@needs_promtool
@pytest.mark.parametrize("intervals", [OFFICE, DEMO], ids=["office", "demo"])
def test_promtool_takes_every_rules_file(tmp_path: Path, intervals: Intervals) -> None:
    for name, text in render_rules([*PLANS, large_plan()], intervals).items():
        (tmp_path / name).write_text(text)
    assert "SUCCESS" in run("promtool", "check", "rules", *sorted(tmp_path.glob("*.yml")))


@needs_promtool
def test_a_name_with_braces_and_quotes_is_only_a_name(tmp_path: Path) -> None:
    strange = Names('{{ .Boom }} "引号" `反引号`', "strange")
    plan = large_plan()
    plan = replace(plan, names=strange, targets=tuple(replace(t, names=strange) for t in plan.targets[:2]))
    (tmp_path / "large.yml").write_text(render_rules([plan], OFFICE)["large.yml"])
    (tmp_path / "test.yml").write_text(render_tests(plan, "large.yml", OFFICE))
    run("promtool", "check", "rules", tmp_path / "large.yml")
    run("promtool", "test", "rules", tmp_path / "test.yml")


@needs_promtool
def test_the_rendered_tests_of_the_kept_rules_pass() -> None:
    run("promtool", "test", "rules", *sorted((ROOT / "plans" / "_gen" / "tests").glob("*.yml")))


@needs_promtool
def test_the_written_tests_of_the_suites_rules_pass() -> None:
    run("promtool", "test", "rules", ROOT / "tests" / "alerts" / "suite.test.yml")


@needs_promtool
def test_the_rendered_tests_catch_a_wrong_rule(tmp_path: Path) -> None:
    plan = PLANS[-1]
    (tmp_path / "wrong.yml").write_text(render_rules([plan], OFFICE)[f"{plan.id}.yml"].replace("== 5)", "== 4)"))
    (tmp_path / "test.yml").write_text(render_tests(plan, "wrong.yml", OFFICE))
    done = subprocess.run(
        ["promtool", "test", "rules", tmp_path / "test.yml"], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode != 0
    assert "FAILED" in done.stdout + done.stderr


@needs_amtool
def test_amtool_takes_the_routes(tmp_path: Path) -> None:
    strange = Department('a"b\\c.d*', Names("怪", "strange"))
    plans = [*PLANS, replace(large_plan(), region=222401, departments=(strange,))]
    (tmp_path / "alertmanager.yml").write_text(render_alertmanager(plans, RECEIVER_URL, token_file="/etc/hostname"))
    assert "SUCCESS" in run("amtool", "check-config", tmp_path / "alertmanager.yml")


@needs_amtool
@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        ({"region": "222424", "lead": "justice"}, {"222424/justice"}),
        (
            {"region": "222424", "lead": "government-office,justice"},
            {"222424/government-office", "222424/justice"},
        ),
        ({"region": "222424", "lead": "housing"}, {"222424/housing"}),
        ({"region": "222401", "lead": "justice"}, {"bureau"}),
        ({"region": "222424", "lead": "bureau"}, {"bureau"}),
        ({"lead": "operators"}, {"operators"}),
        ({"region": "222424", "hall": "hall-1", "lead": "hall"}, {"halls"}),
        ({"region": "222424", "lead": "other"}, {"bureau"}),
    ],
)
def test_a_notice_goes_to_its_leads_and_to_nobody_else(
    tmp_path: Path, labels: dict[str, str], receivers: set[str]
) -> None:
    path = tmp_path / "alertmanager.yml"
    path.write_text(render_alertmanager(PLANS, RECEIVER_URL))
    # In quotes, as Alertmanager from 0.27 on wants them: without, it warns among what it prints.
    quoted = (f'{name}="{value}"' for name, value in labels.items())
    told = run("amtool", "config", "routes", "test", f"--config.file={path}", *quoted)
    assert set(told.strip().split(",")) >= receivers
    assert {name for name in re.findall(r"[\w/-]+", told) if name} == receivers


def test_every_alert_has_a_severity_a_lead_a_text_and_a_section_of_the_runbook() -> None:
    sections = set(re.findall(r"^## (\w+)$", (ROOT / "docs" / "runbook.md").read_text(), re.MULTILINE))
    found = alerts(PLANS)
    assert {alert["alert"] for alert in found} == sections
    for alert in found:
        assert alert["labels"]["severity"] in {"info", "warning", "critical"}
        assert alert["labels"]["lead"]
        assert alert["annotations"]["summary"]
        assert alert["annotations"]["runbook_url"].endswith(f"#{alert['alert'].lower()}")


def test_a_target_alert_says_value_goal_and_gap_and_the_plans_item_number() -> None:
    for alert in alerts(PLANS):
        if alert["alert"].startswith("Target"):
            assert alert["labels"]["source"]
            assert {"value", "goal", "gap", "name"} <= set(alert["annotations"])


HALF_WIDTH = re.compile(r"[\u4e00-\u9fff][,;:()!?]|[,;:()!?][\u4e00-\u9fff]")


def test_texts_are_whole_in_both_languages_and_no_amount_is_said_unrounded() -> None:
    for alert in alerts([replace(plan, names=Names("方案", "plan")) for plan in PLANS]):
        said = alert["annotations"]
        chinese, english = (
            re.sub(r"\{\{.*?\}\}", "", " ".join(said.get(f"{name}{suffix}", "") for name in ("summary", "description")))
            for suffix in ("", "_en")
        )
        assert not HALF_WIDTH.search(chinese), chinese
        assert said["summary_en"]
        names = english.replace("三（二）", "")  # as the plan numbers it
        assert not re.search(r"[\u3000-\u9fff\uff00-\uffef]", names), english
        for text in said.values():
            assert "{{ $value }}" not in text
            assert "humanizeDuration }}" not in text
            assert "humanizePercentage }}" not in text


class Shortfall(NamedTuple):
    """A missed target of the plan, with what its notice says of it in both languages."""

    target: str
    value: float
    goal: float
    gap: float
    said: Names
    now: Names


SHORTFALLS = (
    Shortfall(
        "instant_items", 0.2838, 0.4194, -0.1356,
        Names("低于目标 13.56 个百分点", "13.56 points below the goal"),
        Names("现为 28.38 %，目标 41.94 %，", "Now 28.38 %, goal 41.94 %: "),
    ),
    Shortfall(
        "disclosure_loss", 0.125, 0.05, -0.075,
        Names("高于目标上限 7.50 个百分点", "7.50 points above the limit"),
        Names("现为 12.50 %，目标上限 5.00 %，", "Now 12.50 %, goal at most 5.00 %: "),
    ),
    Shortfall(
        "administrative_loss", 0.080001, 0.08, -0.000001,
        Names("与目标上限相差不足 0.01 个百分点", "within 0.01 points of the limit"),
        Names("现为 8.00 %，目标为低于 8.00 %，", "Now 8.00 %, goal below 8.00 %: "),
    ),
    Shortfall(
        "law_lectures", 1, 2, -1, Names("低于目标 1", "1 below the goal"),
        Names("现为 1，目标 2，", "Now 1, goal 2: "),
    ),
)  # fmt: skip


@needs_promtool
@pytest.mark.parametrize("short", SHORTFALLS, ids=[one.target for one in SHORTFALLS])
def test_a_notice_says_on_which_side_of_the_goal_a_figure_lies_as_a_person_says_it(
    tmp_path: Path, short: Shortfall
) -> None:
    plan = next(one for one in PLANS if one.id == "222424-2026")
    target = next(one for one in plan.targets if one.id == short.target)
    rule = next(
        one for one in alerts([plan]) if one["alert"] == "TargetMissed" and one["labels"]["target"] == target.id
    )
    texts = ("summary", "summary_en", "description", "description_en")
    rule = {**rule, "annotations": {name: rule["annotations"][name] for name in texts}}
    source = Names(f"第 {'、'.join(target.source)} 项", f", item {', '.join(target.source)}")
    said = {
        "summary": f"{target.names.zh}：期末未达标，{short.said.zh}",
        "summary_en": f"{target.names.en}: missed at the end of the period, {short.said.en}",
        "description": f"{plan.names.zh}{source.zh}。{short.now.zh}{short.said.zh}。",
        "description_en": f"{plan.names.en}{source.en}. {short.now.en}{short.said.en}.",
    }
    of = f'{{region="{plan.region}",target="{target.id}",indicator="{target.indicator}"}}'
    shown = {"state": STATE_NUMBERS.index(State.MISSED), "goal": short.goal, "gap": short.gap}
    series = {f"hallpulse_target_{name}{of}": amount for name, amount in shown.items()}
    series[f'hallpulse_indicator_ratio{{region="{plan.region}",indicator="{target.indicator}"}}'] = short.value
    series[f'hallpulse_plan_info{{region="{plan.region}",plan="{plan.id}"}}'] = 1
    labels = {**rule["labels"], "region": str(plan.region), "indicator": target.indicator}
    fired = {"eval_time": "2d", "alertname": "TargetMissed",
             "exp_alerts": [{"exp_labels": labels, "exp_annotations": said}]}  # fmt: skip
    given = [{"series": name, "values": f"{amount:f}x9"} for name, amount in series.items()]
    test = {"interval": "12h", "alert_rule_test": [fired], "input_series": given}
    tests = {"rule_files": ["rules.yml"], "evaluation_interval": "12h", "tests": [test]}
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "one", "rules": [rule]}]}))
    (tmp_path / "test.yml").write_text(yaml.safe_dump(tests))
    run("promtool", "test", "rules", tmp_path / "test.yml")


def test_what_is_inhibited_exists() -> None:
    names = {alert["alert"] for alert in alerts(PLANS)}
    for rule in INHIBITIONS:
        for matcher in (*rule["source_matchers"], *rule["target_matchers"]):
            pattern = re.search(r'"(.*)"', matcher)
            assert pattern is not None
            assert all(any(re.fullmatch(p, n) for n in names) for p in pattern[1].split("|")), matcher


def test_no_alert_mutes_itself_and_no_two_mute_each_other() -> None:
    names = {alert["alert"] for alert in alerts(PLANS)}
    pairs = {
        (source, target)
        for rule in INHIBITIONS
        for source in names
        for target in names
        if re.search(rf'"{source}"', rule["source_matchers"][0])
        and re.fullmatch(re.findall(r'"(.*)"', rule["target_matchers"][0])[0], target)
    }
    assert all(source != target and (target, source) not in pairs for source, target in pairs)


@dataclass(frozen=True, slots=True)
class FewerThanBefore:
    """A kind of rule that no renderer has heard of."""

    bar: Fraction
    less_is_better: ClassVar[bool] = True

    def goal(self, _reference: Fraction | None = None) -> Fraction:
        return self.bar


def test_the_direction_of_an_alert_is_that_of_the_rule_also_of_a_new_kind_of_rule() -> None:
    known = replace(large_plan().targets[0], rule=AtMost(Fraction(1, 20)), scope=TargetScope.REGION)
    new = replace(known, rule=FewerThanBefore(Fraction(1, 20)))
    measured = Measured(large_plan(), new)
    assert measured.forecast_gap == Measured(large_plan(), known).forecast_gap
    assert measured.forecast_gap.startswith("hallpulse_target_goal")
