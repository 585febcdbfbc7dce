"""`hallpulse import` on a real broker and database: figures as they should be, and the same when it is run again."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hallpulse.domain.figures import Figure, Scope, Window
from hallpulse.plans import load_plans
from hallpulse.store import Store
from services.console.demo.feeding import feed
from services.console.demo.watching import Watch
from services.console.main import cli
from services.simulator import County, simulate
from services.simulator.county import moment
from tests.ingesting import ingest, publishing, take_refused, wait_until
from tests.moments import ask
from tests.servers import Vhost
from tests.unit.test_simulator import PLAN, WORKDAYS, shares

DUTCH = Path(__file__).parents[3] / "shared" / "data" / "permit-cases.csv"
PLANS = Path(__file__).parents[2] / "plans"
REGION = 222424
EVER = Window(date(2009, 1, 1), date(2026, 12, 31))
CASES = """办件编号,实施编码,部门,收件时间,受理时间,办结时间,承诺办结时限
c-1,a-1,公安局,2026-03-02 09:00,2026-03-02 10:00,{decided},3个工作日
c-2,a-1,公安局,2026-03-02 09:00,2026-03-02 10:00,2026-03-03 10:00,3个工作日
c-3,a-1,公安局,昨天,2026-03-02 10:00,2026-03-03 10:00,3个工作日
"""
CATALOGUE = """实施编码,事项名称,部门,办件类型,法定办结时限,承诺办结时限,是否进驻大厅
a-1,甲,公安局,承诺件,20个工作日,{promised},是
a-2,乙,公安局,即办件,无,当场办结,否
a-3,丙,公安局,承诺件,尽快,5个工作日,是
"""


@pytest.fixture
def environment(vhost: Vhost, store_url: str) -> Iterator[dict[str, str]]:
    """The servers as the command is told of them, with an ingest between them."""
    with publishing(vhost), ingest(vhost, store_url):
        yield {"HALLPULSE_AMQP_URL": vhost.amqp_url, "HALLPULSE_DATABASE_URL": store_url}


def run(environment: dict[str, str], *arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments], env=environment)


def imported(environment: dict[str, str], kind: str, path: Path, *options: str, status: int = 1) -> Result:
    """status: 1 where rows are refused, as one of each table here is."""
    done = run(environment, "import", kind, path, "--region", str(REGION), "--hall", "hall", *options)
    assert done.exit_code == status, done.output
    return done


def stored(store: Store) -> int:
    return ask(store).event_counts(REGION).get("hall", 0)


def figure(store: Store, indicator: str) -> Figure:
    return ask(store).figures(Scope(REGION), EVER)[indicator]


def test_cases_are_imported_once_however_often(tmp_path: Path, environment: dict[str, str], store: Store) -> None:
    path = tmp_path / "cases.csv"
    path.write_text(CASES.format(decided="2026-03-20 10:00"), encoding="gb18030")
    done = imported(environment, "cases", path)
    assert "读取 rows read: 3，新 new: 2，退回 refused: 1，已发布事件 events published: 6" in done.output
    wait_until(lambda: stored(store) == 6)
    assert figure(store, "promise_kept_rate") == Figure(1, 2)
    with store.read() as moment_:
        (source,) = moment_.sources(Scope(REGION), EVER, date(2026, 12, 31))
    assert (source.events, source.late) == (6, 0)
    again = imported(environment, "cases", path)
    assert "未变 unchanged: 2" in again.output
    wait_until(lambda: stored(store) == 6)
    assert figure(store, "promise_kept_rate") == Figure(1, 2)


def test_a_corrected_case_reaches_the_figures(tmp_path: Path, environment: dict[str, str], store: Store) -> None:
    path = tmp_path / "cases.csv"
    path.write_text(CASES.format(decided="2026-03-20 10:00"), encoding="utf-8")
    imported(environment, "cases", path)
    wait_until(lambda: figure(store, "promise_kept_rate") == Figure(1, 2))
    path.write_text(CASES.format(decided="2026-03-05 10:00"), encoding="utf-8")
    imported(environment, "cases", path)
    wait_until(lambda: figure(store, "promise_kept_rate") == Figure(2, 2))
    assert figure(store, "mean_elapsed_days") == Figure(4, 2)


def test_rejected_rows_lie_beside_the_file(tmp_path: Path, environment: dict[str, str]) -> None:
    path = tmp_path / "cases.csv"
    path.write_text(CASES.format(decided="2026-03-20 10:00"), encoding="utf-8")
    imported(environment, "cases", path)
    lines = (tmp_path / "cases.csv.rejected.csv").read_text(encoding="utf-8-sig").splitlines()
    (header, row) = list(csv.reader(lines))
    assert header[:5] == ["sheet 工作表", "line 行号", "column 列", "value 值", "reason 原因"]
    assert row[1:4] == ["4", "收件时间", "昨天"]
    assert row[4].startswith("bad-date 日期无法识别")
    assert row[6:8] == ["c-3", "a-1"]


def test_a_catalogue_is_imported_and_a_changed_row_replaces_its_version(
    tmp_path: Path, environment: dict[str, str], store: Store
) -> None:
    path = tmp_path / "catalogue.csv"
    path.write_text(CATALOGUE.format(promised="10个工作日"), encoding="utf-8")
    done = imported(environment, "catalogue", path, "--effective-from", "2026-01-01")
    assert "当场办结为 0 日" in done.output
    wait_until(lambda: figure(store, "promised_limit_compression") == Figure(10, 20))
    assert figure(store, "instant_item_share") == Figure(1, 2)
    again = imported(environment, "catalogue", path, "--effective-from", "2026-01-01")
    assert "未变 unchanged: 2" in again.output
    later = imported(environment, "catalogue", path, "--effective-from", "2026-06-01")
    assert "已发布事件 events published: 0" in later.output
    path.write_text(CATALOGUE.format(promised="4个工作日"), encoding="utf-8")
    imported(environment, "catalogue", path, "--effective-from", "2026-01-01")
    wait_until(lambda: figure(store, "promised_limit_compression") == Figure(16, 20))
    path.write_text(CATALOGUE.format(promised="10个工作日"), encoding="utf-8")
    imported(environment, "catalogue", path, "--effective-from", "2026-01-01")
    wait_until(lambda: figure(store, "promised_limit_compression") == Figure(10, 20))


def test_a_file_without_a_single_good_row_fails(tmp_path: Path, environment: dict[str, str]) -> None:
    path = tmp_path / "cases.csv"
    path.write_text("办件编号,实施编码,收件时间\nc-1,a-1,昨天\n", encoding="utf-8")
    assert run(environment, "import", "cases", path, "--region", str(REGION)).exit_code == 1


BARE = """实施编码,事项名称,部门,办件类型,法定办结时限,承诺办结时限
a-1,甲,公安局,承诺件,20,5
"""


def test_a_question_without_a_terminal_publishes_nothing_and_says_how_to_answer(
    tmp_path: Path, environment: dict[str, str], store: Store
) -> None:
    path = tmp_path / "catalogue.csv"
    path.write_text(BARE, encoding="utf-8")
    done = imported(environment, "catalogue", path)
    assert all(
        text in done.output for text in ("unit.statutory_days", "effective_from", "没有发布任何内容", "--answer")
    )
    told = json.loads(
        run(environment, "import", "catalogue", path, "--region", str(REGION), "--json", "--dry-run").stdout
    )
    assert [(q["id"], q["default"], q["answer"]) for q in told["questions"]] == [
        ("unit.statutory_days", "工作日", None), ("unit.promised_days", "工作日", None), ("effective_from", None, None),
    ]  # fmt: skip
    assert stored(store) == 0
    profile = tmp_path / "bureau.yaml"
    day = ("--effective-from", "2026-01-01")
    answers = ("--answer", "unit.statutory_days=自然日", "--answer", "unit.promised_days=工作日")
    imported(environment, "catalogue", path, *day, *answers, "--dry-run", "--save-profile", str(profile), status=0)
    assert stored(store) == 0
    imported(environment, "catalogue", path, *day, "--profile", str(profile), status=0)
    wait_until(lambda: figure(store, "promised_limit_compression") == Figure(10, 15))
    again = imported(environment, "catalogue", path, *day, "--yes", status=0)
    assert "按 answered unit.statutory_days=工作日" in again.output
    wait_until(lambda: figure(store, "promised_limit_compression") == Figure(15, 20))


def test_what_an_import_will_do_to_the_figures_is_told_before(
    tmp_path: Path, environment: dict[str, str], store: Store
) -> None:
    path = tmp_path / "cases.csv"
    path.write_text(CASES.format(decided="2026-03-20 10:00"), encoding="utf-8")
    imported(environment, "cases", path)
    wait_until(lambda: figure(store, "promise_kept_rate") == Figure(1, 2))
    path.write_text(CASES.format(decided="2026-03-05 10:00"), encoding="utf-8")
    place = ("--region", str(REGION), "--hall", "hall")
    told = json.loads(run(environment, "import", "cases", path, *place, "--json", "--dry-run").stdout)
    assert told["rows"] == {"read": 3, "changed": 1, "unchanged": 1, "refused": 1}
    effects = {one["indicator"]: (one["before"], one["after"]) for one in told["effects"]}
    assert effects["promise_kept_rate"] == ([1, 2], [2, 2])
    assert effects["mean_elapsed_days"] == ([15, 2], [4, 2])


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["/gone.csv"], 2, "没有这个文件"),
        (["/tmp"], 2, "是一个文件夹"),
        (["--answer", "unit"], 2, "QUESTION=ANSWER"),
        (["--profile", "no-such-one"], 1, "没有这个来源配置"),
        (["--region", "222400"], 2, "expected a county code"),
        (["--hall", "Big Hall"], 2, "HALL 1 to 40"),
        (["--effective-from", "soon"], 2, "does not match the format"),
    ],
)
def test_bad_usage_is_said_in_one_line(
    tmp_path: Path, environment: dict[str, str], arguments: list[str], status: int, says: str
) -> None:
    path = tmp_path / "catalogue.csv"
    path.write_text(CATALOGUE.format(promised="1"), encoding="utf-8")
    given = arguments if arguments[0].startswith("/") else [str(path), *arguments]
    done = run(environment, "import", "catalogue", *given)
    assert (done.exit_code, says in done.output) == (status, True), done.output


@pytest.mark.skipif(not DUTCH.is_file(), reason="the Dutch file is not beside the checkout")
def test_the_dutch_file_gives_its_known_figures_twice(environment: dict[str, str], store: Store) -> None:
    for _ in range(2):
        imported(environment, "cases", DUTCH, status=0)
        wait_until(lambda: stored(store) == 2150)
        assert figure(store, "promise_kept_rate") == Figure(529, 686)
        assert figure(store, "due_kept_rate") == Figure(529, 732)
        assert figure(store, "mean_elapsed_days") == Figure(26_536, 686)
        assert figure(store, "unified_acceptance_rate") == Figure(50, 732)
        assert figure(store, "actual_compression") == Figure(3_768, 30_304)


def test_a_simulated_year_is_fed_watched_and_fed_again(environment: dict[str, str], vhost: Vhost, store: Store) -> None:
    end = date(2026, 7, 15)
    county = County(PLAN, WORKDAYS, moment((end - date(1970, 1, 1)).days + 1), cases=400)
    sent = list(simulate(county))
    for _ in range(2):
        watch = Watch(store)
        feed(environment["HALLPULSE_AMQP_URL"], (one.event for one in sent), watch, None)
        assert watch.stored() == watch.published == sum(ask(store).event_counts(REGION).values())
        found = ask(store).figures(Scope(REGION), Window(date(2026, 1, 1), end))
        assert {name: found[name].value for name in shares(sent, end)} == shares(sent, end)
    assert vhost.user


def test_declarations_that_cannot_be_right_reach_the_bureau_by_the_broker(
    tmp_path: Path, environment: dict[str, str], store: Store, vhost: Vhost
) -> None:
    path = tmp_path / "figures.csv"
    rows = ("5,4", "5,9", "四,5")
    told = "".join(f"leader_in_court,justice,2026-0{n},{row}\n" for n, row in enumerate(rows, start=3))
    path.write_text(f"指标编码,部门,期间,分母,分子\n{told}", encoding="utf-8")
    store.judge_by(load_plans(PLANS))
    done = imported(environment, "figures", path)
    assert "已发布事件 events published: 1" in done.output
    (copy,) = take_refused(vhost, 1)
    assert json.loads(copy.body)["data"]["denominator"] == "四"
    window = Window(date(2026, 1, 1), date(2026, 12, 31))
    wait_until(lambda: stored(store) == 2)
    assert ask(store).figures(Scope(REGION), window)["leader_in_court"] == Figure(4, 5)
    checks = ask(store).integrity(Scope(REGION), window, window.end)
    assert sum(one.count for one in checks if one.check.of == "figures") == 1
    imported(environment, "figures", path)
    take_refused(vhost, 1)
    assert stored(store) == 2
