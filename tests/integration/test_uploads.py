"""Tables uploaded by people of each role: looked at, asked about, imported, with real servers all the way."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from hallpulse.contract.identity import DESK
from hallpulse.domain.figures import Figure, Scope, Window
from hallpulse.store import FigureFilter, Grant, NewUpload, Store
from services.catalogue.upload_work import without_secrets
from services.console.main import cli
from services.gateway.uploads import MOST_BYTES
from tests.gateway_ground import COUNTY
from tests.ingesting import wait_until
from tests.moments import ask
from tests.peopled import Peopled, Signed
from tests.servers import Vhost
from tests.uploading import CASES, CATALOGUE, MONTH, form, imported, peopled, settled, uploaded

WINDOW = Window(date(2026, 1, 1), date(2026, 12, 31))


@pytest.fixture
def people(store: Store, store_url: str, vhost: Vhost, tmp_path: Path) -> Iterator[Peopled]:
    with peopled(store, store_url, vhost, tmp_path) as made:
        yield made


def reports(store: Store) -> list[Any]:
    return ask(store).figure_reports(FigureFilter(Scope(COUNTY), WINDOW))


def test_a_department_uploads_its_form_sees_the_checks_of_the_import_and_submits(
    people: Peopled, store: Store, vhost: Vhost, store_url: str, tmp_path: Path
) -> None:
    justice = people.sign_in("department")
    content = form(tmp_path / "form.xlsx", leader_in_court=(7, 5))
    found = uploaded(justice, content, kind="figures", name="申报.xlsx")
    told = found["told"]
    assert (found["state"], told["rows"]["refused"], told["refused"][0]["reason"]) == ("ready", 1, "over-denominator")
    command = CliRunner().invoke(
        cli,
        [
            "import",
            "figures",
            str(tmp_path / "form.xlsx"),
            "--region",
            str(COUNTY),
            "--hall",
            DESK,
            "--dry-run",
            "--json",
        ],
        env={"HALLPULSE_AMQP_URL": vhost.amqp_url, "HALLPULSE_DATABASE_URL": store_url},
    )
    said = json.loads(command.stdout)
    assert {**unnamed(told), "file": ""} == {**said, "file": ""}
    assert reports(store) == [], "a look publishes nothing"
    rejected = list(csv.reader(io.StringIO(people_csv(justice, found["id"]))))
    assert "over-denominator" in rejected[1][4]
    done = imported(justice, found["id"])
    assert (done["state"], done["rows"]["new"], done["rows"]["refused"]) == ("imported", told["rows"]["new"], 1)
    wait_until(lambda: len(reports(store)) == done["events"] + 1)
    mine = [one for one in reports(store) if one.status == "counted"]
    assert {(one.hall, one.department, one.period) for one in mine} == {(DESK, "justice", MONTH)}
    assert {json.loads(one.extra)["reporter"] for one in mine} == {"王department (department)"}
    lines = {line.entry.action: line.claimed for line in people.lines() if line.entry.action.startswith(("upl", "imp"))}
    assert lines == dict.fromkeys(("upload.add", "upload.import", "import.figures"), "王department (department)")
    again = uploaded(justice, form(tmp_path / "again.xlsx", leader_in_court=(5, 5)), kind="figures")
    assert again["told"]["rows"]["unchanged"] == done["events"]
    assert imported(justice, again["id"])["events"] == 1


def unnamed(value: Any) -> Any:
    """A value without the names that the gateway puts beside every id."""
    if isinstance(value, dict):
        return {name: unnamed(one) for name, one in value.items() if not name.endswith("_names")}
    return [unnamed(one) for one in value] if isinstance(value, list) else value


def people_csv(who: Signed, number: int) -> str:
    answer = who.get(f"/v1/uploads/{number}/rejected")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["x-content-type-options"] == "nosniff"
    return str(answer.content.decode("utf-8-sig"))


def test_what_a_form_says_again_corrects_what_it_said(people: Peopled, store: Store, tmp_path: Path) -> None:
    justice = people.sign_in("department")
    for numerator in (4, 3):
        content = form(tmp_path / f"{numerator}.xlsx", leader_in_court=(numerator, 5))
        done = imported(justice, uploaded(justice, content, kind="figures")["id"])
        assert done["state"] == "imported"
        wait_until(lambda value=numerator: [r.numerator for r in court(store) if r.status == "counted"] == [value])
    assert [(one.numerator, one.revision, one.status) for one in court(store)] == [
        (4, 1, "superseded"),
        (3, 2, "counted"),
    ]


def court(store: Store) -> list[Any]:
    found = [one for one in reports(store) if one.indicator == "leader_in_court"]
    return sorted(found, key=lambda one: one.revision)


def test_the_form_of_the_month_is_had_in_the_page_as_by_the_command(people: Peopled, tmp_path: Path) -> None:
    justice = people.sign_in("department")
    wanted = {"kind": "figures", "region": COUNTY, "department": "justice", "month": MONTH}
    answer = justice.get("/v1/templates", **wanted)
    form(tmp_path / "form.xlsx")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as made, zipfile.ZipFile(tmp_path / "form.xlsx") as own:
        assert made.namelist() == own.namelist()
    assert justice.get("/v1/templates", **{**wanted, "department": "petitions"}).status_code == 403
    assert justice.get("/v1/templates", **{**wanted, "month": "1999-01"}).status_code == 422
    for kind in ("cases", "catalogue"):
        assert justice.get("/v1/templates", kind=kind).content.startswith(b"PK")


def test_a_catalogue_is_asked_about_answered_in_the_page_and_imported(people: Peopled, store: Store) -> None:
    bureau = people.sign_in("bureau")
    found = uploaded(bureau, CATALOGUE.encode(), kind="catalogue", name="目录.csv")
    asked = {one["id"]: one for one in found["told"]["questions"]}
    assert (found["state"], found["told"]["rows"]) == ("asked", {})
    assert {"unit.statutory_days", "unit.promised_days"} <= set(asked)
    assert bureau.post(f"/v1/uploads/{found['id']}/import", {}).status_code == 409
    for wrong in ({"unit.statutory_days": "日子"}, {"unit.other": "工作日"}):
        assert bureau.post(f"/v1/uploads/{found['id']}/answers", {"answers": wrong}).status_code == 422
    answers = {id_: "工作日" if id_.startswith("unit.") else one["choices"][-1]["value"] for id_, one in asked.items()}
    assert bureau.post(f"/v1/uploads/{found['id']}/answers", {"answers": answers}).status_code == 202
    ready = settled(bureau, found["id"])
    assert (ready["state"], ready["told"]["rows"]["new"]) == ("ready", 3), ready
    effects = {one["indicator"]: one for one in ready["told"]["effects"]}
    assert (effects["settled_item_share"]["before"], effects["settled_item_share"]["after"]) == ([0, 0], [2, 3])
    assert imported(bureau, found["id"])["events"] == 3
    wait_until(lambda: settled_share(store) == Figure(2, 3))


def settled_share(store: Store) -> Figure:
    return ask(store).figures(Scope(COUNTY), WINDOW)["settled_item_share"]


def test_a_hall_imports_its_own_cases_and_sees_its_own_figures_before_and_after(people: Peopled, store: Store) -> None:
    bureau, hall = people.sign_in("bureau"), people.sign_in("hall")
    store.halls.add(COUNTY, "hall-2", ["case"], "1" * 64, "分厅")
    others = CASES.replace("c-", "d-").replace("=昨天", "2026-03-02 09:00").encode()
    assert imported(bureau, uploaded(bureau, others, kind="cases", hall="hall-2", name="c.csv")["id"])["events"] == 9
    wait_until(lambda: ask(store).figures(Scope(COUNTY), WINDOW)["promise_kept_rate"] == Figure(2, 3))
    found = uploaded(hall, CASES.encode(), kind="cases", hall="hall-1", name="=cmd|' /C calc'!A0.csv")
    kept = next(one for one in found["told"]["effects"] if one["indicator"] == "promise_kept_rate")
    assert (kept["before"], kept["after"]) == ([0, 0], [1, 2]), "its own figures, not the county's"
    (row,) = list(csv.reader(io.StringIO(people_csv(hall, found["id"]))))[1:]
    assert "'=昨天" in row, "no cell begins as a formula"
    assert imported(hall, found["id"])["rows"] == {"read": 3, "new": 2, "refused": 1}
    assert hall.upload(CASES.encode(), region=COUNTY, kind="cases", hall="hall-2").status_code == 403


@pytest.mark.parametrize(
    ("content", "zh"),
    [
        (b"%PDF-1.7", "这是 PDF 文件"),
        (b"<html><table></table></html>", "网页"),
        (b"PK\x03\x04broken", "文件已损坏"),
        (b"a,b\n1,2\n", "没有找到表头"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "文件已损坏"),
    ],
)
def test_a_file_that_is_no_such_table_is_told_in_a_sentence(people: Peopled, content: bytes, zh: str) -> None:
    found = uploaded(people.sign_in("bureau"), content, kind="catalogue")
    assert found["state"] == "unreadable"
    assert zh in found["why"][0], found["why"]
    assert people.sign_in("bureau").post(f"/v1/uploads/{found['id']}/import", {}).status_code == 409


def bomb() -> bytes:
    """A workbook of a few KiB that unpacks to 600 MiB."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as part:
            for _ in range(600):
                part.write(b" " * (1 << 20))
    return made.getvalue()


@pytest.mark.attack
def test_a_bomb_is_refused_and_leaves_the_others_alone(people: Peopled) -> None:
    bureau, hall = people.sign_in("bureau"), people.sign_in("hall")
    found = uploaded(bureau, bomb(), kind="catalogue")
    assert (found["state"], "压缩炸弹" in found["why"][0]) == ("unreadable", True)
    assert uploaded(hall, CASES.encode(), kind="cases", hall="hall-1")["state"] == "ready"


@pytest.mark.attack
def test_a_file_is_seen_answered_imported_and_discarded_by_its_sender_alone(people: Peopled) -> None:
    people.add("colleague", Grant("bureau", COUNTY))
    bureau, colleague = people.sign_in("bureau"), people.sign_in("colleague")
    number = uploaded(bureau, CATALOGUE.encode(), kind="catalogue")["id"]
    assert colleague.get(f"/v1/uploads/{number}").status_code == 404
    assert colleague.get(f"/v1/uploads/{number}/rejected").status_code == 404
    for action, body in (("answers", {"answers": {}}), ("import", {}), ("discard", {})):
        assert colleague.post(f"/v1/uploads/{number}/{action}", body).status_code == 404
    assert colleague.get("/v1/uploads", region=COUNTY).json()["uploads"] == []
    assert [one["id"] for one in bureau.get("/v1/uploads", region=COUNTY).json()["uploads"]] == [number]
    assert bureau.post(f"/v1/uploads/{number}/discard", {}).status_code == 200
    assert bureau.get(f"/v1/uploads/{number}").status_code == 404


@pytest.mark.attack
def test_a_department_declares_for_no_other_and_not_for_the_region(
    people: Peopled, store: Store, tmp_path: Path
) -> None:
    justice = people.sign_in("department")
    content = form(tmp_path / "others.xlsx", department="petitions")
    found = uploaded(justice, content, kind="figures")
    assert {one["reason"] for one in found["told"]["refused"]} == {"other-department"}
    table = f"部门,期间,指标编码,分子,分母\n全县,{MONTH},leader_in_court,4,5\n"
    own = uploaded(justice, table.encode(), kind="figures", name="f.csv")
    assert {one["reason"] for one in own["told"]["refused"]} == {"other-department"}
    assert imported(justice, own["id"])["events"] == 0
    assert reports(store) == []


@pytest.mark.attack
def test_what_each_role_may_upload(people: Peopled) -> None:
    people.add("other-bureau", Grant("bureau", 222401))
    may = {("department", "figures"), ("hall", "cases")}
    may |= {("bureau", kind) for kind in ("figures", "catalogue", "cases")}
    for role in ("bureau", "department", "hall", "leader", "operator", "other-bureau"):
        who = people.sign_in(role)
        for kind in ("figures", "cases", "catalogue"):
            hall = {"hall": "hall-1"} if kind == "cases" else {}
            answer = who.upload(b"a", region=COUNTY, kind=kind, **hall)
            assert answer.status_code == (201 if (role, kind) in may else 403), (role, kind, answer.text)
            if answer.status_code == 201:
                settled(who, answer.json()["id"])


@pytest.mark.attack
def test_an_upload_needs_the_csrf_token_its_type_and_a_size(people: Peopled) -> None:
    bureau = people.sign_in("bureau")
    where = {"region": COUNTY, "kind": "catalogue", "name": "x"}
    kind = {"cookie": bureau.cookie, "content-type": "application/octet-stream"}
    assert people.client.post("/v1/uploads", content=b"a", params=where, headers=kind).status_code == 403
    form_type = {**kind, "x-csrf-token": bureau.csrf, "content-type": "multipart/form-data; boundary=x"}
    assert people.client.post("/v1/uploads", content=b"a", params=where, headers=form_type).status_code == 415
    assert bureau.upload(b"x" * (MOST_BYTES + 1), **where).status_code == 413
    assert bureau.upload(b"", **where).status_code == 422
    assert bureau.upload(b"a", **{**where, "region": 222400}).status_code in (403, 422)
    assert bureau.upload(b"a", **{**where, "kind": "cases", "hall": "no-such"}).status_code == 422
    assert people.store.uploads.list(COUNTY, "bureau", people.clock.now) == []


@pytest.mark.attack
def test_one_file_of_an_account_is_under_work_at_a_time(people: Peopled) -> None:
    bureau = people.sign_in("bureau")
    rows = "".join(f"b-{n},甲,公安局,承诺件,20个工作日,5个工作日,是,2026-01-01\n" for n in range(20_000))
    large = (CATALOGUE.splitlines()[0] + "\n" + rows).encode()
    first = bureau.upload(large, region=COUNTY, kind="catalogue")
    assert first.status_code == 201
    assert bureau.upload(b"a", region=COUNTY, kind="catalogue").status_code == 409
    ready = settled(bureau, first.json()["id"])
    assert (ready["state"], ready["told"]["rows"]["new"], ready["done"]) == ("ready", 20_000, ready["total"])


@pytest.mark.attack
def test_work_that_takes_too_much_is_ended_and_told(store: Store, tmp_path: Path) -> None:
    """Ended by the service after its time, or by the system: the upload says so, its folder is gone, others go on."""
    program = f"""
import eventlet
eventlet.monkey_patch()
import sys, time
from pathlib import Path
from hallpulse.store import open_store
from services.catalogue.upload_runner import UploadRunner
store = open_store({store._engine.url.render_as_string(hide_password=False)!r})
seen = []
def work(number, folder, state):
    seen.append(folder)
    (folder / "left").write_text("x")
    return UploadRunner._in_a_process(runner, number, folder, state)
runner = UploadRunner(store.uploads, {{"PATH": "/usr/bin"}}, work)
if sys.argv[1] == "silent":
    import services.catalogue.upload_runner as uploads
    uploads._MODULE = "sleeper"
    uploads.SECONDS["reading"] = float(sys.argv[2])
runner.read(int(sys.argv[3]), None)
while not seen or seen[0].exists():
    eventlet.sleep(0.05)
"""
    for how, seconds in (("silent", "0.5"), ("broken", "60")):
        new = NewUpload(COUNTY, "catalogue", "import", "c.csv", how, how)
        number = store.uploads.add(new, CATALOGUE.encode(), datetime.now(UTC))
        (tmp_path / "run.py").write_text(program)
        (tmp_path / "sleeper.py").write_text("import time; time.sleep(600)")
        arguments = [sys.executable, str(tmp_path / "run.py"), how, seconds, str(number)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONWARNINGS": "ignore"}
        assert subprocess.run(arguments, env=environment, timeout=120, check=False).returncode == 0
        found = store.uploads.get(number, datetime.now(UTC))
        assert found is not None
        assert (found.state, "中止" in found.why[0]) == ("failed", True)


@pytest.mark.attack
def test_a_process_that_reads_a_file_is_told_no_address_of_the_broker() -> None:
    secrets = {
        "HALLPULSE_AMQP_URL_FILE": "/run/amqp",
        "HALLPULSE_METRICS_TOKEN": "secret",
        "HALLPULSE_DATABASE_URL": "d",
    }
    told = without_secrets({**secrets, "HALLPULSE_AMQP_URL": "amqp://user:secret@broker/"})
    assert told == {"HALLPULSE_AMQP_URL": "amqp://none/", "HALLPULSE_DATABASE_URL": "d"}


@pytest.mark.attack
def test_a_process_that_reads_a_file_may_use_so_much_and_no_more() -> None:
    program = (
        "from services.catalogue.upload_work import limit_oneself, MEMORY; limit_oneself()\n"
        "try: bytearray(MEMORY)\nexcept MemoryError: print('refused')"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "refused\n"


def test_a_file_whose_reading_cannot_begin_bars_no_other(store: Store) -> None:
    """While the catalogue service is down."""
    made = Peopled(store)
    with made.client:
        bureau = made.sign_in("bureau")
        for _ in range(2):
            answer = bureau.upload(CATALOGUE.encode(), region=COUNTY, kind="catalogue")
            assert (answer.status_code, "catalogue" in answer.json()["detail"]) == (503, True)
        assert bureau.get("/v1/uploads", region=COUNTY).json()["uploads"] == []
