"""The monthly report from a real database: the figures of the gateway, written once, noted in the audit."""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import docx
import httpx
import pika
import pytest
from click.testing import CliRunner, Result

from hallpulse.contract.events import EventType, HallEvent, Heartbeat
from hallpulse.domain.figures import Figure, Scope
from hallpulse.domain.flow import Flow
from hallpulse.domain.measures import STATES
from hallpulse.domain.targets import TargetResult
from hallpulse.domain.workdays import Calendar, workdays_of
from hallpulse.plans import load_plans
from hallpulse.store import Store
from services.console.main import cli
from services.local import ports
from services.local.process_groups import wait_until
from services.reports.monthly import MonthlyReport, Period, monthly_report, period_of
from services.reports.reading import read_material
from services.simulator import County, simulate
from services.simulator.county import HALLS
from tests.gateway_ground import READ_TOKEN, FakeClock, make_resources, serving
from tests.gateway_process import hash_of_hall
from tests.merging import decoded, merge_all
from tests.moments import ask
from tests.servers import Vhost

ROOT = Path(__file__).parents[2]
WORKED = ROOT.parent / "shared" / "data" / "worked"
PLANS = load_plans(ROOT / "plans")
PLAN = next(plan for plan in PLANS if plan.id == "222424-2026")
REGION = PLAN.region
NOW = datetime(2026, 11, 5, 6, 30, tzinfo=timezone(timedelta(hours=8)))
OCTOBER = period_of("2026-10")


def microseconds(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000)


@pytest.fixture
def county(store: Store, calendars: list[Calendar]) -> Store:
    return fill_county(store, calendars)


def fill_county(store: Store, calendars: list[Calendar]) -> Store:
    """Store a county's year up to the morning of 5 November."""
    workdays = workdays_of(REGION, {calendar.scope: calendar for calendar in calendars})
    events = [sent.event for sent in simulate(County(PLAN, workdays, microseconds(NOW), cases=4_000))]
    for hall in HALLS:
        store.halls.add(REGION, hall.id, ["case"], hash_of_hall(hall.id))
    merge_all(store, events, 8_000)
    return store


@contextmanager
def gateway(store: Store, now: datetime = NOW) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {READ_TOKEN}"}
    with (
        serving(make_resources(store, clock=FakeClock(now), plans=PLANS)) as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30) as client,
    ):
        yield client


def reported(store: Store, month: Period = OCTOBER, now: datetime = NOW) -> MonthlyReport:
    return monthly_report(read_material(store, PLAN, month, microseconds(now)))


def as_answered(result: TargetResult) -> dict[str, Any]:
    def number(value: Any) -> float | None:
        return None if value is None else float(value)

    return {
        "value": number(result.value), "numerator": result.figure.numerator, "denominator": result.figure.denominator,
        "required": number(result.required), "goal": number(result.goal), "gap": number(result.gap),
        "met": result.met, "on_pace": result.on_pace, "forecast": number(result.forecast and result.forecast.value),
    }  # fmt: skip


def pairs(answer: dict[str, Any]) -> dict[str, Figure]:
    return {one["id"]: Figure(one["numerator"], one["denominator"]) for one in answer["indicators"]}


def states_on(client: httpx.Client, department: str) -> dict[str, int]:
    """State → a department's cases on the last day of October, by the lists."""
    asked = {"region": str(REGION), "department": department, "on": "2026-10-31"}
    return {s: client.get("/v1/cases", params={**asked, "state": s}).json()["total"] for s in STATES}


def test_every_figure_is_the_one_that_the_gateway_gives(county: Store) -> None:
    report = reported(county)
    window = {"region": str(REGION), "from": "2026-10-01", "to": "2026-10-31"}
    with gateway(county) as client:
        targets = client.get("/v1/targets", params={"region": str(REGION), "on": "2026-10-31"}).json()["targets"]
        before = client.get("/v1/targets", params={"region": str(REGION), "on": "2026-09-30"}).json()["targets"]
        month = client.get("/v1/indicators", params=window).json()
        departments = client.get("/v1/departments", params=window).json()["departments"]
        checks = client.get("/v1/integrity", params=window).json()["checks"]
        as_listed = {line.department: states_on(client, line.department) for line in report.open_lines}
        flow = client.get("/v1/flow", params={"region": str(REGION), "month": "2026-10"}).json()
    answered = {one["id"]: one for one in targets}
    assert [line.target.id for line in report.targets] == list(answered)
    for line in report.targets:
        wanted = as_answered(line.result)
        assert wanted == {name: answered[line.target.id][name] for name in wanted}, line.target.id
    values = {one["id"]: one["value"] for one in before}
    assert {line.target.id: line.before and float(line.before.value or 0) for line in report.targets} == values
    assert dict(report.figures) == pairs(month)
    coverage = month["coverage"]
    assert (report.coverage.halls, report.coverage.reporting) == (coverage["halls"], coverage["reporting"])
    total = sum((one for _, one in report.flow_lines), Flow())
    assert total.balances
    assert (total.carried, total.received, total.refused) == (flow["carried"], flow["received"], flow["refused"])
    assert (total.withdrawn, total.decided) == (flow["withdrawn"], sum(flow["decided"].values()))
    assert total.open == flow["open"] == sum(line.open for line in report.open_lines)
    listed = {one["id"]: pairs(one) for one in departments}
    for ranking in report.rankings:
        for standing in (*ranking.ranked, *ranking.unranked):
            figures = listed[standing.department]
            assert standing.figures == {name: figures.get(name, Figure(0, 0)) for name in standing.figures}
    for line in report.open_lines:
        assert dict(line.states) == as_listed[line.department]
    assert {one.check.id: one.count for one in report.findings} == {one["id"]: one["count"] for one in checks}


@pytest.mark.skipif(not WORKED.is_dir(), reason="the worked stream is not beside the checkout")
def test_the_worked_streams_figures_are_in_the_report_of_the_years_last_month(store: Store) -> None:
    merge_all(store, decoded(map(json.loads, (WORKED / "events.ndjson").read_text("utf-8").splitlines())), 2_000)
    report = reported(store, period_of("2026-12"), datetime(2027, 1, 5, tzinfo=UTC))
    year = {"region": "222424", "from": "2026-01-01", "to": "2026-12-31"}
    wanted = next(
        one["indicators"]
        for one in json.loads((WORKED / "expected.json").read_text("utf-8"))
        if {name: one.get(name) for name in (*year, "department", "hall")} == year | {"department": None, "hall": None}
    )
    shown = {line.target.indicator: line.result.figure for line in report.targets}
    compared = [name for name in wanted if name in shown]
    assert len(compared) >= 4
    assert {name: (shown[name].numerator, shown[name].denominator) for name in compared} == {
        name: tuple(wanted[name]) for name in compared
    }


def heartbeat(number: int, on: date) -> HallEvent:
    at = microseconds(datetime(on.year, on.month, on.day, 2, tzinfo=UTC))
    return HallEvent(REGION, "hall-1", f"beat-{number}", EventType.HEARTBEAT, at, Heartbeat())


def test_a_snapshot_does_not_see_what_is_stored_meanwhile(store: Store) -> None:
    with store.read() as moment:
        before = moment.coverage(Scope(REGION), OCTOBER.window)
        merge_all(store, [heartbeat(1, OCTOBER.window.start)], 10)
        assert moment.coverage(Scope(REGION), OCTOBER.window) == before
    assert ask(store).coverage(Scope(REGION), OCTOBER.window).reporting == 1


def run(database_url: str, *arguments: str, plans: Path = ROOT / "plans") -> Result:
    """The command against servers that the environment names: no suite needs to run."""
    environment = {
        "HALLPULSE_AMQP_URL": "amqp://nobody@127.0.0.1:9/",
        "HALLPULSE_DATABASE_URL": database_url,
        "HALLPULSE_PLANS": str(plans),
    }
    return CliRunner().invoke(cli, ["report", *arguments], env=environment)


def test_the_command_writes_a_file_once_and_notes_it_in_the_audit(store: Store, store_url: str, tmp_path: Path) -> None:
    asked = ("2026-10", "--region", str(REGION), "--out", str(tmp_path))
    done = run(store_url, *asked)
    path = tmp_path / "222424-2026-10.docx"
    assert (done.exit_code, done.output) == (0, f"{path}\n")
    assert docx.Document(str(path)).paragraphs[0].text == "汪清县2026年重点目标（示例）完成情况月报"
    again = run(store_url, *asked)
    assert (again.exit_code, again.output.count("\n")) == (1, 1)
    assert "there is one already" in again.output
    (line,) = store.audit.list(action="report")
    assert (line.entry.action, line.entry.subject, line.entry.region) == ("report.write", path.name, REGION)
    assert run(store_url, *asked, "--force").exit_code == 0
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("2999-01", "--region", "222424"), 2, "Error: month: expected YYYY-MM"),
        (("2126-01", "--region", "222424"), 2, "Error: month: 2126-01 has not begun, today is "),
        (("2026-13", "--region", "222424"), 2, "2023-05, a quarter such as 2023-Q2 or a year, got '2026-13'"),
        (("2023-05", "--region", "222424", "--format", "odt"), 2, "expected one of docx, xlsx, html, pdf, got 'odt'"),
        (("2023-05", "--region", "222401"), 2, "region: expected one that has a plan (222424), got '222401'"),
        (("2024-05", "--region", "222424"), 1, "2024-05: no plan of 222424 is in force then; there is 222424-2023"),
        (("2023-05", "--region", "222424", "--out", "/proc/nowhere/x.docx"), 1, "/proc/nowhere/x.docx: cannot be"),
    ],
)
def test_what_cannot_be_reported_is_one_line(
    store_url: str, tmp_path: Path, arguments: tuple[str, ...], status: int, said: str
) -> None:
    out = () if "--out" in arguments else ("--out", str(tmp_path))
    done = run(store_url, *arguments, *out)
    assert done.exit_code == status, done.output
    assert said in done.output
    assert done.output.count("\n") == 1


@pytest.mark.parametrize("out", ["reports", "reports/", "2026.10/"])
@pytest.mark.usefixtures("store")
def test_a_folder_that_is_missing_is_made_and_never_a_file_of_its_name(
    store_url: str, tmp_path: Path, out: str
) -> None:
    written = run(store_url, "2026-10", "--region", str(REGION), "--format", "html", "--out", f"{tmp_path}/{out}")
    assert written.exit_code == 0, written.output
    assert [one.name for one in (tmp_path / out).iterdir()] == ["222424-2026-10.html"]


def test_without_a_suite_the_command_says_so(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["report", "2023-05", "--region", "222424", "--dir", str(tmp_path)])
    assert (done.exit_code, done.output) == (1, f"Error: no suite runs in {tmp_path}: start one with `hallpulse up`\n")


YEARS = f"{{from: {datetime.now(UTC).year - 1}-01-01, to: {datetime.now(UTC).year}-12-31}}"
TWO_YEARS = f"""\
region: 222424
names: {{zh: 计划, en: plan}}
document: 文
period: {YEARS}
departments:
  - {{id: justice, names: {{zh: 司法局, en: Justice}}}}
targets:
  - id: settled
    names: {{zh: 进驻, en: settled}}
    indicator: settled_item_share
    rule: {{at_least: 92 %}}
    path: step
"""


@dataclass
class Service:
    process: subprocess.Popen[str]
    folder: Path
    amqp_url: str

    @property
    def written(self) -> list[Path]:
        """The reports that are whole: one is written beside its place first, under a name with a dot."""
        return sorted((self.folder / "reports").glob("[!.]*"))


@contextmanager
def process(folder: Path, amqp_url: str, database_url: str, look_each: float = 0.25) -> Iterator[Service]:
    """Looks each so many seconds whether a report is due, and one is from the first of a month on."""
    plans = folder / "plans"
    plans.mkdir(exist_ok=True)
    (plans / "222424.yaml").write_text(TWO_YEARS)
    log = folder / "reports.log"
    environment = {
        **os.environ, "HALLPULSE_AMQP_URL": amqp_url, "HALLPULSE_DATABASE_URL": database_url,
        "HALLPULSE_PLANS": str(plans), "HALLPULSE_METRICS_PORT": str(ports.choose(["reports"])["reports"]),
        "HALLPULSE_REPORTS_DIR": str(folder / "reports"), "HALLPULSE_REPORTS_DAY": "1",
        "HALLPULSE_REPORTS_SECONDS": str(look_each), "PYTHONPATH": f"{ROOT / 'shared'}{os.pathsep}{ROOT}",
    }  # fmt: skip
    with log.open("w") as stderr:
        argv = [sys.executable, "-m", "services.reports"]
        started = subprocess.Popen(argv, cwd=ROOT, env=environment, stderr=stderr, text=True)
    try:
        wait_until(lambda: "ready" in log.read_text() or started.poll() is not None, 30)
        assert "reports: ready, http://127.0.0.1:" in log.read_text(), log.read_text()
        yield Service(started, folder, amqp_url)
    finally:
        started.send_signal(signal.SIGTERM)
        assert started.wait(20) == 0, log.read_text()


def called(amqp_url: str, *args: Any) -> dict[str, Any]:
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        channel, reply = connection.channel(), str(uuid.uuid4())
        queue = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(queue, "nameko-rpc", reply)
        properties = pika.BasicProperties(
            reply_to=reply, correlation_id=reply, content_type="application/json", content_encoding="utf-8"
        )
        body = json.dumps({"args": args, "kwargs": {}}).encode()
        channel.basic_publish("nameko-rpc", "reports.monthly", body, properties)
        for _, _, answer in channel.consume(queue, inactivity_timeout=20):
            assert answer is not None, "no answer"
            found: dict[str, Any] = json.loads(answer)
            return found
    raise AssertionError("no answer")


def test_the_service_writes_last_months_report_once_and_any_on_demand(
    tmp_path: Path, vhost: Vhost, store: Store, store_url: str
) -> None:
    last = datetime.now(timezone(timedelta(hours=8))).date().replace(day=1) - timedelta(days=1)
    name = f"222424-{last:%Y-%m}.docx"
    with process(tmp_path, vhost.amqp_url, store_url) as service:
        answer = called(service.amqp_url, REGION, f"{last:%Y-%m}", "docx")["result"]
        assert answer["name"] == name
        assert docx.Document(io.BytesIO(base64.b64decode(answer["content"]))).paragraphs[0].text == "计划完成情况月报"
        assert "no plan" in called(service.amqp_url, REGION, "2019-05")["error"]["value"]
        assert "expected YYYY-MM" in called(service.amqp_url, REGION, "x")["error"]["value"]
        assert service.written == []  # nobody has reported anything for the month yet
        merge_all(store, [heartbeat(1, last)], 10)
        wait_until(lambda: bool(service.written), 20)
        assert [path.name for path in service.written] == [name]
        content = service.written[0].read_bytes()
        merge_all(store, [heartbeat(2, last - timedelta(days=1))], 10)
    with process(tmp_path, vhost.amqp_url, store_url) as service:
        called(service.amqp_url, REGION, f"{last:%Y-%m}", "html")
        time.sleep(0.6)  # it has looked twice again
        assert [path.read_bytes() for path in service.written] == [content]
    assert os.listdir(tmp_path / "reports") == [name]
    lines = store.audit.list(action="report")
    assert [line.entry.subject for line in lines] == [name.replace("docx", "html"), name, name]
    assert all(line.claimed.startswith("reports: ") for line in lines)
