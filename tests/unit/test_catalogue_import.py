"""A catalogue file as item versions."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from hallpulse.contract.events import HallEvent, ItemPublished
from hallpulse.domain.catalogue import ItemRecord, timeline
from hallpulse.domain.plan import Department, Names
from hallpulse.domain.workdays import day_of
from services.catalogue.previews import CataloguePreviews
from services.importing.departments import DepartmentCodes
from services.importing.import_file import (
    CatalogueImport,
    Outcome,
    Published,
    Rejected,
    Unchanged,
    read_catalogue,
)
from services.importing.limits import Conversion
from services.importing.rows import Flag
from services.importing.tables import open_source

HEADER = "实施编码,事项名称,实施主体,事项类型,办件类型,法定办结时限,承诺办结时限,是否进驻大厅,是否综合受理"
WANTED = CatalogueImport(
    222424, "hall", date(2026, 1, 1), 1_767_000_000_000_000, 1_780_000_000_000_000, DepartmentCodes(), {}
)


def outcomes(tmp_path: Path, *rows: str, wanted: CatalogueImport = WANTED, header: str = HEADER) -> list[Outcome]:
    path = tmp_path / "catalogue.csv"
    path.write_text("\n".join((header, *rows)), encoding="utf-8")
    with open_source(path) as source:
        return list(read_catalogue(source, wanted))


def published(tmp_path: Path, *rows: str, wanted: CatalogueImport = WANTED) -> list[HallEvent]:
    return [o.event for o in outcomes(tmp_path, *rows, wanted=wanted) if isinstance(o, Published)]


def test_a_row_becomes_an_item_version(tmp_path: Path) -> None:
    (event,) = published(tmp_path, "a-1,食品经营许可,市场局,行政许可,承诺件,20个工作日,五个工作日,是,否")
    assert event.data == ItemPublished(
        item_code="a-1",
        name="食品经营许可",
        department="市场局",
        kind="licensing",
        handling="promised",
        effective_from="2026-01-01",
        statutory_days=20,
        promised_days=5,
        settled=True,
    )


def test_the_same_file_gives_the_same_events(tmp_path: Path) -> None:
    row = "a-1,食品经营许可,市场局,行政许可,承诺件,20,5,是,否"
    assert published(tmp_path, row) == published(tmp_path, row)


def test_a_changed_row_gives_another_version(tmp_path: Path) -> None:
    (before,) = published(tmp_path, "a-1,甲,市场局,行政许可,承诺件,20,5,是,否")
    (after,) = published(tmp_path, "a-1,甲,市场局,行政许可,承诺件,20,3,是,否")
    assert before.id != after.id


def test_what_is_in_force_already_is_not_published_again(tmp_path: Path) -> None:
    row = "a-1,甲,市场局,行政许可,承诺件,20,5,是,否"
    (event,) = published(tmp_path, row)
    assert isinstance(event.data, ItemPublished)
    start = day_of(date(2025, 6, 1))
    known = {"a-1": timeline([ItemRecord("hall", event.id, event.time, start, event.data.version)])}
    (same,) = outcomes(tmp_path, row, wanted=replace(WANTED, known=known))
    assert isinstance(same, Unchanged)


def test_a_correction_of_the_same_day_is_later_than_what_it_corrects(tmp_path: Path) -> None:
    (event,) = published(tmp_path, "a-1,甲,市场局,行政许可,承诺件,20,5,是,否")
    assert isinstance(event.data, ItemPublished)
    start = day_of(date(2026, 1, 1))
    known = {"a-1": timeline([ItemRecord("hall", event.id, event.time, start, event.data.version)])}
    (changed,) = published(tmp_path, "a-1,甲,市场局,行政许可,承诺件,20,3,是,否", wanted=replace(WANTED, known=known))
    assert changed.time == WANTED.now > event.time


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",甲,局,行政许可,承诺件,20,5,是,否", "missing-field"),
        ("a-1,,局,行政许可,承诺件,20,5,是,否", "missing-field"),
        ("a-1,甲,,行政许可,承诺件,20,5,是,否", "missing-field"),
        ("a-1,甲,局,行政许可,即办件,20,5,是,否", "instant-with-limit"),
        ("a-1,甲,局,行政许可,随便,20,5,是,否", "bad-word"),
        ("a-1,甲,局,行政许可,承诺件,尽快,5,是,否", "limit-unreadable"),
        ("a-1,甲,局,行政许可,承诺件,20,5,也许,否", "bad-yes-no"),
        (f"{'a' * 65},甲,局,行政许可,承诺件,20,5,是,否", "bad-field"),
    ],
)
def test_a_row_with_something_wrong_is_rejected_with_line_and_reason(tmp_path: Path, row: str, reason: str) -> None:
    good = "b-1,乙,局,行政许可,承诺件,20,5,是,否"
    first, second = outcomes(tmp_path, row, good)
    assert isinstance(first, Rejected)
    assert (first.record.line, first.problem.reason) == (2, reason)
    assert isinstance(second, Published)


def test_a_code_that_stands_twice_is_taken_once(tmp_path: Path) -> None:
    row = "a-1,甲,局,行政许可,承诺件,20,5,是,否"
    first, second = outcomes(tmp_path, row, row.replace("20", "30"))
    assert isinstance(first, Published)
    assert isinstance(second, Rejected)
    assert second.problem.reason == "twice-in-file"


def test_odd_rows_are_taken_in_and_flagged(tmp_path: Path) -> None:
    rows = (
        "a-1,甲,局,行政许可,承诺件,5,20,是,否",
        "a-2,甲,局,行政许可,承诺件,5,,是,否",
        "a-3,甲,局,行政许可,,5,0,是,否",
        "a-4,甲,局,奇怪,承诺件,999,3,是,否",
    )
    flags = [{n.what for n in o.notes} for o in outcomes(tmp_path, *rows) if isinstance(o, Published)]
    assert flags == [
        {Flag.PROMISED_OVER_STATUTORY},
        {Flag.NO_PROMISE},
        {Flag.HANDLING_FROM_LIMIT},
        {Flag.KIND_UNKNOWN, Conversion.NONE_LIKE},
    ]


def test_departments_get_the_plans_codes_only_when_asked(tmp_path: Path) -> None:
    codes = DepartmentCodes([Department("public-security", Names("县公安局", "Public Security Bureau"))])
    row = "a-1,甲,汪清县公安局,行政许可,承诺件,20,5,是,否"
    assert [e.data.department for e in published(tmp_path, row) if isinstance(e.data, ItemPublished)] == [
        "汪清县公安局"
    ]
    renamed = published(tmp_path, row, wanted=replace(WANTED, codes=codes))
    assert [e.data.department for e in renamed if isinstance(e.data, ItemPublished)] == ["public-security"]


def test_a_department_that_only_sounds_like_one_keeps_its_name() -> None:
    codes = DepartmentCodes([Department("public-security", Names("县公安局", "Public Security Bureau"))])
    assert codes.code_of("县公安局交警大队") == "县公安局交警大队"
    assert codes.code_of("吉林省延边州汪清县公安局") == "public-security"


class FakeCatalogues:
    def catalogue(self, _region: int) -> dict[str, object]:
        return {}

    def figures(self, *_: object) -> dict[str, object]:
        return {}

    def ping(self) -> None:
        return None


def test_the_service_checks_rows_without_storing_them() -> None:
    desk = CataloguePreviews(FakeCatalogues())  # type: ignore[arg-type]
    good, bad = desk.check(
        [
            {"实施编码": "a-1", "事项名称": "甲", "部门": "局", "承诺办结时限": "3个月"},
            {"实施编码": "a-2", "事项名称": "乙", "部门": "局", "承诺办结时限": "尽快"},
        ],
        date(2026, 1, 1),
    )
    assert good["item"]["promised_days"] == 66
    assert {note["what"] for note in good["notes"]} >= {"months"}
    assert (bad["line"], bad["reason"]) == (2, "limit-unreadable")
