"""A county's catalogue in forty sheets and its cases of a year, as a bureau has them, give the figures of the stream
that they were drawn from."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import msgspec
import pytest
from openpyxl import Workbook

from hallpulse.contract.encode import encode_event
from hallpulse.contract.events import Accepted, CaseData, EventType, HallEvent, ItemPublished, Received
from hallpulse.domain.case import in_force, pack_id
from hallpulse.store.database import case_event
from services.importing.case_import import HallOfCases
from services.simulator import County, simulate
from services.simulator.county import moment
from tests.oracle import brute
from tests.shelf import Shelf, take
from tests.unit.test_simulator import PLAN, WORKDAYS

END = date(2026, 11, 15)
SHEETS = 40
CASES = int(os.environ.get("CASES", "1500"))
"""CASES=40000 is the year of a real county."""
CATALOGUE_HEAD = tuple(
    [
        "序号",
        "事项名称",
        "基本编码",
        "实施编码",
        "事项类型",
        "设定依据",
        "行使层级",
        "实施主体",
        "实施主体性质",
        "法定办结时限",
        "法定办结时限单位",
        "承诺办结时限",
        "承诺办结时限单位",
        "办件类型",
        "是否网办",
        "是否进驻政务大厅",
        "是否综合受理",
        "是否纳入新版全流程审批系统",
        "是否容缺受理",
        "是否告知承诺制",
        "计划生效日期",
    ]
)
CASE_HEAD = tuple(
    [
        "办件编号",
        "实施编码",
        "受理单位名称",
        "申请时间",
        "受理时间",
        "不予受理时间",
        "特别程序种类名称",
        "特别程序开始时间",
        "特别程序结束时间",
        "延期时间",
        "延期天数（工作日）",
        "办结时间",
        "办件状态",
        "撤件时间",
        "评价时间",
        "满意度",
        "申报来源",
        "是否综合受理",
        "是否全流程",
        "法定办结时限（工作日）",
        "承诺办结时限（工作日）",
    ]
)
KINDS = {
    "licensing": "01", "levy": "04", "payment": "05", "inspection": "06", "confirmation": "07", "reward": "08",
    "adjudication": "09", "public_service": "20", "other": "10",
}  # fmt: skip
CHANNELS = {
    "window": "窗口办理",
    "online": "电脑端网上办理",
    "kiosk": "自助终端",
    "post": "快递申请",
    "mobile": "移动端网上申请",
}
SCORES = {5: "非常满意", 4: "满意", 3: "基本满意", 2: "不满意", 1: "非常不满意"}
OUTCOMES = {"granted": "准予许可", "refused": "不予许可", "other": "正常办结"}
PLACE = HallOfCases(222424, "hall")


@pytest.fixture(scope="module", name="stream")
def simulated() -> list[HallEvent]:
    return county_stream()


def county_stream() -> list[HallEvent]:
    """Items and cases of a simulated county, as one hall's; each case as its events in force tell it.

    Answers to ratings are left out: no table has columns for them.
    """
    county = County(PLAN, WORKDAYS, moment((END - date(1970, 1, 1)).days + 1), cases=CASES)
    events = [msgspec.structs.replace(sent.event, hall=PLACE.hall) for sent in simulate(county)]
    items = [event for event in events if event.type is EventType.ITEM_PUBLISHED]
    cases: dict[str, dict[str, HallEvent]] = {}
    for event in events:
        if isinstance(event.data, CaseData) and event.type is not EventType.CASE_RATING_ANSWERED:
            cases.setdefault(event.data.case_id, {})[event.id] = event
    standing: list[HallEvent] = []
    for own in cases.values():
        kept = in_force([case_event(event, pack_id(event.id)) for event in own.values()])
        standing += [own[event.id] for event in kept if event.id in own]
    return [*items, *standing]


def test_a_countys_tables_give_the_figures_of_their_stream(stream: list[HallEvent], tmp_path: Path) -> None:
    items = [event for event in stream if isinstance(event.data, ItemPublished)]
    assert len({event.data.entity for event in items}) > 1_200
    shelf = Shelf(PLACE)
    catalogue = take(write_catalogue(tmp_path / "目录.xlsx", items), "catalogue", shelf)
    assert (catalogue.asked, catalogue.rejected, catalogue.told.profile["id"]) == ([], [], "gbt39046-catalogue")
    assert sum(sheet["read"] for sheet in catalogue.told.sheets) == SHEETS
    cases = take(write_cases(tmp_path / "办件.xlsx", stream), "cases", shelf)
    assert (cases.asked, cases.rejected, cases.told.profile["id"]) == ([], [], "gbt39046-cases")
    expected = brute.read([json.loads(encode_event(event)) for event in stream])
    actual = brute.read([json.loads(encode_event(event)) for event in shelf.events.values()])
    for start, end in (
        (date(2026, 1, 1), END),
        (date(2026, 3, 1), date(2026, 3, 31)),
        (date(2026, 7, 1), date(2026, 9, 30)),
    ):
        assert brute.indicators(actual, "222424", start, end) == brute.indicators(expected, "222424", start, end)
    again = take(tmp_path / "办件.xlsx", "cases", shelf)
    assert (again.told.rows["unchanged"], again.new) == (cases.told.rows["new"], 0)


def write_catalogue(path: Path, items: Sequence[HallEvent]) -> Path:
    """Every version that ever held, forty departments' sheets, each with a title and a note."""
    latest: dict[tuple[str, str], HallEvent] = {}
    for event in sorted(items, key=lambda event: (event.time, event.id)):
        latest[event.data.entity, event.data.effective_from] = event  # type: ignore[attr-defined]
    rows = [item_row(number, event.data) for number, event in enumerate(latest.values(), start=1)]
    book = Workbook(write_only=True)
    for number in range(SHEETS):
        sheet = book.create_sheet(f"第{number + 1}册")
        sheet.append([f"某县政务服务事项实施清单（第{number + 1}册）"])
        sheet.append(CATALOGUE_HEAD)
        for row in rows[number::SHEETS]:
            sheet.append(row)
        sheet.append(["注：以实施编码为准。"])
    book.save(path)
    return path


def item_row(number: int, data: Any) -> list[Any]:
    flags = (data.settled, data.unified, data.full_process, data.tolerates_missing, data.commitment)
    statutory = (None, None) if data.statutory_days is None else (data.statutory_days, "1")
    promised = (None, None) if data.promised_days is None else (data.promised_days, "1")
    handling = "1" if data.handling == "instant" else "2"
    return [
        *(number, data.name, data.basic_code, data.item_code, KINDS[data.kind], "《行政许可法》", "县级"),
        *(data.department, "法定机关", *statutory, *promised, handling, "1"),
        *("1" if flag else "0" for flag in flags),
        data.effective_from.replace("-", ""),
    ]


def write_cases(path: Path, events: Iterable[HallEvent]) -> Path:
    cases: dict[str, dict[EventType, HallEvent]] = {}
    for event in events:
        if isinstance(event.data, CaseData):
            cases.setdefault(event.data.case_id, {})[event.type] = event
    book = Workbook(write_only=True)
    sheet = book.create_sheet("办件")
    sheet.append(CASE_HEAD)
    for case_id, steps in cases.items():
        if EventType.CASE_RECEIVED in steps:
            sheet.append(case_row(case_id, steps))
    book.save(path)
    return path


def case_row(case_id: str, steps: dict[EventType, HallEvent]) -> list[Any]:
    received: Any = steps[EventType.CASE_RECEIVED].data
    assert isinstance(received, Received)
    over: Any = steps[EventType.CASE_ACCEPTED].data if EventType.CASE_ACCEPTED in steps else Accepted(case_id)
    carried = [
        getattr(received, name) if getattr(over, name) is None else getattr(over, name)
        for name in ("unified", "full_process", "statutory_days", "promised_days")
    ]
    extended: Any = steps[EventType.CASE_EXTENDED].data if EventType.CASE_EXTENDED in steps else None
    rated: Any = steps[EventType.CASE_RATED].data if EventType.CASE_RATED in steps else None
    return [
        *(case_id, received.item_code, received.department, at(steps, EventType.CASE_RECEIVED)),
        *(at(steps, EventType.CASE_ACCEPTED), at(steps, EventType.CASE_REJECTED)),
        *("现场勘验" if EventType.CASE_SUSPENDED in steps else None, at(steps, EventType.CASE_SUSPENDED)),
        *(at(steps, EventType.CASE_RESUMED), at(steps, EventType.CASE_EXTENDED), extended and extended.days),
        *(at(steps, EventType.CASE_DECIDED) or "-", status(steps), at(steps, EventType.CASE_WITHDRAWN)),
        *(at(steps, EventType.CASE_RATED), SCORES[rated.score] if rated else "未评价", CHANNELS[received.channel]),
        *({True: "是", False: "否", None: None}[flag] for flag in carried[:2]),
        *carried[2:],
    ]


def status(steps: dict[EventType, HallEvent]) -> str:
    if EventType.CASE_DECIDED in steps:
        decided: Any = steps[EventType.CASE_DECIDED].data
        return OUTCOMES[decided.outcome]
    if EventType.CASE_REJECTED in steps:
        return "不予受理"
    return "撤件" if EventType.CASE_WITHDRAWN in steps else "办理中"


def at(steps: dict[EventType, HallEvent], kind: EventType) -> str | None:
    if kind not in steps:
        return None
    local = datetime.fromtimestamp(steps[kind].time // 1_000_000, timezone(timedelta(hours=8)))
    return local.strftime("%Y%m%dT%H%M%S")
