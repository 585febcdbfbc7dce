"""Tables in text files: separated values in any usual encoding, and JSON objects, one on each line or in an array."""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import msgspec

from .cells import Broken, Cell, Garbled, is_garbled
from .guard import refuse_large
from .problems import TableError
from .sheets import Book, Sheet

MAX_BYTES = 512 << 20
MAX_CELL = 100_000
MAX_LINE = 1 << 20
MAX_NAMES = 300
MOST_LINES_IN_A_CELL = 50
_CHUNK = 1 << 20
_SAMPLE_ROWS = 40
_SEPARATORS = (",", "\t", ";", "|", "，", "；", "、", "^")

Score = Callable[[Sequence[Cell]], int]
"""A function that returns the number of known headers in a row; the best number decides encoding and separator."""


@contextlib.contextmanager
def open_delimited(path: Path, score: Score) -> Iterator[Book]:
    """Open a table of separated values. Raise TableError if the file is too large or is no text."""
    refuse_large(path, MAX_BYTES)
    csv.field_size_limit(MAX_CELL)
    readings = [
        (max(map(score, sample), default=0), -rank, encoding, separator, skip)
        for rank, (encoding, separator, skip, sample) in enumerate(_readings(path))
    ]
    _, _, encoding, separator, skip = max(readings, key=lambda reading: reading[:2])
    size = path.stat().st_size

    def rows() -> Iterator[tuple[int, list[Cell]]]:
        return _rows(path, encoding, separator, skip)

    yield Book(path, [Sheet("", rows, height=size // 80 + 1, separated=True)], encoding=encoding)


def _readings(path: Path) -> Iterator[tuple[str, str, bool, list[Sequence[Cell]]]]:
    """Yield every encoding and separator that the file may have, with the first rows that it has then."""
    for encoding in encodings_of(path):
        with _text(path, encoding) as text:
            first = text.readline().strip().strip("\ufeff")
        named = first[4:5] if first.lower().startswith("sep=") else ""
        for separator in (named,) if named else _SEPARATORS:
            sample: list[Sequence[Cell]] = []
            with contextlib.suppress(TableError):
                for _, cells in islice(_rows(path, encoding, separator, bool(named)), _SAMPLE_ROWS):
                    sample.append(cells)
            yield encoding, separator, bool(named), sample


def encodings_of(path: Path) -> list[str]:
    """Return the encodings in which the whole file is text, the likeliest first. Raise TableError without one."""
    with path.open("rb") as binary:
        first = binary.read(4096)
        if first[:4] in (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE):
            return ["utf-32"]
        if first[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return ["utf-16"]
        if b"\0" in first:
            wide = [name for name in ("utf-16-le", "utf-16-be") if _is_text(first[: len(first) // 2 * 2], name)]
            found = [name for name in wide if _decodes(binary, name)]
        elif _decodes(binary, "utf-8-sig"):
            return ["utf-8-sig"]
        else:
            _refuse_broken_utf8(path, binary)
            found = [name for name in ("gb18030", "cp950", "big5hkscs") if _decodes(binary, name)]
    if not found:
        raise TableError(
            path,
            "既不是 UTF-8、UTF-16，也不是 GBK/GB18030、Big5 编码的文字：请确认是表格文件，并另存为 .xlsx",
            "neither UTF-8 nor GBK/GB18030 text: is it a table?",
        )
    return found


def _refuse_broken_utf8(path: Path, binary: io.BufferedReader) -> None:
    """Raise TableError for a text that begins in UTF-8 and changes its encoding, or that ends within a character."""
    binary.seek(0)
    known = 0
    for number, line in enumerate(binary, start=1):
        try:
            known += sum("\u4e00" <= char <= "\u9fff" for char in line.decode())
        except UnicodeDecodeError as error:
            if known < _SURE_CHARACTERS:
                return
            if error.reason == "unexpected end of data" and not binary.read(1):
                zh, en = (
                    "结束在一个字的中间：文件没有传完，请重新导出或拷贝",
                    "ends within a character: was it copied whole?",
                )
            else:
                zh, en = (
                    "起是另一种编码：请从原系统重新导出，整个文件用同一种编码",
                    "another encoding begins: export it in one",
                )
            raise TableError(path, f"文件开头是 UTF-8 编码，第 {number} 行{zh}", f"line {number}: {en}") from None


_SURE_CHARACTERS = 4
"""Number of Chinese characters, decoded as UTF-8, from which on a text surely begins in UTF-8."""


def _is_text(sample: bytes, encoding: str) -> bool:
    """Return whether a sample in a 16-bit encoding consists of letters, digits, signs and Chinese characters."""
    text = sample.decode(encoding, errors="replace")
    usual = sum(
        char in "\r\n\t" or " " <= char <= "~" or "\u3000" <= char <= "\u9fff" or char > "\uff00" for char in text
    )
    return usual > 0.9 * len(text) and "\ufffd" not in text[:-2]


def _decodes(binary: io.BufferedReader, encoding: str) -> bool:
    binary.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)()
    wide = encoding.startswith("utf-16")
    try:
        while chunk := binary.read(_CHUNK):
            if b"\0" in chunk and not wide:
                return False
            decoder.decode(chunk)
        decoder.decode(b"", True)
    except UnicodeDecodeError:
        return False
    return True


def _text(path: Path, encoding: str) -> io.TextIOWrapper:
    """Open a text file; line ends of any kind, including the carriage returns of old Macs, are read as newlines."""
    return io.TextIOWrapper(path.open("rb"), encoding=encoding, newline=None)


def _rows(path: Path, encoding: str, separator: str, skip: bool) -> Iterator[tuple[int, list[Cell]]]:
    """Yield each row with its line number; the last row counts as cut off if it is short and has no line end."""
    line, cells, widths = 0, list[Cell](), deque[int](maxlen=5)
    for following, values in _lines(path, encoding, separator, skip):
        if line:
            yield line, cells
            widths.append(len(cells))
        line, cells = following, values
    if line:
        is_cut = bool(widths) and len(cells) < min(widths) and not _ends_a_line(path)
        yield line, [Broken("cut off"), *cells] if is_cut else cells


def _ends_a_line(path: Path) -> bool:
    with path.open("rb") as binary:
        binary.seek(max(path.stat().st_size - 4, 0))
        return binary.read().strip(b"\0").endswith((b"\n", b"\r"))


def _lines(path: Path, encoding: str, separator: str, skip: bool) -> Iterator[tuple[int, list[Cell]]]:
    with _text(path, encoding) as text:
        reader = csv.reader(text, delimiter=separator, strict=True)
        own = "" if encoding.startswith("utf") else encoding
        while True:
            line = reader.line_num + 1
            try:
                values = next(reader)
            except StopIteration:
                return
            except (csv.Error, UnicodeError) as error:
                raise TableError(
                    path,
                    f"第 {line} 行不成表格行（引号没有配对，或单元格超过 {MAX_CELL} 个字符）：请改正该行，"
                    "或另存为 .xlsx",
                    f"line {line}: not a table row: {error}",
                ) from None
            if any(value.count("\n") > MOST_LINES_IN_A_CELL for value in values):
                raise TableError(
                    path,
                    f"第 {line} 行有一个单元格跨了 {MOST_LINES_IN_A_CELL} 行以上：多半是引号没有配对，请改正该行",
                    f"line {line}: a cell of more than {MOST_LINES_IN_A_CELL} lines: is a quotation mark left open?",
                )
            if not (skip and line == 1) and values != ["\x1a"]:  # DOS marks the end of a file so
                yield line, list(_plain(values, own))


def _plain(values: Iterable[str], encoding: str) -> Iterator[Cell]:
    return (Garbled(value) if is_garbled(value, encoding) else value or None for value in values)


_decode = msgspec.json.Decoder(dict[str, str | int | float | bool | None]).decode
_decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode


def _decoded(body: bytes) -> dict[str, str | int | float | bool | None]:
    """Return a flat JSON object. Raise DecodeError for anything else, and for an object that has a name twice."""
    found = _decode(body)
    if body.count(b'":') + body.count(b'" :') > len(found) and len(_pairs_of(body)) > len(found):
        raise msgspec.DecodeError("a name stands twice")
    return found


def _pairs_of(body: bytes) -> list[tuple[str, object]]:
    pairs: list[tuple[str, object]] = json.loads(body, object_pairs_hook=list)
    return pairs


@contextlib.contextmanager
def open_json(path: Path) -> Iterator[Book]:
    """Open flat JSON objects, in an array or one on each line, as a table; its columns are all names that occur."""
    size = refuse_large(path, MAX_BYTES)
    names = _names(path)

    def rows() -> Iterator[tuple[int, list[Cell]]]:
        yield 0, list(names)
        for number, body in _objects(path):
            try:
                found = _decoded(body)
            except (msgspec.DecodeError, UnicodeDecodeError):
                yield number, [Broken(body[:500].decode(errors="replace").strip())]
            else:
                yield number, [found.get(name) for name in names]

    yield Book(path, [Sheet("", rows, height=size // 200 + 1)])


def _objects(path: Path) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as file:
        if file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):
            file.seek(0)
            yield from _array(path, file.read())
            return
        file.seek(0)
        number = 0
        while line := file.readline(MAX_LINE):
            number += 1
            if line.strip():
                yield number, line.removeprefix(b"\xef\xbb\xbf")


def _array(path: Path, body: bytes) -> Iterator[tuple[int, bytes]]:
    try:
        yield from enumerate(map(bytes, _decode_array(body.removeprefix(b"\xef\xbb\xbf"))), start=1)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise TableError(path, f"不是合法的 JSON：{error}", f"not JSON: {error}") from None


def _names(path: Path) -> list[str]:
    names: dict[str, None] = {}
    for _, body in _objects(path):
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
            names.update(dict.fromkeys(_decode(body)))
        if len(names) > MAX_NAMES:
            raise TableError(
                path,
                f"有 {MAX_NAMES} 个以上不同的字段名：应为扁平的对象，每行一个",
                f"more than {MAX_NAMES} different names: expected flat objects, one a line",
            )
    if not names:
        raise TableError(
            path,
            "JSON 里没有扁平的对象（嵌套在 data、list 之类里面，或一个对象分成几行）：请取出其中的数组，如 "
            '[{"办件编号": …}, …]，或每行一个对象',
            "no flat JSON objects: expected an array of them, or one a line",
        )
    return list(names)
