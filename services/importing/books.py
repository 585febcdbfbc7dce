"""Opening of a file as a book of sheets, by its content rather than its name; unreadable kinds get their own error."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Iterator
from pathlib import Path

from .guard import damaged, encrypted
from .problems import TableError
from .sheets import Book
from .texttables import Score, open_delimited, open_json
from .workbooks import open_workbook

_HEAD = 4096
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_SAVE_AS = "请用表格软件打开后另存为 .xlsx 再导入"
_OTHER_KINDS = (
    (b"%PDF", f"这是 PDF 文件：请导出为表格，{_SAVE_AS}", "this is a PDF file: export it as .xlsx"),
    (b"Rar!", "这是 RAR 压缩包：请先解压，再导入其中的表格", "this is a RAR archive: unpack it first"),
    (b"7z\xbc\xaf", "这是 7z 压缩包：请先解压，再导入其中的表格", "this is a 7z archive: unpack it first"),
    (b"\x1f\x8b", "这是 gzip 压缩文件：请先解压，再导入其中的表格", "this is a gzip file: unpack it first"),
    (b"MIME-Version", f"这是网页档案（.mht），只是改了扩展名：{_SAVE_AS}", "this is a web archive: save it as .xlsx"),
    (b"{\\rtf", "这是 RTF 文档：请把其中的表格复制到表格软件，另存为 .xlsx", "this is a text document (RTF)"),
    *(
        (
            mark,
            f"这是很旧的 Excel 文件（4.0 及以前）：{_SAVE_AS}",
            "this is a workbook of Excel 4 or older: save it as .xlsx",
        )
        for mark in (b"\x09\x00\x04\x00", b"\x09\x02\x06\x00", b"\x09\x04\x06\x00")
    ),
    (b"\x89PNG", "这是图片：请导入表格文件", "this is a picture: expected a table"),
    (b"\xff\xd8\xff", "这是图片：请导入表格文件", "this is a picture: expected a table"),
)


@contextlib.contextmanager
def open_book(path: Path, score: Score) -> Iterator[Book]:
    """Open a table file of any kind. score: counts the known headers in a row. Raise TableError if it is unreadable."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
        with _opener(path, head, score) as book:
            yield book
    except OSError as error:
        raise TableError(
            path, f"文件无法读取（{error.strerror or error}）", f"cannot be read: {error.strerror or error}"
        ) from None


def _opener(path: Path, head: bytes, score: Score) -> contextlib.AbstractContextManager[Book]:
    if not head:
        raise TableError(path, "文件是空的（0 字节）：请确认导出或拷贝已完成", "the file is empty (0 bytes)")
    if head.startswith(b"PK"):
        return _zipped(path)
    if head.startswith(_OLE):
        if "E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e" in path.read_bytes().decode("latin-1"):
            raise encrypted(path)
        return open_workbook(path, zipped=False)
    for mark, zh, en in _OTHER_KINDS:
        if head.startswith(mark):
            raise TableError(path, zh, en)
    _refuse_markup(path, head)
    if path.suffix.lower() in (".json", ".ndjson", ".jsonl") or _text_of(head).startswith(("{", "[{")):
        return open_json(path)
    return open_delimited(path, score)


def _zipped(path: Path) -> contextlib.AbstractContextManager[Book]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            kind = archive.read("mimetype")[:100] if "mimetype" in names else b""
    except (zipfile.BadZipFile, OSError, KeyError, NotImplementedError, RuntimeError, ValueError) as error:
        raise damaged(path, error) from None
    if any(name.startswith("word/") for name in names) or b"opendocument.text" in kind:
        raise TableError(path, "这是 Word 文档：请把其中的表格复制到表格软件，另存为 .xlsx", "this is a text document")
    if any(name.endswith((".xls", ".xlsx", ".csv", ".et")) for name in names):
        raise TableError(path, "这是压缩包：请先解压，再导入其中的表格", "this is an archive: unpack it first")
    return open_workbook(path, zipped=True)


def _text_of(head: bytes) -> str:
    for encoding in ("utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig", "gb18030"):
        with contextlib.suppress(UnicodeDecodeError):
            return head[: len(head) // 2 * 2].decode(encoding, errors="ignore").lstrip()
    return ""


def _refuse_markup(path: Path, head: bytes) -> None:
    text = _text_of(head).lower()
    if not text.startswith("<"):
        return
    if "schemas-microsoft-com:office:spreadsheet" in text:
        raise TableError(
            path, f"这是 XML 电子表格 2003：{_SAVE_AS}", "this is an XML spreadsheet of 2003: save it as .xlsx"
        )
    if "<html" in text or "<table" in text or "<!doctype html" in text:
        raise TableError(
            path,
            f"这其实是网页（HTML）表格，只是改了扩展名：{_SAVE_AS}",
            "this is an HTML table by another name: save it as .xlsx",
        )
    raise TableError(path, f"这是 XML 文件：{_SAVE_AS}", "this is an XML file: save it as .xlsx")
