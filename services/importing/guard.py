"""Refusal of harmful workbooks before they are read, such as zip bombs, huge sheets and XML entities."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO
from xml.parsers import expat

from .problems import TableError

MAX_BYTES = 200 << 20
MAX_UNPACKED = 2 << 30
MAX_RATIO = 200
MAX_SHARED_STRINGS = 256 << 20
MAX_PARTS = 2_000
MAX_AREA = 40_000_000
"""Most cells of a sheet, rows times columns: the reader allocates all of them, including empty ones."""
_PROLOG = 1 << 20
_SMALL = 10 << 20
_CHUNK = 1 << 20
_OVERLAP = 256

# Errors of zipfile, zlib and parsers for a file that is damaged or only looks like a workbook.
DAMAGED = (
    zipfile.BadZipFile, zlib.error, EOFError, KeyError, IndexError, ValueError, TypeError, SyntaxError, AttributeError,
    OverflowError, NotImplementedError, RuntimeError,
)  # fmt: skip
_ROW = re.compile(rb"<(?:\w+:)?row\b[^>]*?\br=[\"'](\d{1,7})[\"']")
_USUAL_ROW = re.compile(rb'<row r="(\d{1,7})"')
_FAR_CELL = re.compile(rb"<(?:\w+:)?c\b[^>]*?\br=[\"']([A-Z]{2,3})(\d{1,7})[\"']")
_USUAL_FAR = re.compile(rb'<c r="[A-Z]{2}')
_REPEATED = re.compile(rb"table:number-(columns|rows)-repeated=[\"'](\d{1,9})[\"']")


def refuse_large(path: Path, limit: int = 0) -> int:
    """Return a file's size in bytes. Raise TableError if it is above the limit. limit: in bytes, 0 for MAX_BYTES."""
    size = path.stat().st_size
    most = limit or MAX_BYTES
    if size > most:
        raise TableError(
            path,
            f"文件有 {size >> 20} MiB，最多 {most >> 20} MiB：请拆成几个文件",
            f"{size >> 20} MiB, expected at most {most >> 20} MiB: split the file",
        )
    return size


def refuse_bombs(path: Path) -> None:
    """Raise TableError for an archive with too many or too large parts, or with a declared document type."""
    size = refuse_large(path)
    try:
        with zipfile.ZipFile(path) as archive:
            _refuse_parts(path, archive, size)
            for part in archive.infolist():
                if re.fullmatch(r"xl/worksheets/[^/]+\.xml", part.filename):
                    _refuse_far_cells(path, archive, part.filename)
                elif part.filename == "content.xml":
                    _refuse_repetitions(path, archive)
    except DAMAGED as error:
        raise damaged(path, error) from None


def damaged(path: Path, error: BaseException) -> TableError:
    said = " ".join(str(error).split())[:200]
    return TableError(
        path, "文件已损坏或不是电子表格：请用表格软件打开后另存为 .xlsx 再导入", f"not an Excel workbook: {said}"
    )


def encrypted(path: Path) -> TableError:
    return TableError(
        path,
        "文件有打开密码：请用表格软件打开，去掉密码（文件—信息—保护工作簿）后另存再导入",
        "protected by a password: take it off and save the file again",
    )


def _refuse_parts(path: Path, archive: zipfile.ZipFile, size: int) -> None:
    parts = archive.infolist()
    unpacked = sum(part.file_size for part in parts)
    strings = sum(part.file_size for part in parts if part.filename.endswith("sharedStrings.xml"))
    if len(parts) > MAX_PARTS or unpacked > MAX_UNPACKED or strings > MAX_SHARED_STRINGS:
        raise TableError(
            path,
            f"解压后有 {unpacked >> 20} MiB、{len(parts)} 个部分：请拆成几个文件",
            f"unpacks to {unpacked >> 20} MiB in {len(parts)} parts: refused, split the file",
        )
    if unpacked > _SMALL and unpacked > size * MAX_RATIO:
        raise TableError(
            path,
            f"解压后是文件大小的 {unpacked // max(size, 1)} 倍：疑为压缩炸弹，拒绝读取",
            f"unpacks to {unpacked // max(size, 1)} times its size: refused as a zip bomb",
        )
    for part in parts:
        with archive.open(part) as opened:
            if _declares(opened):
                raise TableError(
                    path,
                    f"{part.filename} 声明了文档类型或实体：拒绝读取",
                    f"{part.filename} declares a document type or entities: refused",
                )


def chunks(part: IO[bytes]) -> Iterator[bytes]:
    """Yield a part piece by piece, each with the end of the previous piece, so that no searched mark is cut in two."""
    before = b""
    while piece := part.read(_CHUNK):
        yield before + piece
        before = piece[-_OVERLAP:]


def column_number(letters: bytes | str) -> int:
    """Return the number of a column: A is 1, AA is 27."""
    number = 0
    for letter in letters if isinstance(letters, bytes) else letters.encode():
        number = number * 26 + letter - 64
    return number


def _refuse_far_cells(path: Path, archive: zipfile.ZipFile, name: str) -> None:
    """Raise TableError for a cell far from the table: the reader would allocate all cells between."""
    last_row, last_column, where = 1, 26, ""
    with archive.open(name) as part:
        for chunk in chunks(part):
            last_row = max(last_row, max(map(int, _rows_in(chunk)), default=0))
            for letters, row in _far_cells_in(chunk):
                column = column_number(letters)
                last_row = max(last_row, int(row))
                if column > last_column:
                    last_column, where = column, (letters + row).decode()
    if last_row * last_column > MAX_AREA:
        raise TableError(
            path,
            f"{name}：单元格 {where or f'第 {last_row} 行'} 离表格太远：请删除多余的行和列后再导入",
            f"{name}: cell {where or f'row {last_row}'} stands too far away: delete the empty rows and columns",
        )


def _rows_in(chunk: bytes) -> list[bytes]:
    """Return the row numbers in a piece of XML; a fast pattern is used if it fits all rows."""
    usual: list[bytes] = _USUAL_ROW.findall(chunk)
    return usual if len(usual) == chunk.count(b"<row") + chunk.count(b":row") else _ROW.findall(chunk)


def _far_cells_in(chunk: bytes) -> list[tuple[bytes, bytes]]:
    """Return the cells beyond column Z, as letters and row; a fast search comes first."""
    usual = chunk.count(b'<c r="') == chunk.count(b"<c ") + chunk.count(b":c ")
    return [] if usual and _USUAL_FAR.search(chunk) is None else _FAR_CELL.findall(chunk)


def _refuse_repetitions(path: Path, archive: zipfile.ZipFile) -> None:
    """Raise TableError for an OpenDocument table whose repeated cells and rows would fill the memory."""
    columns = rows = 0
    with archive.open("content.xml") as part:
        for chunk in chunks(part):
            for axis, number in _REPEATED.findall(chunk):
                if axis == b"columns" and int(number) < 16_000:
                    columns = max(columns, int(number))
                elif axis == b"rows" and int(number) < 60_000:
                    rows += int(number)
    if max(columns, 1) * max(rows, 1) > MAX_AREA:
        raise TableError(
            path, "表格重复了太多单元格：请删除多余的行和列后再导入", "repeats too many cells: delete empty rows"
        )


class _Begun(Exception):
    """The first element was reached: a document type can only stand before it."""


class _Declared(Exception):
    """A document type was found, which could declare entities."""


def _declares(part: IO[bytes]) -> bool:
    """Return whether an XML part has, or may have, a document type, in any encoding.

    It may have one if its first MiB has no element: no spreadsheet program writes so.
    """
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _raise(_Declared)
    parser.StartElementHandler = _raise(_Begun)
    try:
        parser.Parse(part.read(_PROLOG))
    except (_Begun, expat.ExpatError):  # other parts, such as pictures, are not XML
        return False
    except _Declared:
        return True
    return bool(part.read(1))


def _raise(kind: type[Exception]) -> Callable[..., None]:
    def handle(*_: object) -> None:
        raise kind

    return handle
