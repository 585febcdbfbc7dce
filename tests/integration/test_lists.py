"""Lists on a real database: sought, sorted, paged and filed, each way told the same rows and the same numbers."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import msgspec
import pytest
from openpyxl import load_workbook

from hallpulse.domain.ladder import Deed, MatterEntry, NewMatter, Rung, Wording
from hallpulse.store import Grant, NewUpload, Store
from services.gateway import lists
from services.gateway.service_calls import Answer
from tests.gateway_ground import COUNTY, FakeClock
from tests.integration.test_store import cloud_event, item, step
from tests.merging import decoded
from tests.peopled import Peopled, Signed

TODAY = datetime(2026, 9, 2, 4, tzinfo=UTC)
EVIL = "=HYPERLINK(1)"
ORDERS = ("case_id", "item_code", "department", "hall", "channel", "received", "accepted", "due", "decided", "rated",
          "promised_days", "statutory_days", "elapsed", "score")  # fmt: skip


def one(number: int, **more: Any) -> list[dict[str, Any]]:
    """A case; the higher its number the later it was accepted, every third is decided, every fifth has no limit."""
    name = more.pop("name", f"case-{number:02}")
    day = f"2026-08-{1 + number % 28:02}"
    data = {"case_id": name, "item_code": f"i-{number % 3}", "department": ("justice", "water")[number % 2],
            "channel": ("window", "online")[number % 2], "promised_days": number % 5 + 1, **more}  # fmt: skip
    if number % 5 == 0:
        del data["promised_days"]
    events = [
        cloud_event("case.received", f"{day}T09:00:00", f"{name}-r", data),
        step(name, "accepted", day),
    ]
    if number % 3 == 0:
        events.append(step(name, "decided", "2026-08-31", outcome="granted"))
    return events


EVENTS = [
    item(5, "2026-01-01", "v0", item_code="i-0", name="户口登记", promised_days=2, statutory_days=20),
    item(5, "2026-01-01", "v1", item_code="i-1", name="采矿许可", promised_days=4, statutory_days=None),
    *(event for number in range(1, 31) for event in one(number)),
    *one(4, name=EVIL),
    cloud_event("figure.reported", "2026-04-01T09:00:00", "declared", {"indicator": "law_lectures",
                "department": "justice", "period": "2026-03", "revision": 0, "numerator": 1}),
]  # fmt: skip


class TwoAlerts:
    """A suite in which two alerts fire."""

    def ask(self, kind: type[Answer], service: str, method: str, /, *args: Any, **kwargs: Any) -> Answer:
        assert (service, method, args, kwargs) == ("notices", "fires", (), {})
        common = {"region": str(COUNTY), "started": "2026-08-20T09:00:00+08:00", "receivers": ["bureau"],
                  "silenced": False, "acknowledged": None, "acknowledged_by": None, "notes": []}  # fmt: skip
        alerts = [
            {**common, "fingerprint": "f1", "alert": "TargetMissed", "severity": "warning",
             "labels": {"target": "settled_items"}, "annotations": {"summary": "进驻", "summary_en": "Not settled"}},
            {**common, "fingerprint": "f2", "alert": "HallSilent", "severity": "critical", "labels": {"hall": "hall-1"},
             "annotations": {}},
        ]  # fmt: skip
        return msgspec.convert({"alerts": alerts}, kind)


@pytest.fixture
def people(store: Store) -> Iterator[Peopled]:
    store.halls.add(COUNTY, "hall-1", ["case", "item"], "h" * 64, "政务大厅", "Government Hall")
    store.merge(decoded(EVENTS), TODAY)
    made = Peopled(store, FakeClock(TODAY), services=TwoAlerts())
    told = MatterEntry(TODAY, "王", Deed.OPENED, Rung.REMINDER, TODAY.date(), Wording("请说明。", "Explain."))
    for subject, title in (("settled_items", "进驻事项占比"), ("instant_items", "即办件占比")):
        store.matters.open(NewMatter(COUNTY, "target", subject, "data-bureau", Wording(title, subject)), told)
    store.uploads.add(NewUpload(COUNTY, "cases", "hall-1", "b.csv", "bureau", "王bureau"), b"a,b", TODAY)
    with made.client:
        yield made


@pytest.fixture
def bureau(people: Peopled) -> Signed:
    return people.sign_in("bureau")


OPEN = {"region": str(COUNTY), "state": "open"}
ACCEPTED = {"region": str(COUNTY), "indicator": "acceptance_rate", "part": "denominator",
            "from": "2026-01-01", "to": "2026-09-02"}  # fmt: skip


def cases(who: Signed, **asked: Any) -> dict[str, Any]:
    found = who.get("/v1/cases", **asked)
    assert found.status_code == 200, found.text
    return dict(found.json())


def ids(page: dict[str, Any]) -> list[str]:
    return [case["case_id"] for case in page["cases"]]


def file_of(who: Signed, path: str, form: str, **asked: Any) -> list[list[str]]:
    """The rows of a file, the heads first, as texts."""
    answer = who.get(path, **asked, format=form)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"].startswith("attachment; ")
    if form == "csv":
        assert answer.content.startswith(b"\xef\xbb\xbf")
        return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    (sheet,) = load_workbook(io.BytesIO(answer.content)).worksheets
    assert not [cell for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]
    return [[_text(cell.value) for cell in row] for row in sheet.iter_rows()]


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.date().isoformat()
    return "" if value is None else str(value)


def test_a_list_is_sorted_by_any_column_and_its_pages_are_the_whole(bureau: Signed) -> None:
    for column in ORDERS:
        for sort in (column, f"-{column}"):
            check_order(bureau, column, sort)


def check_order(bureau: Signed, column: str, sort: str) -> None:
    whole = cases(bureau, **ACCEPTED, sort=sort)
    assert (whole["rows"], whole["total"]) == (31, 31)
    values = [case[column] for case in whole["cases"]]
    given = [value for value in values if value is not None]
    assert given == sorted(given, reverse=sort.startswith("-"))
    assert values[len(given) :] == [None] * (31 - len(given))
    by_offset = [
        case for at in range(0, 31, 7) for case in ids(cases(bureau, **ACCEPTED, sort=sort, limit=7, offset=at))
    ]
    by_cursor: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = cases(bureau, **ACCEPTED, sort=sort, limit=7, **cursor)
        by_cursor += ids(page)
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert ids(whole) == by_offset == by_cursor
    other = bureau.get("/v1/cases", **ACCEPTED, sort="case_id" if column != "case_id" else "due", **cursor)
    assert other.status_code == 400, "the cursor of another order"


def test_the_cards_of_a_list_are_those_that_its_cases_have(bureau: Signed) -> None:
    for asked, card in itertools.product((OPEN, ACCEPTED), ("yellow", "red")):
        whole = cases(bureau, **asked)
        wanted = [case["case_id"] for case in whole["cases"] if case["card"] == card]
        found = cases(bureau, **asked, card=card)
        assert wanted
        assert (ids(found), found["total"], found["rows"]) == (wanted, len(wanted), len(wanted))


def test_a_text_finds_cases_by_number_item_department_and_hall(bureau: Signed) -> None:
    whole = cases(bureau, **ACCEPTED)["cases"]
    matches: list[tuple[str, Callable[[dict[str, Any]], bool]]] = [
        ("case-1", lambda case: case["case_id"].startswith("case-1")),
        ("I-1", lambda case: case["item_code"] == "i-1"),
        ("户口", lambda case: case["item_code"] == "i-0"),
        ("水利", lambda case: case["department"] == "water"),
        ("water bureau", lambda case: case["department"] == "water"),
        ("政务大厅", bool),
        *((text, lambda case: case["case_id"] == "nobody") for text in ("%", "_", "\\", "'; DROP TABLE cases; --")),
    ]
    for text, fits in matches:
        wanted = [case["case_id"] for case in whole if fits(case)]
        found = cases(bureau, **ACCEPTED, text=text)
        assert (ids(found), found["total"]) == (wanted, len(wanted)), text


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_a_file_of_cases_has_exactly_the_rows_of_the_same_question(bureau: Signed, form: str) -> None:
    asked = {**ACCEPTED, "text": "i-1", "sort": "-due"}
    page = cases(bureau, **asked)
    heads, *rows = file_of(bureau, "/v1/cases", form, **asked)
    assert len(rows) == page["rows"] > 5
    told = [dict(zip(heads, row, strict=True)) for row in rows]
    for case, row in zip(page["cases"], told, strict=True):
        assert row["办件编号"] == (f"'{EVIL}" if case["case_id"] == EVIL else case["case_id"])
        assert (row["部门"], row["部门代码"]) == (case["department_names"]["zh"], case["department"])
        assert (row["大厅"], row["大厅代码"]) == ("政务大厅", "hall-1")
        assert (row["事项"], row["实施编码"]) == (case["item_name"], case["item_code"]) == ("采矿许可", "i-1")
        for head, key in (("受理", "accepted"), ("到期", "due"), ("办结", "decided"), ("承诺时限", "promised_days"),
                          ("超期（工作日）", "late_days"), ("计入", "amount")):  # fmt: skip
            assert row[head] == ("" if case[key] is None else str(case[key])), head
        assert row["红黄牌"] == {"yellow": "黄牌", "red": "红牌", None: ""}[case["card"]]
    chosen = file_of(bureau, "/v1/cases", form, **asked, columns="due,case_id", language="en")
    assert chosen[0] == ["case", "due"]
    assert [row[0] for row in chosen[1:]] == [row["办件编号"] for row in told]


def test_a_long_list_is_filed_whole_and_one_too_long_is_told(bureau: Signed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.gateway.cases.MOST_ROWS", 4)
    heads, *rows = file_of(bureau, "/v1/cases", "csv", **ACCEPTED)
    assert len(rows) == 31 == len({row[heads.index("办件编号")] for row in rows})
    for module in ("services.gateway.cases", "services.gateway.lists"):
        monkeypatch.setattr(f"{module}.MOST_FILE_ROWS", 30)
    refused = bureau.get("/v1/cases", **ACCEPTED, format="xlsx")
    assert refused.status_code == 422
    assert refused.json()["field"] == "format"
    assert "at most 30 rows in a file, got 31" in refused.json()["detail"]
    assert file_of(bureau, "/v1/cases", "csv", **ACCEPTED, card="red")


def test_a_file_of_items_is_what_is_behind_a_figure_of_the_catalogue(bureau: Signed) -> None:
    asked = {"region": str(COUNTY), "indicator": "promised_limit_compression", "part": "denominator", "sort": "-name"}
    page = cases(bureau, **asked)
    heads, *rows = file_of(bureau, "/v1/cases", "xlsx", **asked)
    assert page["items"]
    assert [row[heads.index("实施编码")] for row in rows] == [one["item_code"] for one in page["items"]]
    assert sum(int(row[heads.index("计入")]) for row in rows) == page["total"]
    assert cases(bureau, **asked, text="户口")["total"] == 20
    assert cases(bureau, **{**asked, "text": "没有"})["rows"] == 0


SMALL = {
    "/v1/matters": ("matters", {"text": "即办"}, "-matter", "rung:reminder"),
    "/v1/tasks": ("tasks", {"text": "政数局"}, "-due", "state:not_started"),
    "/v1/uploads": ("uploads", {"text": "b.csv"}, "-name", "kind:cases"),
    "/v1/alerts": ("alerts", {"text": "not settled"}, "severity", "severity:warning"),
    "/v1/figures": ("figures", {"text": "学法"}, "-period", "status:counted"),
    "/v1/departments": ("departments", {"text": "水利"}, "-open_overdue", "id:water"),
    "/v1/targets": ("targets", {"text": "即办"}, "-value", "state:missed"),
    "/v1/items": ("items", {"text": "户口"}, "-item_code", "settled:True"),
}
"""Route → where its list stands, a text that some rows have, an order, and a value of a column."""


def test_every_list_is_sought_sorted_and_filed_alike(bureau: Signed) -> None:
    for path in SMALL:
        check_list(bureau, path)


def check_list(bureau: Signed, path: str) -> None:
    name, sought, sort, only = SMALL[path]
    region = {"region": str(COUNTY)}

    def rows(**asked: str) -> list[Any]:
        found = bureau.get(path, **region, **asked)
        assert found.status_code == 200, found.text
        return list(found.json()[name])

    whole = rows()
    found = rows(**sought)
    assert 0 < len(found) < len(whole) or len(whole) == 1
    assert all(row in whole for row in found)
    in_order = rows(sort=sort)
    assert sorted(map(str, in_order)) == sorted(map(str, whole))
    assert all(row in whole for row in rows(only=only))
    for form in ("csv", "xlsx"):
        assert len(file_of(bureau, path, form, **region)) == 1 + len(whole)
        assert len(file_of(bureau, path, form, **region, **sought, only=only, sort=sort)) == 1 + len(
            rows(**sought, only=only, sort=sort)
        )
    for wrong in ({"sort": "nothing"}, {"only": "nothing:x"}, {"columns": "nothing", "format": "csv"}):
        refused = bureau.get(path, **region, **wrong)
        assert (refused.status_code, refused.json()["field"]) == (422, next(iter(wrong))), wrong


def test_the_figures_of_departments_are_filed_as_they_are_told(bureau: Signed) -> None:
    told = bureau.get("/v1/departments", region=COUNTY).json()["departments"]
    heads, *rows = file_of(bureau, "/v1/departments", "csv", region=str(COUNTY))
    checked = 0
    for department, row in zip(told, rows, strict=True):
        by_head = dict(zip(heads, row, strict=True))
        assert by_head["部门"] == department["names"]["zh"]
        assert by_head["超期"] == str(department["open_cases"]["overdue"])
        for one_ in department["indicators"]:
            assert by_head[f"{one_['names']['zh']}（分子）"] == str(one_["numerator"])
            if one_["unit"] != "count":
                value = by_head[one_["names"]["zh"]]
                assert (float(value) if value else None) == one_["value"]
                checked += 1
    assert checked > 20


def test_the_findings_of_one_check_are_a_list(bureau: Signed) -> None:
    asked = {"region": str(COUNTY), "check": "unknown_item"}
    (check,) = bureau.get("/v1/integrity", **asked).json()["checks"]
    heads, *rows = file_of(bureau, "/v1/integrity", "csv", **asked)
    assert len(rows) == len(check["cases"]) > 3
    assert heads[:3] == ["大厅", "大厅代码", "办件编号"]
    (sought,) = bureau.get("/v1/integrity", **asked, text="case-02").json()["checks"]
    assert [row["case_id"] for row in sought["cases"]] == ["case-02"]
    assert sought["count"] == check["count"]
    assert bureau.get("/v1/integrity", region=COUNTY, check="nothing").status_code == 422


def test_the_name_of_a_file_says_what_where_and_when(bureau: Signed) -> None:
    answer = bureau.get("/v1/matters", region=COUNTY, format="csv")
    name = unquote(answer.headers["content-disposition"].partition("UTF-8''")[2])
    assert name == "督办-汪清县-20260902.csv"


@pytest.mark.attack
def test_a_file_opens_to_nobody_that_the_list_does_not(people: Peopled) -> None:
    department, hall = people.sign_in("department"), people.sign_in("hall")
    for who, own in ((department, {"department": "justice"}), (hall, {"hall": "hall-1"})):
        for form in ("csv", "xlsx"):
            assert who.get("/v1/cases", **OPEN, format=form).status_code == 403
            rows = file_of(who, "/v1/cases", form, **OPEN, **own)
            assert len(rows) == 1 + cases(who, **OPEN, **own)["rows"]
    departments = {row[rows[0].index("部门代码")] for row in rows[1:]}
    assert departments == {"justice", "water"}
    for path in ("/v1/alerts", "/v1/departments", "/v1/targets"):
        assert department.get(path, region=COUNTY, format="csv").status_code == 403, path
    assert hall.get("/v1/matters", region=COUNTY, format="csv").status_code == 403
    people.lines()
    assert [one for one in people.store.audit.readings() if "format=csv" in one.subject], "a file is a reading of cases"


def test_grants_of_a_prefecture_file_the_names_of_its_counties(people: Peopled) -> None:
    people.add("prefecture", Grant("bureau", 222400))
    rows = file_of(people.sign_in("prefecture"), "/v1/cases", "csv", region="222400", state="open", card="red")
    assert {row[rows[0].index("地区")] for row in rows[1:]} == {"汪清县"}


def test_a_file_holds_no_more_rows_than_it_says() -> None:
    assert lists.MOST_FILE_ROWS == 50_000
