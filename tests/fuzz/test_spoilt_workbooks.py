"""Spoilt tables over a known truth: every row is read right, refused or asked about, never silently another one.

FILES=2000 draws that many; SEED=n repeats a run.
"""

from __future__ import annotations

import csv
import io
import json
import os
import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from hallpulse.contract.events import Decided, ItemPublished, Received
from hallpulse.domain.workdays import time_text
from services.importing.case_import import HallOfCases
from services.importing.problems import TableError
from tests.shelf import Import, Shelf, take

FILES = int(os.environ.get("FILES", "200"))
SEED = int(os.environ.get("SEED") or random.randrange(1 << 30))
PLACE = HallOfCases(222424, "hall")
DEPARTMENTS = ("县公安局", "县林业局", "县市场监督管理局")
Dice = random.Random


@dataclass(frozen=True)
class Item:
    """A row of a catalogue as it is meant; limits in working days."""

    code: str
    name: str
    department: str
    instant: bool
    statutory: int | None
    promised: int
    settled: bool | None


@dataclass(frozen=True)
class Case:
    """A row of cases as it is meant; ended: how, `open` for not yet."""

    code: str
    item: str
    department: str
    received: datetime
    accepted: datetime | None
    decided: datetime | None
    ended: str


def true_items(dice: Dice) -> list[Item]:
    items = []
    for number in range(dice.randint(1, 6)):
        instant = dice.random() < 0.3
        statutory = dice.choice((None, 5, 10, 20, 30))
        promised = 0 if instant else dice.choice((1, 3, 5))
        code = dice.choice((f"a-{number}", f"0001310100{number:02}", f"1100{number}00131010000{number}"))
        settled = dice.choice((True, False, None))
        items.append(Item(code, f"事项{number}", dice.choice(DEPARTMENTS), instant, statutory, promised, settled))
    return items


def true_cases(dice: Dice) -> list[Case]:
    cases = []
    for number in range(dice.randint(1, 6)):
        received = datetime(2026, 3, 2, 9) + timedelta(minutes=dice.randrange(60 * 24 * 60))  # noqa: DTZ001
        accepted = received + timedelta(minutes=dice.randrange(600))
        ended = dice.choice(("decided", "decided", "decided", "open", "rejected", "withdrawn"))
        decided = accepted + timedelta(minutes=dice.randrange(60 * 24 * 20)) if ended != "open" else None
        code = dice.choice((f"c-{number}", f"22242420260302{number:04}", f"00{number}17"))
        cases.append(Case(code, "a-1", dice.choice(DEPARTMENTS), received, accepted, decided, ended))
    return cases


CONTROL = ("\u200b{}", "{}\u3000", " {} ", "{}\t", "{}", "{}", "{}", "{}")
EMPTY = ("", None, "-", "/", "—", "无", "NULL", " ")
NO_DATE = (*EMPTY, "未办结", "0000-00-00 00:00:00", "1900-01-01", "9999-12-31", 0, "待办")


def spoilt_code(dice: Dice, code: str, *, typed: bool) -> Any:
    """As it is, wrapped in signs, or as a spreadsheet makes a number of it."""
    draw = dice.random()
    if code.isdigit() and draw < 0.25 and typed:  # in a text nobody could tell that zeros are lost
        return float(code)
    if code.isdigit() and len(code) > 11 and draw < 0.35:
        return f"{float(code):.5E}"
    return dice.choice(CONTROL).format(code)


def limit_written(dice: Dice, days: int | None, unit: str) -> Any:
    """A limit of working days, where the header or a column says `unit`, or the cell itself must."""
    if days is None:
        return dice.choice(("无", "无期限", "不适用"))
    if days == 0:
        return dice.choice((0, "0", "当场办结", "即办"))
    if unit:
        return dice.choice((days, float(days), str(days), f"{days}个工作日" if unit == "工作日" else str(days)))
    return dice.choice(
        (f"{days}个工作日", f"{days}工作日", f"{days}（工作日）", f"自受理之日起{days}个工作日内", str(days), days)
    )


def date_written(dice: Dice, moment: datetime | None, *, typed: bool) -> Any:
    if moment is None:
        return dice.choice(NO_DATE)
    forms = [
        "%Y-%m-%d %H:%M",
        "%Y/%m/%d %H:%M:%S",
        "%Y年%m月%d日 %H:%M",
        "%Y%m%dT%H%M%S",
        "%Y.%m.%d %H:%M",
        "%Y%m%d%H%M%S",
    ]
    if dice.random() < 0.06:
        return moment.strftime(dice.choice(("%d/%m/%Y", "%m月%d日", "%y-%m-%d")))
    if typed and dice.random() < 0.3:
        return moment
    return moment.strftime(dice.choice(forms))


WORDS = {
    "decided": ("正常办结", "办结", "准予", "不予许可", "准予许可"),
    "open": ("办理中", "受理", "审核中", "在办"),
    "rejected": ("不予受理",),
    "withdrawn": ("撤件", "撤销申请"),
}


@dataclass
class Drawn:
    """A table about to be written: its columns, its rows, and what is drawn around them."""

    head: list[str]
    rows: list[list[Any]]
    typed: bool


def drawn_catalogue(dice: Dice, items: Sequence[Item], *, typed: bool) -> Drawn:
    units = {name: dice.choice(("", "工作日", "工作日", "column")) for name in ("statutory", "promised")}
    columns: list[tuple[str, Callable[[Item], Any]]] = [
        (
            dice.choice(("实施编码", "*事项编码", "事项 编码", "实施编码（31位）")),
            lambda item: spoilt_code(dice, item.code, typed=typed),
        ),
        (
            dice.choice(("事项名称", "事项名称\nname", "＊事项名称")),
            lambda item: dice.choice(CONTROL).format(item.name),
        ),
        (dice.choice(("部门", "实施主体", "责任部门")), lambda item: dice.choice(CONTROL).format(item.department)),
        (
            "办件类型",
            lambda item: dice.choice(("即办件", "即办") if item.instant else ("承诺件", " 承诺件")),
        ),
    ]
    for name, title in (("statutory", "法定办结时限"), ("promised", "承诺时限")):
        unit = units[name]
        shown = f"{title}（工作日）" if unit == "工作日" else title
        columns.append((shown, _limit_of(dice, name, unit)))
        if unit == "column":
            columns.append((f"{title}单位", lambda _: dice.choice(("工作日", "个工作日", "1"))))
    if dice.random() < 0.7:
        columns.append(("是否进驻", lambda item: {True: "是", False: "否", None: None}[item.settled]))
    columns += [("备注", lambda _: dice.choice((None, "无", "见附件")))] * (dice.random() < 0.5)
    dice.shuffle(columns)
    return Drawn([title for title, _ in columns], [[cell(item) for _, cell in columns] for item in items], typed)


def _limit_of(dice: Dice, name: str, unit: str) -> Callable[[Item], Any]:
    return lambda item: limit_written(dice, getattr(item, name), unit)


def drawn_cases(dice: Dice, cases: Sequence[Case], *, typed: bool) -> Drawn:
    status = dice.choice(("办件状态", "办结类型", "办理结果"))
    columns: list[tuple[str, Callable[[Case], Any]]] = [
        (dice.choice(("办件编号", "受理号", "业务流水号")), lambda case: spoilt_code(dice, case.code, typed=typed)),
        (dice.choice(("实施编码", "事项编码")), lambda case: case.item),
        (dice.choice(("部门", "受理部门", "审批部门")), lambda case: dice.choice(CONTROL).format(case.department)),
        (
            dice.choice(("收件时间", "接件时间", "申请时间")),
            lambda case: date_written(dice, case.received, typed=typed),
        ),
        ("受理时间", lambda case: date_written(dice, case.accepted, typed=typed)),
        (dice.choice(("办结时间", "实际办结时间")), lambda case: date_written(dice, case.decided, typed=typed)),
        (status, lambda case: dice.choice(WORDS[case.ended])),
    ]
    if dice.random() < 0.3:
        columns.append(("申请渠道", lambda _: dice.choice(("窗口", "网上办理", "吉事办", "1"))))
    return Drawn([title for title, _ in columns], [[cell(case) for _, cell in columns] for case in cases], typed)


def surrounded(dice: Dice, drawn: Drawn) -> list[list[Any]]:
    """The table with titles above, totals, blank rows, headings and notes around its rows."""
    width = len(drawn.head)
    lines: list[list[Any]] = []
    if dice.random() < 0.4:
        lines.append(["某县2026年目录"])
    if dice.random() < 0.2:
        lines.append(["填报单位：县政数局", *[None] * (width - 2), "2026年3月1日"])
    lines.append(list(drawn.head))
    for row in drawn.rows:
        lines.append(row)
        if dice.random() < 0.1:
            lines.append(dice.choice(([None] * width, ["一、行政许可"], list(drawn.head))))
    if dice.random() < 0.3:
        lines.append(["合计", f"{len(drawn.rows)}项", *[7] * (width - 2)])
    if dice.random() < 0.3:
        lines.append(["注：请各部门核对。"])
    return lines


def written(dice: Dice, folder: Path, lines: list[list[Any]], *, typed: bool) -> Path:
    if typed:
        return as_workbook(dice, folder / dice.choice(("a.xlsx", "a.xls", "a.et")), lines)
    if dice.random() < 0.1 and len({tuple(lines[0])}) == 1 and _is_header(lines[0]):
        objects = [dict(zip(lines[0], line, strict=False)) for line in lines[1:]]
        path = folder / "a.json"
        path.write_text(json.dumps(objects, ensure_ascii=False, default=str), encoding="utf-8")
        return path
    separator = dice.choice((",", ";", "\t", "|"))
    encoding = dice.choice(("utf-8", "utf-8-sig", "utf-16", "gb18030"))
    text = io.StringIO()
    end, quoting = dice.choice((("\n", csv.QUOTE_MINIMAL), ("\r\n", csv.QUOTE_MINIMAL), ("\r", csv.QUOTE_ALL)))
    csv.writer(text, delimiter=separator, lineterminator=end, quoting=quoting).writerows(lines)  # type: ignore[arg-type]
    path = folder / dice.choice(("a.csv", "a.txt", "a.xlsx"))
    path.write_bytes(text.getvalue().encode(encoding))
    return path


def _is_header(line: Sequence[Any]) -> bool:
    return all(isinstance(cell, str) for cell in line) and len(line) > 3


def as_workbook(dice: Dice, path: Path, lines: list[list[Any]]) -> Path:
    book = Workbook()
    sheet: Any = book.active
    if dice.random() < 0.2:
        book.create_sheet("说明", 0).append(["请按说明填写"])
    if dice.random() < 0.2:
        hidden = book.create_sheet("去年")
        for line in lines:
            hidden.append(line)
        hidden.sheet_state = "hidden"
    for line in lines:
        sheet.append(line)
    for row in range(2, sheet.max_row + 1):
        sheet.row_dimensions[row].hidden = dice.random() < 0.05
    book.save(path)
    return path


def imported(file: Path, kind: str) -> Import | None:
    """None where the file is refused as a whole; open questions are answered by their defaults, else left open."""
    shelf = Shelf(PLACE)
    options = {"effective_from": date(2026, 1, 1)} if kind == "catalogue" else {}
    try:
        return take(file, kind, shelf, take_defaults=True, **options)  # type: ignore[arg-type]
    except TableError as refused:
        told = refused.text
    assert re.search(r"[\u4e00-\u9fff]", told.zh)
    return None


def check_items(items: Sequence[Item], done: Import) -> None:
    told = {event.data.item_code: event.data for event in done.published if isinstance(event.data, ItemPublished)}
    assert len(told) + len(done.rejected) == len(items), (told, done.reasons)
    for code, data in told.items():
        (item,) = [item for item in items if item.code == code]
        assert (data.name, data.department) == (item.name, item.department)
        assert (data.handling == "instant", data.promised_days) == (item.instant, item.promised)
        assert data.statutory_days == item.statutory
        assert data.settled in (item.settled, None)


def check_cases(cases: Sequence[Case], done: Import) -> None:
    events: dict[str, dict[str, Any]] = {}
    for event in done.published:
        events.setdefault(event.data.entity, {})[event.type.name.removeprefix("CASE_").lower()] = event
    assert len(events) + len(done.rejected) == len(cases), (events, done.reasons)
    for code, steps in events.items():
        (case,) = [case for case in cases if case.code == code]
        received = steps["received"].data
        assert isinstance(received, Received)
        assert (received.item_code, received.department) == (case.item, case.department)
        assert _same(steps["received"].time, case.received)
        ends = {"decided": "decided", "rejected": "rejected", "withdrawn": "withdrawn", "open": ""}
        assert [step for step in ("decided", "rejected", "withdrawn") if step in steps] == [ends[case.ended]] * bool(
            ends[case.ended]
        )
        if case.decided is not None:
            assert _same(steps[case.ended].time, case.decided)
        if case.accepted is not None and case.ended != "rejected":
            assert _same(steps["accepted"].time, case.accepted)
        assert "decided" not in steps or isinstance(steps["decided"].data, Decided)


def _same(time: int, moment: datetime) -> bool:
    """To the minute: some writings have no seconds, and none of the truths has."""
    return time_text(time)[:16] == moment.strftime("%Y-%m-%dT%H:%M")


TALLY: Counter[str] = Counter()


@pytest.mark.parametrize("kind", ["catalogue", "cases"])
def test_no_row_of_a_spoilt_table_becomes_another(tmp_path_factory: pytest.TempPathFactory, kind: str) -> None:
    folder = tmp_path_factory.mktemp("spoilt")

    @seed(SEED)
    @settings(max_examples=FILES // 2, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.integers(0, 1 << 60))
    def tried(number: int) -> None:
        dice = random.Random(number)
        typed = dice.random() < 0.6
        truth: Any = true_items(dice) if kind == "catalogue" else true_cases(dice)
        drawn = (drawn_catalogue if kind == "catalogue" else drawn_cases)(dice, truth, typed=typed)
        done = imported(written(dice, folder, surrounded(dice, drawn), typed=typed), kind)
        TALLY["files"] += 1
        if done is None or done.told.open:
            TALLY["refused" if done is None else "asked"] += 1
            return
        TALLY["rows"] += len(truth)
        TALLY["rows refused"] += len(done.rejected)
        (check_items if kind == "catalogue" else check_cases)(truth, done)

    print(f"spoilt tables: FILES={FILES} SEED={SEED}")
    tried()
    print(kind, dict(TALLY))
    assert TALLY["rows refused"] < TALLY["rows"] / 2
