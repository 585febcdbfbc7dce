"""Plan files: read exactly, refused with file, line, column, field and what was expected."""

from __future__ import annotations

import random
import re
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest
from click.testing import CliRunner

from hallpulse.domain.plan import Plan, Severity, TargetScope
from hallpulse.domain.rules import AtMost, Below, Linear, NoPath, Raised, Reading, Step
from hallpulse.plans import PlanError, PlanProblem, load_plan, load_plans, plan_for
from services.console.commands.plan import command
from tests.shelf import SHARED

ROOT = Path(__file__).parents[2]
GOOD = """\
region: 222424
names: {zh: 计划, en: plan}
document: 文〔2026〕1号
period: {from: 2026-01-01, to: 2026-12-31}
min_denominator: 10
phases:
  - {id: drive, names: {zh: 推进, en: drive}, from: 2026-08-01, to: 2026-12-31}
departments:
  - {id: justice, names: {zh: 司法局, en: Justice}}
indicators:
  - {id: lectures, names: {zh: 授课, en: lectures}, unit: count}
  - {id: loss, names: {zh: 败诉率, en: loss}}
targets:
  - id: instant
    names: {zh: 即办件占比, en: instant items}
    indicator: instant_item_share
    rule: {base: 31.94 %, raise: 10, as: remaining}
    path: linear
    severity: critical
    lead: justice
    source: ["9", 16]
  - id: lectures
    names: {zh: 授课, en: lectures}
    indicator: lectures
    scope: each department
    rule: {at_least: 2}
    lead: all
"""


def load(tmp_path: Path, text: str | bytes, name: str = "p.yaml") -> Plan:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_plan(path)


def problems(tmp_path: Path, text: str | bytes) -> list[str]:
    """Each problem as LINE:COLUMN: FIELD: MESSAGE in English, which follows the Chinese one."""
    with pytest.raises(PlanError) as caught:
        load(tmp_path, text)
    lines = str(caught.value).splitlines()
    assert len(lines) == len(caught.value.problems)
    assert all(line.startswith(f"{tmp_path}/p.yaml:") for line in lines)
    found = caught.value.problems
    for line, one in zip(lines, found, strict=True):
        place = f"{tmp_path}/p.yaml:{one.line}:{one.column}: {f'{one.field}: ' if one.field else ''}"
        assert line in (f"{place}{one.said.zh}。 {one.said.en}", f"{place}{one.said.zh} {one.said.en}")
        assert "？。" not in line
        assert re.search("[\u4e00-\u9fff]", one.said.zh)
    return [f"{p.line}:{p.column}: {f'{p.field}: ' if p.field else ''}{p.said.en}" for p in found]


def refused(tmp_path: Path, text: str) -> tuple[PlanProblem, ...]:
    try:
        load(tmp_path, text)
    except PlanError as error:
        return error.problems
    return ()


def test_percentages_are_read_as_they_are_written_and_never_through_a_float(tmp_path: Path) -> None:
    rule = load(tmp_path, GOOD).targets[0].rule
    assert rule == Raised(Fraction(3194, 10_000), Fraction(1, 10), Reading.REMAINING)


def test_a_good_plan_is_read_whole(tmp_path: Path) -> None:
    plan = load(tmp_path, GOOD)
    instant, lectures = plan.targets
    assert (plan.id, plan.region, plan.document, plan.min_denominator) == ("p", 222424, "文〔2026〕1号", 10)
    assert (plan.phases[0].start, plan.phases[0].end) == (date(2026, 8, 1), date(2026, 12, 31))
    assert instant.path == Linear(Fraction(3194, 10_000))
    assert (instant.severity, instant.lead, instant.source) == (Severity.CRITICAL, ("justice",), ("9", "16"))
    assert (lectures.unit, lectures.scope, lectures.lead) == ("count", TargetScope.EACH_DEPARTMENT, ("justice",))
    assert lectures.path == NoPath()


@pytest.mark.parametrize(
    ("rule", "path", "read"),
    [
        ("{at_most: 5 %}", "{kind: step, from: 2026-08-01}", (AtMost(Fraction(1, 20)), Step(date(2026, 8, 1)))),
        ("{below: 12.5 %}", "step", (Below(reference=Fraction(1, 8)), Step())),
        ("{below: loss}", "none", (Below(indicator="loss"), NoPath())),
        ("{at_most: 5 %}", "{kind: linear, start: 9 %}", (AtMost(Fraction(1, 20)), Linear(Fraction(9, 100)))),
    ],
)
def test_every_form_of_rule_and_path(tmp_path: Path, rule: str, path: str, read: tuple[object, object]) -> None:
    text = GOOD.replace("{base: 31.94 %, raise: 10, as: remaining}", rule).replace("path: linear", f"path: {path}")
    target = load(tmp_path, text).targets[0]
    assert (target.rule, target.path) == read


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("indicator: instant_item_share", "indicator: instant_item_shar",
         "16:16: targets.instant.indicator: 'instant_item_shar' is neither computed nor listed under indicators:"
         " did you mean 'instant_item_share'?"),
        ("indicator: instant_item_share", "indicatr: instant_item_share",
         "unknown key: did you mean 'indicator'?"),
        ("raise: 10, as: remaining", "raise: 80, as: points",
         "17:11: targets.instant.rule: the goal is 111.94 %: expected 100 % at most"),
        ("base: 31.94 %", "base: 0.3194", "is it a percentage or a part of 1? expected the % sign, got '0.3194'"),
        ("base: 31.94 %", "base: 3e1",
         "17:18: targets.instant.rule.base: expected a percentage such as 92 %, got '3e1'"),
        ("base: 31.94 %", "base: -3", "expected no minus"),
        ("base: 31.94 %, ", "", "targets.instant.rule: base is missing"),
        ("as: remaining", "as: remainder", "'remainder' is unknown: did you mean 'remaining'?"),
        ("{base: 31.94 %, raise: 10, as: remaining}", "{at_least: 1 %, at_most: 2 %}",
         "17:11: targets.instant.rule: expected one of at_least, at_most, below, or base with raise and as"),
        ("{base: 31.94 %, raise: 10, as: remaining}", "{at_least: 92 %}", "linear needs a start"),
        ("{base: 31.94 %, raise: 10, as: remaining}", "{below: los}",
         "'los' is no indicator of this plan: did you mean 'loss'?"),
        ("path: linear", "path: linaer", "18:11: targets.instant.path: 'linaer' is unknown: did you mean 'linear'?"),
        ("path: linear", "path: {kind: step, from: 2027-08-01}", "2027-08-01 lies outside the period"),
        ("path: linear", "path: {kind: step, start: 3 %}", "belongs to a linear path"),
        ("path: linear", "path: {kind: linear, start: 3 %}", "a raised base starts at its base"),
        ("at_least: 2}", "at_least: 2.5}", "expected a whole number, got '2.5'"),
        ("at_least: 2}", "at_least: 2 %}", "expected a whole number, without %"),
        ("at_least: 2}", "base: 1, raise: 1, as: points}", "base and raise are for shares"),
        ("to: 2026-12-31}\nmin", "to: 2025-12-31}\nmin",
         "4:32: period.to: 2025-12-31 lies before 2026-01-01, where the period begins"),
        ("to: 2026-12-31}\nmin", "to: 2026-02-30}\nmin", "there is no day 2026-02-30"),
        ("from: 2026-01-01", "from: 1.1.2026", "expected a date YYYY-MM-DD, got '1.1.2026'"),
        ("from: 2026-08-01", "from: 2027-08-01", "phases.drive.to: 2026-12-31 lies before 2027-08-01"),
        ("  - id: lectures", "  - id: instant", "22:9: targets[2].id: 'instant' is there twice, first on line 14"),
        ("lead: justice", "lead: justce", "20:11: targets.instant.lead: 'justce' is not listed under departments:"
         " did you mean 'justice'?"),
        ("severity: critical", "severity: high", "expected one of info, warning, critical"),
        ("scope: each department", "scope: department", "did you mean 'each department'?"),
        ("id: loss,", "id: settled_item_share,", "is computed from the events"),
        ("unit: count", "unit: counts", "did you mean 'count'?"),
        ("min_denominator: 10", "min_denominator: 0", "expected a whole number, 1 or more, got 0"),
        ("min_denominator: 10", "min_denominator: ten", "expected a whole number, 1 or more, got 'ten'"),
        ("region: 222424", "region: 22424", "1:9: region: expected a code of 6 digits, got '22424'"),
        ("{zh: 计划, en: plan}", "{zh: 计划}", "2:8: names: en is missing"),
        ("{zh: 计划, en: plan}", "计划", "2:8: names: expected a mapping with zh, en, got '计划'"),
        ("zh: 计划", "zh: ~", "names.zh: expected the Chinese name, got ''"),
        ("document: 文〔2026〕1号", "document: [1]", "3:11: document: expected the document's number, got a list"),
        ("min_denominator: 10", "min_denominator: 10\nmin_denominator: 11", "is there twice, first on line 5"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, old: str, new: str, said: str) -> None:
    found = problems(tmp_path, GOOD.replace(old, new, 1))
    assert old in GOOD
    assert any(said in line for line in found), found


def test_all_problems_are_said_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = GOOD.replace("region: 222424", "region: x").replace("as: remaining", "as: x").replace("lead: all", "lead: y")
    found = problems(tmp_path, text)
    assert [line.split(":")[0] for line in found] == ["1", "17", "27"]


def test_a_plan_without_targets_says_which_key_is_missing(tmp_path: Path) -> None:
    assert problems(tmp_path, GOOD[: GOOD.index("targets:")]) == ["1:1: targets is missing"]


def test_a_target_for_each_department_needs_departments(tmp_path: Path) -> None:
    text = GOOD.replace("departments:\n  - {id: justice, names: {zh: 司法局, en: Justice}}\n", "")
    found = problems(tmp_path, text.replace("lead: justice", "lead: all"))
    assert any("binds each department, but none is listed" in line for line in found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "1:1: the file is empty"),
        ("# nothing\n", "1:1: the file is empty"),
        ("- a\n- b\n", "1:1: expected a mapping with region, region_names, names"),
        ("region: [1, 2\nnames: x\n", "not YAML"),
        ("region: 'x\n", "not YAML"),
        ("a: &x 1\nb: *x\n", "2:4: expected the value itself, not an alias (*)"),
        ("a: 1\n---\nb: 2\n", "2:1: a second document"),
        ("a: " + "[" * 60 + "]" * 60, "nested deeper than 16 levels"),
        ("a: \x01\n", "not YAML"),
        (b"region: 1\nnames: \xff\xfe\n", "2:1: not UTF-8"),
        (b"#" * (1 << 20) + b"#", "longer than 1 MiB"),
        ("? [1]\n: 2\n", "unknown key"),
        ("!!python/object/apply:os.system ['x']", "expected a mapping"),
    ],
)
def test_what_is_no_plan_at_all_is_refused_in_a_line(tmp_path: Path, text: str | bytes, said: str) -> None:
    assert any(said in line for line in problems(tmp_path, text))


@pytest.mark.parametrize("sign", ["\u202e", "\u2066", "\u200f", "\u061c"])
def test_a_name_that_turns_the_order_of_a_text_is_refused(tmp_path: Path, sign: str) -> None:
    for name in (f"计{sign}划", f'"计\\u{ord(sign):04X}划"'):
        (said,) = problems(tmp_path, GOOD.replace("names: {zh: 计划", f"names: {{zh: {name}"))
        assert said.startswith("2:13: ")
        assert sign not in said


def test_a_billion_laughs_stop_at_the_first_alias(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    (found,) = problems(tmp_path, "\n".join(lines))
    assert found.startswith("2:")


def test_a_file_that_is_not_there_is_a_problem_of_that_file(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"none\.yaml:1:1: 无法读取"):
        load_plan(tmp_path / "none.yaml")


def test_the_files_name_is_the_plans_id(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="expected lower case letters"):
        load(tmp_path, GOOD, "My Plan.yaml")


def test_any_garbled_plan_is_refused_with_places_and_never_crashes(tmp_path: Path) -> None:
    dice = random.Random(7)
    signs = "{}[]:,-#&*!|>'\"% \n\tax0é"
    for _ in range(400):
        text = list(GOOD)
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(text))
            text[at : at + dice.randint(0, 3)] = [dice.choice(signs) for _ in range(dice.randint(0, 3))]
        found = refused(tmp_path, "".join(text))
        assert all(p.line >= 1 and p.column >= 1 and p.message for p in found)


# ---- folders


def test_the_problems_of_all_files_come_together(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD.replace("region: 222424", "region: a"))
    (tmp_path / "b.yaml").write_text(GOOD.replace("region: 222424", "region: b"))
    with pytest.raises(PlanError) as caught:
        load_plans(tmp_path)
    assert [Path(p.file).name for p in caught.value.problems] == ["a.yaml", "b.yaml"]


def test_two_plans_of_a_county_may_not_share_a_day(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yaml").write_text(GOOD)
    with pytest.raises(PlanError, match="shares days with a: expected one plan of 222424 a day"):
        load_plans(tmp_path)


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="expected a folder of plan files"):
        load_plans(tmp_path / "nowhere")


# ---- the plans that are shipped


def test_the_first_plan_promises_what_the_document_says() -> None:
    plan = load_plan(ROOT / "plans" / "222424-2023.yaml")
    goals = {t.id: t.goal() for t in plan.targets}
    assert goals["instant_items"] == Fraction("0.4194")
    assert goals["promised_limit"] == Fraction("0.7356")
    assert goals["settled_items"] == Fraction("0.92")
    assert goals["full_process"] == Fraction("0.70")
    assert goals["disclosure_loss"] == Fraction("0.05")
    assert goals["administrative_loss"] is None
    assert [goals[count] for count in ("law_lectures", "inspection", "tolerance_list")] == [2, 1, 1]
    assert plan.document == "汪政发〔2023〕10号"
    assert len(plan.departments) == 40


def test_the_other_readings_of_the_plan_are_at_hand() -> None:
    by_id = {t.id: t.readings() for t in load_plan(ROOT / "plans" / "222424-2023.yaml").targets}
    assert by_id["instant_items"]["relative"] == Fraction("0.35134")
    assert by_id["promised_limit"]["remaining"] == Fraction("0.67204")


def test_this_years_plan_carries_the_promises_on() -> None:
    plans = load_plans(ROOT / "plans")
    then, now = plan_for(plans, 222424, date(2023, 11, 24)), plan_for(plans, 222424, date(2026, 11, 24))
    assert then is not None
    assert now is not None
    assert then.targets == now.targets
    assert then.departments == now.departments
    assert now.note is not None


def test_a_tolerance_is_a_percentage_and_changes_no_target() -> None:
    plans = {p.id: p for p in load_plans(ROOT / "plans")}
    assert plans["222424-2026"].tolerance == Fraction(1, 1000)


def test_the_example_in_the_manual_is_a_good_plan(tmp_path: Path) -> None:
    manual = (ROOT / "docs" / "plans.md").read_text()
    example = manual.split("```yaml\n", 1)[1].split("```", 1)[0]
    assert load(tmp_path, example).targets[0].id == "instant_items"


COUNTY_FILES = SHARED / "imports" / "54-plan-files"
COUNTY_SAID = {
    "dup": "14:9: targets[2].id: “settled_items”重复，第 8 行已有",
    "empty": "1:1: 文件是空的：应为一份方案",
    "decimal": "11:22: targets.settled_items.rule.at_least: 是百分数还是小数？请写明 % 号，如 92 %，现在是“0.92”",
    "fwcolon": "第 1 行用了全角冒号“：”，请改为半角冒号加空格",
    "fwquote": "13:13: targets.settled_items.source: 引号要用半角",
    "gbk": "2:1: 不是 UTF-8 编码（可能是 GBK）：请用编辑器另存为 UTF-8",
    "ge": "11:22: targets.settled_items.rule.at_least: 应为百分数，如 92 %（不写 ≥、≤），现在是“≥92%”",
    "noas": "11:11: targets.settled_items.rule: 缺少 as",
    "slash": "4:16: period.from: 应为日期，写作 2026-01-01，现在是“2026/1/1”",
    "tab": "9:1: 不是合法的 YAML：缩进要用空格，不能用 Tab",
    "unknown": "10:16: targets.settled_items.indicator: 没有指标“进驻率”：是不是 settled_item_share？",
    "xlsx": "1:1: 这是 Excel 工作簿或压缩包，不是方案文件（YAML 文本）",
    "zhdate": "4:16: period.from: 应为日期，写作 2026-01-01，现在是“2026年1月1日”",
    "zhlead": "12:11: targets.settled_items.lead: departments 中没有“县政数局”（应写部门的 id）：是不是 data-bureau？",
}


@pytest.mark.skipif(not COUNTY_FILES.is_dir(), reason="the collection is not beside the checkout")
@pytest.mark.parametrize("path", sorted(COUNTY_FILES.glob("222424-2026-*.yaml")), ids=lambda path: path.stem)
def test_a_plan_file_as_a_county_writes_it_is_read_or_refused_in_chinese_with_its_place(path: Path) -> None:
    said = COUNTY_SAID.get(path.stem.removeprefix("222424-2026-"))
    done = CliRunner().invoke(command, ["check", str(path)])
    if said is None:
        assert (done.exit_code, done.stderr) == (0, "")
        assert load_plan(path).targets[0].rule.goal() in (Fraction(92, 100), Fraction(985, 1000))
        return
    assert done.exit_code == 1
    assert done.stderr.startswith(f"{path}:")
    assert said in done.stderr
