"""A catalogue file as item versions."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hallpulse.contract.encode import encode_event
from hallpulse.contract.events import HallEvent, ItemPublished
from hallpulse.domain.plan import Department, Names
from services.catalogue.previews import CataloguePreviews
from services.importing.case_import import HallOfCases
from services.importing.departments import DepartmentCodes, Departments
from services.importing.importer import CHANGED, Options, Outcome, RejectedRow, Taken, opened
from services.importing.limits import Conversion
from services.importing.notes import Oddity
from tests.shelf import Shelf

HEADER = "实施编码,事项名称,实施主体,事项类型,办件类型,法定时限（工作日）,承诺时限（工作日）,是否进驻,综合受理"
PLACE = HallOfCases(222424, "hall")
DAY = date(2026, 1, 1)


def outcomes(
    tmp_path: Path, *rows: str, shelf: Shelf | None = None, header: str = HEADER, codes: DepartmentCodes | None = None
) -> list[Outcome]:
    path = tmp_path / "catalogue.csv"
    path.write_text("\n".join((header, *rows)), encoding="utf-8")
    os.utime(path, (1_767_000_000, 1_767_000_000))
    options = Options(effective_from=DAY)
    there: Any = shelf or Shelf(PLACE)
    with opened(path, "catalogue", there, options, codes or DepartmentCodes()) as job:
        job.understand()
        assert job.open == []
        return list(job.outcomes())


def published(
    tmp_path: Path, *rows: str, shelf: Shelf | None = None, header: str = HEADER, codes: DepartmentCodes | None = None
) -> list[HallEvent]:
    found = outcomes(tmp_path, *rows, shelf=shelf, header=header, codes=codes)
    return [one.event for one in found if isinstance(one, Taken) and one.event is not None]


def shelf_with(event: HallEvent) -> Shelf:
    shelf = Shelf(PLACE)
    shelf.put(event)
    return shelf


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
        unified=False,
    )


def test_a_flag_without_a_column_is_not_said_at_all(tmp_path: Path) -> None:
    (event,) = published(tmp_path, "a-1,甲,市场局", header="实施编码,事项名称,部门")
    assert isinstance(event.data, ItemPublished)
    assert (event.data.settled, event.data.unified, event.data.commitment) == (None, None, None)
    assert b"settled" not in encode_event(event)


def test_what_a_later_table_does_not_say_is_kept_as_stored(tmp_path: Path) -> None:
    (event,) = published(tmp_path, "a-1,甲,市场局,行政许可,承诺件,20,5,是,否")
    (after,) = published(tmp_path, "a-1,2", header="实施编码,承诺办结时限（工作日）", shelf=shelf_with(event))
    assert isinstance(event.data, ItemPublished)
    assert after.data == msgspec.structs.replace(event.data, promised_days=2, corrects=event.id)


def test_an_empty_cell_says_nothing_and_none_says_none(tmp_path: Path) -> None:
    (event,) = published(tmp_path, "a-1,甲,市场局,行政许可,承诺件,20,5,是,否")
    (same,) = outcomes(tmp_path, "a-1,甲,市场局,行政许可,,,5,-,", shelf=shelf_with(event))
    assert isinstance(same, Taken)
    assert same.event is None
    (none,) = published(tmp_path, "a-1,甲,市场局,行政许可,,无,5,,", shelf=shelf_with(event))
    assert isinstance(none.data, ItemPublished)
    assert (none.data.statutory_days, none.data.settled) == (None, True)


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
    earlier = msgspec.structs.replace(event, data=msgspec.structs.replace(event.data, effective_from="2025-06-01"))
    (same,) = outcomes(tmp_path, row, shelf=shelf_with(earlier))
    assert isinstance(same, Taken)
    assert (same.state, same.event) == ("unchanged", None)


def test_a_correction_of_the_same_day_is_later_than_what_it_corrects(tmp_path: Path) -> None:
    (event,) = published(tmp_path, "a-1,甲,市场局,行政许可,承诺件,20,5,是,否")
    shelf = shelf_with(event)
    (changed,) = outcomes(tmp_path, "a-1,甲,市场局,行政许可,承诺件,20,3,是,否", shelf=shelf)
    assert isinstance(changed, Taken)
    assert changed.event is not None
    assert (changed.state, changed.event.time) == (CHANGED, shelf.now)
    assert changed.event.time > event.time


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
    assert isinstance(first, RejectedRow)
    assert (first.line, first.problem.reason) == (2, reason)
    assert isinstance(second, Taken)


def test_of_a_code_that_stands_twice_with_other_content_no_row_is_taken(tmp_path: Path) -> None:
    row = "a-1,甲,局,行政许可,承诺件,20,5,是,否"
    found = outcomes(tmp_path, row, row.replace("20", "30"))
    assert [one.problem.reason for one in found if isinstance(one, RejectedRow)] == ["twice-with-others"] * 2
    states = [one.state for one in outcomes(tmp_path, row, row) if isinstance(one, Taken)]
    assert states == ["new", "repeated"]


def test_of_a_code_with_several_sub_items_each_is_an_item(tmp_path: Path) -> None:
    header = "实施编码,业务办理项编码,事项名称,业务办理项名称,部门,承诺办结时限（工作日）"
    events = published(tmp_path, "a-1,a-1-01,甲,新办,局,5", "a-1,a-1-02,甲,变更,局,3", "a-2,,乙,,局,1", header=header)
    named = [(e.data.item_code, e.data.name) for e in events if isinstance(e.data, ItemPublished)]
    assert named == [("a-1-01", "新办"), ("a-1-02", "变更"), ("a-2", "乙")]


def test_odd_rows_are_taken_in_and_flagged(tmp_path: Path) -> None:
    rows = (
        "a-1,甲,局,行政许可,承诺件,5,20,是,否",
        "a-2,甲,局,行政许可,承诺件,5,,是,否",
        "a-3,甲,局,行政许可,,5,0,是,否",
        "a-4,甲,局,奇怪,承诺件,999,3,是,否",
    )
    flags = [{n.what for n in o.notes} for o in outcomes(tmp_path, *rows) if isinstance(o, Taken)]
    assert flags == [
        {Oddity.PROMISED_OVER_STATUTORY},
        {Oddity.NO_PROMISE},
        {Oddity.HANDLING_FROM_LIMIT},
        {Oddity.KIND_UNKNOWN, Conversion.NONE_LIKE},
    ]


def test_departments_get_the_plans_codes_only_when_asked(tmp_path: Path) -> None:
    codes = DepartmentCodes([Department("public-security", Names("县公安局", "Public Security Bureau"))])
    row = "a-1,甲,汪清县公安局,行政许可,承诺件,20,5,是,否"
    assert [e.data.department for e in published(tmp_path, row) if isinstance(e.data, ItemPublished)] == [
        "汪清县公安局"
    ]
    renamed = published(tmp_path, row, codes=codes)
    assert [e.data.department for e in renamed if isinstance(e.data, ItemPublished)] == ["public-security"]


def test_a_department_that_only_sounds_like_one_keeps_its_name() -> None:
    codes = DepartmentCodes([Department("public-security", Names("县公安局", "Public Security Bureau"))])
    assert codes.code_of("县公安局交警大队") == "县公安局交警大队"
    assert codes.code_of("吉林省延边州汪清县公安局") == "public-security"


KNOWN = frozenset({"县市场监督管理局", "县公安局", "县林业局"})


@pytest.mark.parametrize(
    ("written", "of_item", "found"),
    [
        ("县市场监督管理局", "", "县市场监督管理局"),
        ("县 市场监督管理局", "", "县市场监督管理局"),
        ("市场监督管理局", "", "县市场监督管理局"),
        ("汪清县市场监督管理局", "县市场监督管理局", "县市场监督管理局"),
        ("汪清县市场监督管理局", "", None),
        ("县市监局", "县市场监督管理局", None),
        ("延边州市场监督管理局", "", None),
        ("县气象站", "", "县气象站"),
    ],
)
def test_a_department_is_known_where_only_blanks_or_its_county_differ(
    written: str, of_item: str, found: str | None
) -> None:
    departments = Departments(KNOWN)
    assert departments.find(written, of_item) == found
    assert found is not None or departments.nearest(written)[0] == "县市场监督管理局"


class FakeCatalogues:
    def catalogue(self, _region: int) -> dict[str, object]:
        return {}

    def figures(self, *_: object) -> dict[str, object]:
        return {}

    def ping(self) -> None:
        return None


def test_the_service_checks_rows_without_storing_them() -> None:
    previews = CataloguePreviews(FakeCatalogues())  # type: ignore[arg-type]
    good, bad = previews.check(
        [
            {"实施编码": "a-1", "事项名称": "甲", "部门": "局", "承诺办结时限": "3个月"},
            {"实施编码": "a-2", "事项名称": "乙", "部门": "局", "承诺办结时限": "尽快"},
        ],
        date(2026, 1, 1),
    )
    assert good["item"]["promised_days"] == 66
    assert {note["what"] for note in good["notes"]} >= {"months"}
    assert (bad["line"], bad["reason"]) == (2, "limit-unreadable")
