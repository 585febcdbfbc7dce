"""Tables as people send them: encodings, separators, headers, formulas, bombs, rejected rows."""

from __future__ import annotations

import csv
import io
import json
import random
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from openpyxl import Workbook, load_workbook

from services.importing import guard
from services.importing import texttables as text_module
from services.importing.books import open_book
from services.importing.cells import Broken, Cell, Formula, text_of
from services.importing.fields import CASES, CATALOGUE
from services.importing.headers import lay_out
from services.importing.importer import RejectedRow
from services.importing.layout import Layout, Passed
from services.importing.problems import BadRow, TableError
from services.importing.rejects import RejectedRows
from tests.shelf import Shelf, take

ROWS = [["实施编码", "事项名称", "部门"], ["a-1", "身份证，补领", "公安局"], ["a-2", "食品\n经营", "市场局"]]


class Record(NamedTuple):
    """A row by field."""

    line: int
    cells: dict[str, Cell]
    broken: bool

    def text(self, field: str) -> str:
        return text_of(self.cells.get(field))


def records(path: Path) -> list[Record]:
    return [row for row in rows_of(path) if isinstance(row, Record)]


def rows_of(path: Path) -> list[Record | Passed]:
    found: list[Record | Passed] = []
    with open_book(path, CATALOGUE.score) as book:
        layouts = lay_out(book, CATALOGUE)
        read = [layout for layout in layouts if isinstance(layout, Layout)]
        if not read:
            raise TableError(path, layouts[0].why.zh, layouts[0].why.en)  # type: ignore[union-attr]
        for layout in read:
            for row in layout.rows():
                if isinstance(row, Passed):
                    found.append(row)
                    continue
                cells = {name: row.cell(index) for name, index in layout.fields.items()}
                found.append(Record(row.line, cells, bool(row.cells) and isinstance(row.cells[0], Broken)))
    return found


def as_csv(rows: list[list[str]], delimiter: str = ",") -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue()


def as_xlsx(path: Path, rows: list[list[Any]], title: str = "Sheet") -> Path:
    book = Workbook()
    sheet: Any = book.active
    sheet.title = title
    for row in rows:
        sheet.append(row)
    book.save(path)
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16"])
def test_every_encoding_and_separator_reads_the_same(tmp_path: Path, encoding: str, delimiter: str) -> None:
    path = tmp_path / "items.csv"
    path.write_bytes(as_csv(ROWS, delimiter).encode(encoding))
    read = records(path)
    assert [r.text("name") for r in read] == ["身份证，补领", "食品\n经营"]
    assert [r.line for r in read] == [2, 3]


def test_a_title_above_the_header_and_blank_lines_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text("汪清县目录,,\n,,\n" + as_csv(ROWS) + ",,\n", encoding="utf-8")
    assert [r.line for r in records(path)] == [4, 5]


def test_a_workbook_is_read_from_the_sheet_that_has_the_header(tmp_path: Path) -> None:
    path = as_xlsx(tmp_path / "items.xlsx", [["说明"], ["没有表头"]], "说明")
    book = Workbook()
    book.create_sheet("说明").append(["说明"])
    sheet = book.create_sheet("数据")
    for row in ROWS:
        sheet.append(row)
    book.save(path)
    assert [r.text("item_code") for r in records(path)] == ["a-1", "a-2"]


def test_cells_keep_their_kind_and_formulas_are_never_values(tmp_path: Path) -> None:
    rows = [[*ROWS[0], "承诺办结时限", "生效日期"], ["a-1", "甲", "乙", "=1+2", datetime(2026, 3, 5)]]  # noqa: DTZ001
    (read,) = records(as_xlsx(tmp_path / "items.xlsx", rows))
    assert read.cells["promised_days"] == Formula("=1+2")
    assert read.cells["effective_from"] == date(2026, 3, 5)


def test_ndjson_with_chinese_and_english_names_and_broken_lines(tmp_path: Path) -> None:
    path = tmp_path / "items.ndjson"
    lines = [
        '{"item_code":"a-1","事项名称":"甲","department":"乙"}',
        "",
        "[1]",
        '{"item_code":"a-2","name":"丙","部门":"丁"}',
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    read = records(path)
    assert [r.line for r in read] == [1, 3, 4]
    assert [r.broken for r in read] == [False, True, False]


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("*承诺办结时限（工作日）", "promised_days"),
        ("法定办结时限 [天]", "statutory_days"),
        ("Promised_Days", "promised_days"),
        ("部门/实施主体", "department"),
        ("事项名称\nname", "name"),
        ("是否进驻大厅？", "settled"),
        ("受理/办结时间", None),
        ("", None),
        (None, None),
    ],
)
def test_headers_are_known_whatever_is_written_around_them(header: str | None, field: str | None) -> None:
    found = CATALOGUE.field_of(header)
    assert (found.field if found else None) == field


def test_no_two_fields_share_a_header() -> None:
    for columns in (CATALOGUE, CASES):
        for field, names in columns.names.items():
            for name in names:
                found = columns.field_of(name)
                assert found is not None, name
                assert found.field == field, name


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("items.csv", b"a,b\n1,2\n", "no header row with"),
        ("items.csv", b"\x00\x01\x02\xff", "neither UTF-8 nor GBK"),
        ("items.csv", b"", "empty"),
        ("items.csv", b" \n\n", "empty"),
        ("items.ndjson", b"", "empty"),
        ("items.xls", b"<html><table><tr><td>x</td></tr></table></html>", "HTML table"),
        ("items.xls", b'<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"/>', "2003"),
        ("items.pdf", b"%PDF-1.7", "PDF"),
        ("items.rar", b"Rar!\x1a\x07", "RAR"),
        ("items.xlsx", b"PK\x03\x04 not a zip", "not an Excel workbook"),
        ("items.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 not whole", "not an Excel workbook"),
    ],
)
def test_what_is_no_table_is_refused_in_one_line(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(TableError, match=says) as refused:
        records(path)
    assert "\n" not in str(refused.value)


@pytest.mark.attack
def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (64 << 20))
    with pytest.raises(TableError, match="zip bomb"):
        records(path)


LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.attack
@pytest.mark.parametrize(
    "prolog",
    [
        f'<?xml version="1.0"?>{LAUGHS}'.encode(),
        f'<?xml version="1.0"?><!--{"far from the head " * 10_000}-->{LAUGHS}'.encode(),
        f'<?xml version="1.0"?>{" " * (2 << 20)}{LAUGHS}'.encode(),
        f'<?xml version="1.0" encoding="UTF-16"?>{LAUGHS}'.encode("utf-16"),
        b'<?xml version="1.0"?><!DOCTYPE x SYSTEM "file:///etc/passwd">',
    ],
    ids=["at once", "late", "very late", "UTF-16", "external"],
)
@pytest.mark.parametrize("name", ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/odd.bin"])
def test_a_workbook_with_a_document_type_is_refused_wherever_it_stands(
    tmp_path: Path, prolog: bytes, name: str
) -> None:
    path = as_xlsx(tmp_path / "items.xlsx", ROWS)
    changed = tmp_path / "changed.xlsx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(changed, "w") as new:
        for part in old.namelist():
            if part != name:
                new.writestr(part, old.read(part))
        root = "<x>&b;</x>".encode("utf-16-le" if prolog.startswith(b"\xff\xfe") else "utf-8")
        new.writestr(name, prolog + root)
    with pytest.raises(TableError, match=f"{name} declares a document type or entities"):
        records(changed)


def test_a_part_that_says_it_is_smaller_than_it_is_is_read_no_farther(tmp_path: Path) -> None:
    path = tmp_path / "items.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b" " * (8 << 20))
    lying = path.read_bytes().replace((8 << 20).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    path.write_bytes(lying)
    with pytest.raises(TableError, match="not an Excel workbook"):
        records(path)


def test_long_cells_and_lines_are_refused(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text(f"实施编码,事项名称,实施主体\n{'x' * 200_000},b,c\n", encoding="utf-8")
    with pytest.raises(TableError, match="line 2: not a table row"):
        records(tmp_path / "items.csv")
    long = json.dumps({"item_code": "x" * (3 << 20), "name": "a", "department": "b"})
    short = json.dumps({"item_code": "y", "name": "a", "department": "b"})
    (tmp_path / "items.ndjson").write_text(f"{short}\n{long}\n{short}\n")
    read = records(tmp_path / "items.ndjson")
    assert next(record.line for record in read) == 1
    assert [record.text("item_code") for record in read if not record.broken] == ["y", "y"]


@pytest.mark.parametrize(
    ("module", "name", "content"),
    [(text_module, "a.csv", b"x" * 11), (text_module, "a.ndjson", b"{" * 11), (guard, "a.xlsx", b"PK" * 6)],
)
def test_files_that_are_too_large_are_refused_before_they_are_read(
    tmp_path: Path, module: Any, name: str, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 10)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TableError):
        records(tmp_path / name)


def test_a_cell_that_stands_far_away_is_named(tmp_path: Path) -> None:
    path = as_xlsx(tmp_path / "items.xlsx", ROWS)
    book = load_workbook(path)
    book.active["XFD1048576"] = "x"
    book.save(path)
    with pytest.raises(TableError, match="XFD1048576"):
        records(path)


def test_a_damaged_workbook_is_refused_in_one_line_or_read(tmp_path: Path) -> None:
    whole = as_xlsx(tmp_path / "items.xlsx", ROWS * 20).read_bytes()
    path, dice, refused = tmp_path / "damaged.xlsx", random.Random(1), list[str]()
    for _ in range(300):
        content = bytearray(whole)
        for _ in range(dice.choice((1, 3, 30))):
            content[dice.randrange(len(content))] = dice.randrange(256)
        path.write_bytes(content)
        try:
            records(path)
        except TableError as error:
            refused.append(str(error))
    assert len(refused) > 100
    assert not any("\n" in said for said in refused)


def test_a_workbook_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = as_xlsx(tmp_path / "items.xlsx", ROWS)
    monkeypatch.setattr(guard, "MAX_UNPACKED", 100)
    with pytest.raises(TableError, match="split the file"):
        records(path)


def rejected(tmp_path: Path, *rows: str) -> RejectedRows:
    source = tmp_path / "cases.csv"
    source.write_text("\n".join(("办件编号,实施编码,部门,收件时间,办结时间", *rows)), encoding="utf-8")
    done = take(source, "cases", Shelf())
    with RejectedRows(source, tmp_path) as rejects:
        for one in done.rejected:
            rejects.add(one)
    return rejects


@pytest.mark.attack
def test_rejected_rows_lie_beside_the_file_and_hold_no_formula(tmp_path: Path) -> None:
    rejects = rejected(tmp_path, "=1+1,+2,局,2026-03-02,=cmd")
    assert rejects.path == tmp_path / "cases.csv.rejected.csv"
    head, row = csv.reader(rejects.path.read_text(encoding="utf-8-sig").splitlines())
    assert head[:6] == ["sheet 工作表", "line 行号", "column 列", "value 值", "reason 原因", "remedy 改法"]
    assert row[:4] == ["", "2", "办件编号", "'=1+1"]
    assert row[4].startswith("formula 单元格是没有结果的公式或错误值")
    assert "粘贴为数值" in row[5]
    assert row[6:8] == ["'=1+1", "'+2"]


@pytest.mark.attack
def test_rejected_rows_steer_no_terminal_that_shows_them(tmp_path: Path) -> None:
    rejects = rejected(tmp_path, "c\x1b[2J,a\x1b]0;owned\x07,\x9b2J汉\u3000字,昨天,")
    assert rejects.path is not None
    _, row = csv.reader(rejects.path.read_text(encoding="utf-8-sig").splitlines(keepends=True))
    assert row[6:9] == [r"c\x1b[2J", r"a\x1b]0;owned\x07", "\\x9b2J汉\u3000字"]


def test_rejected_rows_of_an_earlier_import_do_not_stay(tmp_path: Path) -> None:
    old = tmp_path / "cases.csv.rejected.csv"
    old.write_text("old")
    assert rejected(tmp_path, "c-1,a-1,局,2026-03-02,").path is None
    assert not old.exists()


def test_rejected_rows_go_to_the_fallback_where_the_folder_is_closed(tmp_path: Path) -> None:
    layout = take(written(tmp_path), "cases", Shelf()).job.read[0]  # type: ignore[union-attr]
    with RejectedRows(tmp_path / "gone" / "cases.csv", tmp_path) as rejects:
        rejects.add(RejectedRow(layout, 1, [], BadRow("bad-date", "decided")))
    assert rejects.path == tmp_path / "cases.csv.rejected.csv"


def written(tmp_path: Path) -> Path:
    path = tmp_path / "one.csv"
    path.write_text("办件编号,实施编码,部门,收件时间\nc-1,a-1,局,2026-03-02\n", encoding="utf-8")
    return path
