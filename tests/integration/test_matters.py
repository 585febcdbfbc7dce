"""Matters of supervision through the gateway on a real database: who may what, and what the texts say."""

from __future__ import annotations

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import docx
import psycopg
import pytest

from hallpulse.calendars import load_overrides, national_calendar
from hallpulse.plans import load_plans
from hallpulse.store import Grant, Store
from services.gateway.service_calls import open_services
from services.notices.channels import Addresses, Channels, Robot
from tests.gateway_ground import COUNTY, PLANS, READ_TOKEN, FakeClock
from tests.integration.test_service_calls import running
from tests.integration.test_store import cloud_event, item, step
from tests.merging import decoded
from tests.peopled import OTHER_COUNTY, Peopled, Signed
from tests.servers import Vhost
from tests.supervising import DirectServices

TODAY = datetime(2026, 9, 2, 4, tzinfo=UTC)
"""A Wednesday; the day after is a holiday of the prefecture."""
EVIL = "<script>alert(1)</script>"
FIRST = {"region": str(COUNTY), "about": "target", "subject": "settled_items", "department": "data-bureau"}


def opened_case(name: str, accepted: str, promised: int = 2) -> list[dict[str, Any]]:
    data = {
        "case_id": name,
        "item_code": "i-1",
        "department": "justice",
        "channel": "window",
        "promised_days": promised,
    }
    return [
        cloud_event("case.received", f"{accepted}T09:00:00", f"{name}-r", data),
        step(name, "accepted", accepted),
    ]


EVENTS = [
    item(5, "2026-01-01", "v1", settled=True, department="data-bureau", item_code="i-1", name="户口登记"),
    item(5, "2026-01-01", "v2", settled=False, department="data-bureau", item_code="i-2"),
    *opened_case("red", "2026-08-20"),
    *opened_case("yellow", "2026-08-28"),
    *opened_case("fine", "2026-09-01"),
    *opened_case("done-late", "2026-08-03"),
    step("done-late", "decided", "2026-08-19", outcome="granted"),
    *opened_case("slow", "2026-08-03", promised=0),
    step("slow", "decided", "2026-08-06", outcome="granted"),
]


@pytest.fixture
def people(store: Store) -> Iterator[Peopled]:
    store.judge_by(load_plans(PLANS))
    store.apply_calendars([national_calendar(), *load_overrides(Path(__file__).parents[2] / "calendars")])
    store.halls.add(COUNTY, "hall-1", ["case", "item"], "h" * 64, "政务大厅", "Government Hall")
    store.merge(decoded(EVENTS), TODAY)
    clock = FakeClock(TODAY)
    made = Peopled(store, clock, services=DirectServices(store, clock))
    made.add("data-bureau", Grant("department", COUNTY, department="data-bureau"))
    with made.client:
        yield made


def opened(bureau: Signed, **more: Any) -> dict[str, Any]:
    answer = bureau.post("/v1/matters", {**FIRST, **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def decide(who: Signed, matter: int, verdict: str, **more: Any) -> Any:
    return who.post("/v1/matters/decide", {"matter": matter, "verdict": verdict, **more})


def answer(who: Signed, matter: int, **more: Any) -> Any:
    said = {"cause": "进驻窗口不足", "measures": "增设三个窗口", "done_by": "2026-09-20"}
    return who.post("/v1/matters/answer", {"matter": matter, **said, **more})


def listed(who: Signed, **more: Any) -> list[dict[str, Any]]:
    found = who.get("/v1/matters", region=COUNTY, **more)
    assert found.status_code == 200, found.text
    return list(found.json()["matters"])


def test_a_matter_goes_up_the_ladder_and_is_closed_with_its_history(people: Peopled) -> None:
    bureau, department = people.sign_in("bureau"), people.sign_in("data-bureau")
    matter = opened(bureau, reason="请重视")
    number = matter["matter"]
    assert (matter["rung"], matter["state"], matter["waits_for"]) == ("reminder", "waiting", "department")
    assert matter["deadline"] == "2026-09-08", "three working days: Thursday is a holiday here"
    assert matter["department_names"]["zh"].startswith("县政务服务和数字化")
    assert matter["may"] == ["closed"]
    (own,) = listed(department, department="data-bureau")
    assert (own["matter"], own["may"]) == (number, ["answered"])

    assert answer(department, number).json()["state"] == "answered"
    assert answer(department, number).status_code == 409
    assert decide(bureau, number, "returned").status_code == 422, "a return has a reason"
    back = decide(bureau, number, "returned", reason="没有说明完成到什么程度", deadline="2026-09-04")
    assert (back.json()["state"], back.json()["deadline"]) == ("returned", "2026-09-04")
    people.clock.now += timedelta(days=3)
    (late,) = listed(bureau)
    assert (late["state"], late["next_rung"], late["may"]) == ("late", "rectification", ["raised", "closed"])
    up = decide(bureau, number, "raised").json()
    assert (up["rung"], up["state"]) == ("rectification", "waiting")
    assert "逾期未答复" in up["entries"][-1]["text"]["zh"]
    assert "责成县政务服务和数字化" in up["entries"][-1]["text"]["zh"]
    assert answer(department, number, measures=f"已增设 {EVIL}").status_code == 201
    of_target = listed(bureau, target="settled_items", which="all")
    assert of_target == [bureau.get(f"/v1/matters/{number}").json()], "with its entries, in one answer"
    assert listed(bureau, target="promised_limit", which="all") == []
    assert "entries" not in listed(bureau)[0]
    assert department.get("/v1/matters", region=COUNTY, target="settled_items").status_code == 403
    done = decide(bureau, number, "closed").json()
    assert (done["state"], done["waits_for"], done["may"]) == ("closed", None, [])
    assert [(one["deed"], one["by"]) for one in done["entries"]] == [
        ("opened", "王bureau (bureau)"),
        ("answered", "王data-bureau (data-bureau)"),
        ("returned", "王bureau (bureau)"),
        ("raised", "王bureau (bureau)"),
        ("answered", "王data-bureau (data-bureau)"),
        ("closed", "王bureau (bureau)"),
    ]
    assert listed(bureau) == []
    assert [one["matter"] for one in listed(bureau, which="all")] == [number]
    lines = [(line.entry.action, line.claimed, line.entry.subject) for line in people.lines("matter")]
    assert lines == [(f"matter.{one['deed']}", one["by"], str(number)) for one in done["entries"]]


def test_the_text_says_exactly_what_the_api_says(people: Peopled) -> None:
    bureau = people.sign_in("bureau")
    targets = bureau.get("/v1/targets", region=COUNTY).json()["targets"]
    target = next(one for one in targets if one["id"] == "settled_items")
    assert (target["numerator"], target["denominator"], target["state"]) == (1, 2, "behind")
    draft = bureau.get("/v1/matters/draft", region=COUNTY, about="target", subject="settled_items").json()
    matter = opened(bureau)
    entry = matter["entries"][0]
    assert (entry["text"], entry["facts"]) == (draft["text"], draft["facts"])
    wanted = f"完成值50.00%（1/2），应达{target['required'] * 100:.2f}%，目标值{target['goal'] * 100:.2f}%"
    assert wanted in entry["text"]["zh"]
    assert f"低于目标{abs(target['gap']) * 100:.2f}个百分点，状态：进度落后" in entry["text"]["zh"]
    assert "于2026年9月8日前说明原因、措施和完成时限" in entry["text"]["zh"]
    assert not any("一" <= sign <= "鿿" for sign in entry["text"]["en"])

    found = bureau.get("/v1/indicators", region=COUNTY, department="justice").json()
    kept = next(one for one in found["indicators"] if one["id"] == "due_kept_rate")
    outstanding = bureau.get("/v1/outstanding", region=COUNTY, department="justice").json()["departments"]
    owed = sum(cell["state"] in ("missing", "returned") for row in outstanding for cell in row["months"])
    text = opened(bureau, about="department", subject="justice", department="justice")["entries"][0]["text"]["zh"]
    assert f"超期{found['open_cases']['overdue']}件、临期{found['open_cases']['due_soon']}件" in text
    assert f"（{kept['numerator']}/{kept['denominator']}）；欠报月报{owed}个月" in text
    assert found["open_cases"]["overdue"] == 2


def test_a_late_case_has_a_card_and_a_red_one_is_put_right_at_once(people: Peopled) -> None:
    bureau = people.sign_in("bureau")
    drafts = {
        name: bureau.get("/v1/matters/draft", region=COUNTY, about="case", subject=f"hall-1/{name}").json()
        for name in ("red", "yellow", "fine", "done-late")
    }
    assert {name: (one["card"], one["rung"]) for name, one in drafts.items()} == {
        "red": ("red", "rectification"),
        "yellow": ("yellow", "reminder"),
        "fine": (None, "reminder"),
        "done-late": ("red", "rectification"),
    }
    assert "政务大厅办件red（户口登记）2026-08-24到期，已超期7个工作日，红牌。" in drafts["red"]["text"]["zh"]
    assert "办结时已超期10个工作日" in drafts["done-late"]["text"]["zh"]
    about = {"about": "case", "department": "justice"}
    matter = opened(bureau, subject="hall-1/red", **about)
    assert (matter["rung"], matter["department"]) == ("rectification", "justice")
    refused = bureau.post("/v1/matters", {**FIRST, **about, "subject": "hall-1/fine"})
    assert (refused.status_code, refused.json()["field"]) == (422, "subject")
    assert (
        bureau.get("/v1/matters/draft", region=COUNTY, about="case", subject="hall-1/red").json()["open"]
        == (matter["matter"])
    )


def test_a_finding_and_a_task_are_supervised_too(people: Peopled) -> None:
    bureau = people.sign_in("bureau")
    checks = bureau.get("/v1/integrity", region=COUNTY).json()["checks"]
    check = next(one for one in checks if any(group["by"] == "department" for group in one["groups"]))
    group = next(group for group in check["groups"] if group["by"] == "department")
    matter = opened(bureau, about="finding", subject=check["id"], department=group["id"])
    assert f"“{check['names']['zh']}”" in matter["entries"][0]["text"]["zh"]
    assert f"{group['count']}项" in matter["entries"][0]["text"]["zh"]
    task = opened(bureau, about="task", subject="14", department="justice")
    assert (
        "任务清单第14项“府院联动”（应于2026年12月31日前完成），县司法局填报进展：未开始"
        in task["entries"][0]["text"]["zh"]
    )


def test_the_department_has_one_open_matter_of_a_subject(people: Peopled) -> None:
    bureau = people.sign_in("bureau")
    number = opened(bureau)["matter"]
    again = bureau.post("/v1/matters", FIRST)
    assert (again.status_code, again.json()["type"]) == (409, "/problems#not-now")
    assert decide(bureau, number, "closed", reason="误发").status_code == 201
    assert opened(bureau)["matter"] != number


@pytest.mark.attack
def test_each_role_does_its_own_part_and_nothing_else(people: Peopled) -> None:
    people.add("other", Grant("bureau", OTHER_COUNTY))
    bureau, department = people.sign_in("bureau"), people.sign_in("data-bureau")
    number = opened(bureau)["matter"]
    roles = {name: people.sign_in(name) for name in ("department", "hall", "leader", "operator", "other")}
    for name, who in roles.items():
        assert who.post("/v1/matters", {**FIRST, "about": "department", "subject": "justice"}).status_code == 403, name
        assert decide(who, number, "closed", reason="x").status_code == 403, name
        assert answer(who, number).status_code == 403, name
    assert answer(bureau, number).status_code == 403
    assert decide(department, number, "closed", reason="x").status_code == 403
    for name in ("hall", "operator", "other"):
        assert roles[name].get("/v1/matters", region=COUNTY).status_code == 403, name
        assert roles[name].get(f"/v1/matters/{number}").status_code == 403, name
    stranger = roles["department"]
    for path in (f"/v1/matters/{number}", "/v1/matters/999999", f"/v1/matters/{number}?format=docx"):
        assert stranger.get(path).status_code == 403, path
    assert stranger.get("/v1/matters", region=COUNTY).status_code == 403
    assert listed(stranger, department="justice") == []
    assert stranger.get("/v1/matters", region=COUNTY, department="data-bureau").status_code == 403
    question = {"about": "case", "subject": "hall-1/red", "department": "justice"}
    assert stranger.get("/v1/matters/draft", region=COUNTY, **question).status_code == 403
    (seen,) = listed(roles["leader"])
    assert (seen["matter"], seen["may"]) == (number, [])
    assert roles["leader"].get(f"/v1/matters/{number}").status_code == 200
    token = {"authorization": f"Bearer {READ_TOKEN}"}
    assert people.client.get(f"/v1/matters/{number}", headers=token).json()["may"] == []
    told = {(line.claimed, line.entry.detail.get("what")) for line in people.lines("access.denied")}
    assert ("王hall (hall)", "POST /v1/matters") in told
    assert ("王department (department)", "GET /v1/matters/{matter_id}") in told
    assert len(people.store.matters.find(number).entries) == 1  # type: ignore[union-attr]


@pytest.mark.attack
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"subject": "nothing"}, "subject"),
        ({"subject": "a\0b"}, "subject"),
        ({"department": "justice"}, "department"),
        ({"department": "nobody"}, "department"),
        ({"rung": "criticism"}, "rung"),
        ({"deadline": "2026-09-01"}, "deadline"),
        ({"deadline": "2029-01-01"}, "deadline"),
        ({"reason": "电话 13912345678"}, "reason"),
        ({"reason": "\u202e反"}, "reason"),
        ({"reason": "x" * 2001}, "reason"),
        ({"region": "22242a"}, "region"),
        ({"about": "case", "subject": "hall-1"}, "subject"),
        ({"about": "case", "subject": "hall-1/none"}, "subject"),
        ({"about": "finding", "subject": "none"}, "subject"),
        ({"about": "task", "subject": "99"}, "subject"),
    ],
)
def test_a_matter_that_cannot_be_meant_is_refused_with_its_field(
    people: Peopled, body: dict[str, Any], field: str
) -> None:
    refused = people.sign_in("bureau").post("/v1/matters", {**FIRST, **body})
    assert (refused.status_code, refused.json().get("field")) == (422, field), refused.text
    assert people.lines("matter") == []


@pytest.mark.attack
def test_an_answer_that_is_not_whole_is_refused_and_a_script_in_one_is_text(people: Peopled) -> None:
    bureau, department = people.sign_in("bureau"), people.sign_in("data-bureau")
    number = opened(bureau)["matter"]
    for body in ({"cause": " "}, {"measures": ""}, {"cause": "a\0b"}, {"measures": "身份证 110101199003070134"}):
        refused = answer(department, number, **body)
        assert (refused.status_code, refused.json()["field"]) == (422, next(iter(body))), refused.text
    assert answer(department, number, done_by="2026-09-01").status_code == 422
    assert answer(department, 0).status_code == 422
    assert answer(department, number, cause=EVIL).json()["answer"]["cause"] == EVIL
    page = department.get(f"/v1/matters/{number}", format="html")
    assert EVIL not in page.text
    assert "&lt;script&gt;" in page.text
    assert page.headers["content-disposition"].startswith("attachment")


def test_the_sheet_is_an_official_document_with_the_text_the_figures_and_the_history(people: Peopled) -> None:
    bureau, department = people.sign_in("bureau"), people.sign_in("data-bureau")
    matter = opened(bureau)
    number = matter["matter"]
    blank = docx.Document(io.BytesIO(bureau.get(f"/v1/matters/{number}", format="docx").content))
    text = "\n".join(one.text for one in blank.paragraphs)
    assert "汪清县政务服务督办单" in text
    assert f"（提醒，第{number}号）" in text
    assert matter["entries"][0]["text"]["zh"] in text
    assert "原因：＿＿" in text, "to be written on"
    answer(department, number)
    sheet = docx.Document(io.BytesIO(department.get(f"/v1/matters/{number}", format="docx").content))
    text = "\n".join(one.text for one in sheet.paragraphs)
    assert "原因：进驻窗口不足" in text
    assert "完成时限：2026年9月20日" in text
    assert "附件" not in text
    figures, history = sheet.tables[0], sheet.tables[1]
    assert [row.cells[0].text for row in figures.rows][1:3] == ["完成值", "应达"]
    assert [row.cells[1].text for row in history.rows][1:] == ["王bureau (bureau)", "王data-bureau (data-bureau)"]
    assert bureau.get(f"/v1/matters/{number}", format="pdf").content.startswith(b"%PDF")
    assert bureau.get(f"/v1/matters/{number}", format="xlsx").status_code == 400


def test_those_concerned_are_told_by_their_channels(store: Store, people: Peopled) -> None:
    robot = Addresses(wecom=[Robot(url="http://127.0.0.1:9/x")])
    channels = Channels(receivers={"bureau": robot, f"{COUNTY}/data-bureau": robot})
    people.app.state.resources.services.channels = channels
    bureau, department = people.sign_in("bureau"), people.sign_in("data-bureau")
    number = opened(bureau)["matter"]
    answer(department, number)
    decide(bureau, number, "closed")
    due = store.notices.due(people.clock.now, timedelta(minutes=1))
    assert [(one.message.receiver, one.message.title) for one in due] == [
        (f"{COUNTY}/data-bureau", f"【督办·提醒】进驻事项占比（第 {number} 号）"),
        ("bureau", f"【督办·提醒·已答复】进驻事项占比（第 {number} 号）"),
        (f"{COUNTY}/data-bureau", f"【督办·提醒·已办结】进驻事项占比（第 {number} 号）"),
    ]
    assert "增设三个窗口" in due[1].message.body


@pytest.mark.attack
@pytest.mark.parametrize("table", ["matters", "matter_entries", "task_reports"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET region = 1", "DELETE FROM {}", "TRUNCATE {}"])
def test_the_history_is_only_added_to(people: Peopled, store_url: str, table: str, statement: str) -> None:
    opened(people.sign_in("bureau"))
    text = statement.format(table).replace("region = 1", "by = ''" if table != "matters" else "region = 1")
    with psycopg.connect(store_url, autocommit=True) as connection, pytest.raises(psycopg.Error, match="append-only"):
        connection.execute(text)


def test_two_people_who_act_at_once_do_not_both(people: Peopled, store: Store) -> None:
    """The second finds the matter as the first left it, whatever was on its screen."""
    bureau = people.sign_in("bureau")
    number = opened(bureau)["matter"]
    services = people.app.state.resources.services

    def close(_: int) -> str:
        try:
            services.ask(type(None), "notices", "decide_matter", number, {"deed": "closed", "reason": "误发"}, "王")
        except Exception as error:
            return str(error)
        return "closed"

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(close, range(8)))
    assert told.count("closed") == 1
    assert all("closed" in one for one in told)
    matter = store.matters.find(number)
    assert matter is not None
    assert len(matter.entries) == 2


def test_the_services_that_own_it_do_the_same_through_the_broker(
    store: Store, store_url: str, vhost: Vhost, tmp_path: Path
) -> None:
    """With real processes, by the clock of the machine: deadlines are counted from its day."""
    store.judge_by(load_plans(PLANS))
    settings = {
        "HALLPULSE_DATABASE_URL": store_url, "HALLPULSE_AMQP_URL": vhost.amqp_url, "HALLPULSE_PLANS": str(PLANS),
        "HALLPULSE_ALERTMANAGER_URL": "http://127.0.0.1:9",
    }  # fmt: skip
    today = datetime.now(UTC)
    opening = {
        "region": COUNTY, "about": "target", "subject": "settled_items", "department": "data-bureau",
        "title": ["进驻事项占比", "settled items"], "rung": "reminder",
        "deadline": (today + timedelta(days=5)).date().isoformat(), "told": {"text": ["请说明。", "Explain."]},
    }  # fmt: skip
    with running(["notices", "reports"], tmp_path, **settings), open_services(vhost.amqp_url) as services:
        number = services.ask(int, "notices", "open_matter", opening, "王", seconds=30)
        said = {"cause": "原因", "measures": "措施", "done_by": (today + timedelta(days=9)).date().isoformat()}
        services.ask(type(None), "notices", "answer_matter", number, said, "李", seconds=30)
        sheet = services.ask(dict[str, str], "reports", "sheet", number, "html", seconds=60)
        assert sheet["name"] == f"{COUNTY}-matter-{number}.html"
        with pytest.raises(Exception, match="does not follow"):
            services.ask(type(None), "notices", "answer_matter", number, said, "李", seconds=30)
        with pytest.raises(Exception, match="no matter"):
            services.ask(type(None), "notices", "answer_matter", number + 1, said, "李", seconds=30)
        services.ask(type(None), "notices", "decide_matter", number, {"deed": "closed"}, "王", seconds=30)
    matter = store.matters.find(number)
    assert matter is not None
    assert [(one.deed.value, one.by) for one in matter.entries] == [
        ("opened", "王"),
        ("answered", "李"),
        ("closed", "王"),
    ]
