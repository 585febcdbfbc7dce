"""The layout of a sheet: its header, its columns, its rows of data, and other rows such as titles, totals and notes.

Merged cells that group rows give their value to each row. Every row that is not data is listed with its line.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import NamedTuple

from hallpulse.contract.reasons import Sentence

from .cells import Broken, Cell, Formula, Torn, folded, is_empty, text_of
from .fields import name_of
from .sheets import Sheet, Span
from .words import YES_NO

_TOTAL = re.compile(
    r".{1,16}(小计|合计|总计)[:]?|(合计|总计|小计|共计|总数|累计|汇总|本页小计|total|subtotal|sum)[:]?"
    r"([(]?\d+(项|件|个|条|户|宗|人次?)?[)]?)?"
)
_NOTE = re.compile(
    r"(备?注|说明|填表说明|填报说明|填表人|填报人|制表人?|审核人?|负责人|单位负责人|填报单位|填报日期|"
    r"联系人|联系电话|日期|注意|(打印|导出|统计|截[止至])(日期|时间|人|口径)|以下空白|第\d+页|共\d+[页条])"
)
_SURE_NOTE = re.compile(_NOTE.pattern + r"[:].*|[-—]?第\d+页([/,]?共\d+页)?[-—]?|共\d+[页条]")
_CELLS_OF_A_NOTE = 2
"""Most cells of a row that counts as a note by its first word; with more cells it may be data that lacks its code."""
_EXAMPLE = re.compile(r"(填写|填报)?(示例|样例|范例|举例|例如|例)[:\d]*")
_WORDY = re.compile(r"[\u4e00-\u9fff]")
_REMARKS = re.compile(
    "备注|说明|附注|注释|批注|变动|变更|调整|情况|标记|标识|状态|结果|意见|结论|remark|note|memo|comment"
)
_VOID_ROW = re.compile(
    "(?<![未不没非无])(取消|停用|停办|废止|作废|撤销|下放|不再|删除|暂停|注销|并入|划转|失效|测试|试填|样例|示例|勿用|无效|撤件|撤回|退件|驳回|不予(受理|许可|批准|办理)|不受理"
    "|终止|有误|填错|录错|错误|重复(件|录入|登记|上报|办件|$)|待(核实|确认|核|定)|以.{1,12}为准)"
)
"""Words of a remark that may say that its row is void."""
_VOID_FLAG = re.compile(
    "^(?:是否.{0,4}(?:作废|删除|撤件|撤销|撤回|测试|注销|无效|取消|退件|终止|重复).{0,2}|(?:作废|删除|撤件|测试|注销|无效|退件).{0,2}标[志识记])$"
)
_SOUND_FLAG = re.compile("^是否(?:已|予以)?(?:办结|受理|有效|正常|完成)$")
"""Headers of flags that say whether a row is void (_VOID_FLAG) or valid (_SOUND_FLAG)."""
_COLUMN_NAMES = re.compile("[甲乙丙丁戊己庚辛壬癸]|栏[次号]|列[次号]|序号|行次")
_HINT = re.compile(
    r"(必填|选填|非必填|必选|可选|可空|可为空|不可为空|非空|(文本|字符|数[字值]|日期|时间)(型|格式|串)?|下拉(选择)?|枚举|单选|多选"
    r"|自动生成|系统生成|(n?varchar2?|char|int|integer|number|decimal|date|datetime|string|text)(\(\d+(,\d+)?\))?)项?"
)
_ROWS_OF_A_HEAD = 3
"""Number of rows below a header that may number its columns or explain how to fill them in."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a sheet.

    header: the header's rows joined; field: the field that it names, None without one; rank: how good the name is, 0
    the best; unit: the unit that it names; doubt: parts of the header that may change its meaning.
    """

    index: int
    header: str
    field: str | None
    rank: int = 0
    unit: str = ""
    doubt: str = ""

    @property
    def letter(self) -> str:
        """Return the column's name in a spreadsheet: A, B, … AA."""
        name, number = "", self.index + 1
        while number:
            number, rest = divmod(number - 1, 26)
            name = chr(65 + rest) + name
        return name


class Passed(NamedTuple):
    """A row that is not data, with the reason and its text."""

    line: int
    why: Sentence
    text: str


TITLE = Sentence("标题", "title")
TOTAL = Sentence("合计行", "total")
NOTE = Sentence("备注或小标题", "note or heading")
EXAMPLE = Sentence("示例行", "example")
HEADER_AGAIN = Sentence("重复的表头", "header repeated")
NUMBERING = Sentence("栏号行", "numbers of the columns")
HINTS = Sentence("填写要求行", "hints how to fill in")


def says_void(header: str, text: str) -> bool:
    """Return whether a remark may say that its row is void: 已取消, 测试数据, or 是 in a column 是否作废."""
    word, plain = folded(text), folded(header)
    if _VOID_FLAG.fullmatch(plain):
        return YES_NO.get(word) is True
    if _SOUND_FLAG.fullmatch(plain):
        return YES_NO.get(word) is False
    return _VOID_ROW.search(word) is not None


def _may_void(header: str) -> bool:
    return any(pattern.search(header) for pattern in (_REMARKS, _VOID_FLAG, _SOUND_FLAG))


class Row(NamedTuple):
    """A row of data. line: its number as a spreadsheet program shows it; cells: all cells, merged ones filled in."""

    line: int
    cells: Sequence[Cell]

    def cell(self, index: int | None) -> Cell:
        return self.cells[index] if index is not None and index < len(self.cells) else None


@dataclass(frozen=True, slots=True)
class Layout:
    """A table whose header was found.

    header: the header's lines; fields: field → index of the column that is read for it; rivals: field → all columns
    that name it, if there are several; titles: the rows above the header; merges: cells in a merge that groups rows;
    torn: cells in a merge that groups nothing; identity: columns that identify a row; twins: for each identifying field
    that several columns name, those columns.
    """

    sheet: Sheet
    header: Sequence[int]
    columns: Sequence[Column]
    fields: Mapping[str, int]
    rivals: Mapping[str, Sequence[Column]]
    titles: Sequence[Passed]
    merges: Mapping[tuple[int, int], Span] = field(default_factory=dict)
    torn: frozenset[tuple[int, int]] = frozenset()
    identity: Sequence[int] = ()
    twins: Sequence[Sequence[int]] = ()

    @property
    def name(self) -> str:
        """Return the table's name, from its sheet and header line: a sheet may have several tables."""
        return f"{self.sheet.name}!{self.header[0]}"

    @property
    def width(self) -> int:
        """Return the number of columns up to the last one with a header."""
        return max((column.index for column in self.columns if column.header), default=-1) + 1

    def header_of(self, name: str) -> str:
        """Return the header of a field's column; empty without one."""
        column = self.column(name)
        return "" if column is None else column.header

    def title_of(self, name: str) -> str:
        """Return the header of a field's column in the file; without one, the field's best name."""
        return self.header_of(name) or name_of(name)

    def column(self, name: str) -> Column | None:
        """Return the column that is read for a field; None without one."""
        index = self.fields.get(name)
        return None if index is None else next(column for column in self.columns if column.index == index)

    def reading(self, fields: Mapping[str, int]) -> Layout:
        """Return the layout with other columns to be read. fields: field → index of its column."""
        return replace(self, fields=fields)

    @property
    def nameless(self) -> list[Column]:
        """Return the unread columns without a header, in which remarks or cells of shifted rows stand."""
        read = set(self.fields.values())
        return [column for column in self.columns if not column.header and column.index not in read]

    @property
    def remarks(self) -> list[Column]:
        """Return the columns whose texts may say that a row is void: remarks, statuses and flags."""
        read = set(self.fields.values()) - {self.fields.get("note", -1)}
        return [one for one in self.columns if one.index not in read and _may_void(folded(one.header))]

    @property
    def unused(self) -> list[Column]:
        read = set(self.fields.values())
        return [column for column in self.columns if column.index not in read and column.header]

    def rows(self) -> Iterator[Row | Passed]:
        """Yield every row below the header that is not empty, either as a row of data or as passed over."""
        last = self.header[-1]
        width = len(self.columns)
        above: dict[int, Cell] = {}
        own = [text_of(column.header) for column in self.columns]
        names = frozenset(own)
        at = self.identity[0] if self.identity else 0
        head_until = last + _ROWS_OF_A_HEAD
        for line, cells in self.sheet.rows():
            if line <= last:
                continue
            if line <= head_until and (why := _of_a_head(cells)) is not None:
                yield Passed(line, why, shown(cells))
                continue
            filled = self._filled(line, cells, above) if self.merges else cells
            if self.torn:
                filled = self._with_torn(line, filled)
            if self.rivals:
                filled = self._joined(filled)
            sure = len(cells) > at and _is_plain_code(cells[at]) and cells[at] not in names
            sure = sure and (at == 0 or cells[0].__class__ in (int, float) or _is_plain_code(cells[0]))
            passed = None if sure else self._passed(line, cells, own)
            if passed is not None:
                head_until = line + _ROWS_OF_A_HEAD if passed.why is HEADER_AGAIN else head_until
                yield passed
            elif sure or any(cell is not None and cell != "" for cell in cells):
                extra = len(cells) > width and any(not is_empty(cell) for cell in cells[width:])
                yield Row(line, [Broken("too wide"), *filled] if extra else filled)

    def _filled(self, line: int, cells: list[Cell], above: dict[int, Cell]) -> Sequence[Cell]:
        """Return a row with its merged cells filled in. above: column → value of the merge that spans the row."""
        filled = cells
        for column in range(len(self.columns)):
            span = self.merges.get((line - 1, column))
            if span is None:
                continue
            if span.first_row == line - 1:
                above[column] = cells[column] if column < len(cells) else None
            elif column in above:
                if filled is cells:
                    filled = list(cells) + [None] * (len(self.columns) - len(cells))
                filled[column] = above[column]
        return filled

    def _with_torn(self, line: int, cells: Sequence[Cell]) -> Sequence[Cell]:
        """Return a row in which cells of merges that group nothing are marked: the merge's value may not be theirs."""
        columns = [column for column in range(len(self.columns)) if (line - 1, column) in self.torn]
        if not columns:
            return cells
        torn = [*cells, *[None] * (max(columns) + 1 - len(cells))]
        for column in columns:
            torn[column] = Torn("（合并单元格 merged）")
        return torn

    def _joined(self, cells: Sequence[Cell]) -> Sequence[Cell]:
        """Return a row in which empty cells are filled from other columns of the same field."""
        joined = list(cells)
        for name, rivals in self.rivals.items():
            index = self.fields[name]
            if index < len(joined) and is_empty(joined[index]) and not self._beside(cells):
                unit = next(column.unit for column in self.columns if column.index == index)
                others = ((column, joined[column.index]) for column in rivals if column.index < len(joined))
                joined[index] = next(
                    (_with_unit(cell, column.unit, unit) for column, cell in others if not is_empty(cell)), None
                )
        return joined

    def _beside(self, cells: Sequence[Cell]) -> bool:
        """Return whether a row's identifying columns differ: then it holds rows of two tables side by side."""
        for group in self.twins:
            texts = {text for index in group if index < len(cells) and (text := text_of(cells[index]))}
            if len(texts) > 1:
                return True
        return False

    def _passed(self, line: int, cells: Sequence[Cell], own: Sequence[str]) -> Passed | None:
        first = next((cell for cell in cells if not is_empty(cell)), None)
        identified = any(index < len(cells) and not is_empty(cells[index]) for index in self.identity)
        if (
            first is None
            or isinstance(first, Formula | Broken)
            or (identified and _is_code(first) and first not in own)
        ):
            return None
        why = self._why_no_data(first, cells, own, identified)
        return None if why is None else Passed(line, why, shown(cells))

    def _why_no_data(self, first: Cell, cells: Sequence[Cell], own: Sequence[str], identified: bool) -> Sentence | None:
        given = sum(not is_empty(cell) for cell in cells)
        subjects = [cells[index] for index in self.identity if index < len(cells)]
        subjects = [first] if any(map(_is_plain_code, subjects)) else [first, *subjects]
        if given > 1 and any(isinstance(cell, str) and len(cell) < 20 and _is_total(cell) for cell in subjects):
            return TOTAL
        text = folded(text_of(first)) if isinstance(first, str) and len(first) < 20 else ""
        if first in own and [text_of(cell) for cell in cells][: len(own)] == own[: len(cells)]:
            return HEADER_AGAIN
        if _EXAMPLE.fullmatch(text):
            return EXAMPLE
        if identified and not _may_be_note(first):
            return None
        coded = any(map(_is_plain_code, (cells[index] for index in self.identity if index < len(cells))))
        alone = given == 1 and len(self.columns) > 1
        is_note = alone or (not coded and _is_note(first, identified=identified, given=given))
        return NOTE if is_note else None


def _is_note(first: Cell, *, identified: bool, given: int) -> bool:
    """Return whether a row is a note, by its first cell. given: the number of its cells that are not empty."""
    text = folded(text_of(first))
    alone = not identified and (_NOTE.fullmatch(text) or (given <= _CELLS_OF_A_NOTE and _NOTE.match(text)))
    return bool(alone or _SURE_NOTE.fullmatch(text))


def _with_unit(cell: Cell, own: str, unit: str) -> Cell:
    """Return a cell that fills another column, with its unit added if the other column has another unit.

    4 from 承诺时限（小时） becomes 4小时 in 承诺时限（工作日）.
    """
    return cell if own == unit or not own else f"{text_of(cell)}{own}"


def answered(layout: Layout, answers: Mapping[str, str]) -> Layout:
    """Return the layout with the columns that answers choose, add or leave out."""
    fields, rivals, sure = dict(layout.fields), dict(layout.rivals), set[int]()
    for name, columns in layout.rivals.items():
        chosen = [column for column in columns if column.letter == answers.get(f"column.{name}")]
        if chosen:
            fields[name] = chosen[0].index
            rivals.pop(name)
            sure.add(chosen[0].index)
    for column in layout.columns:
        if (meant := answers.get(f"unread.{column.letter}", "none")) != "none":
            fields.setdefault(meant, column.index)
        if answers.get(f"header.{column.letter}") == "no" and fields.get(column.field or "") == column.index:
            fields.pop(column.field or "")
    columns = [replace(column, doubt="") if column.index in sure else column for column in layout.columns]
    return replace(layout, columns=columns, fields=fields, rivals=rivals)


def _is_plain_code(first: Cell) -> bool:
    """Return whether a cell surely holds a code: ASCII that ends in a digit."""
    return isinstance(first, str) and first.isascii() and first[-1:].isdigit() and first[0] > " "


def _is_code(first: Cell) -> bool:
    """Return whether a cell is a number, or ASCII that ends in a digit: no total, note or heading is such."""
    return not isinstance(first, str) or (first[-1:].isdigit() and first.isascii())


@lru_cache(maxsize=4096)
def _may_be_note(first: Cell) -> bool:
    """Return whether a text in the place of a row's code could begin a note or a heading, because it has Chinese."""
    return isinstance(first, str) and not first.isascii() and _WORDY.search(first) is not None


@lru_cache(maxsize=4096)
def _is_total(text: str) -> bool:
    return _TOTAL.fullmatch(folded(text)) is not None


def _of_a_head(cells: Sequence[Cell]) -> Sentence | None:
    """Return why a row just below a header is not data: it numbers the columns, as 1 2 3 or 甲 乙 1 2, or has hints."""
    texts = [text for cell in cells if (text := folded(text_of(cell)))]
    if len(texts) > 1 and all(map(_HINT.fullmatch, texts)):
        return HINTS
    texts = [unicodedata.normalize("NFKC", text).strip("()") for text in texts]
    named = next((place for place, text in enumerate(texts) if not _COLUMN_NAMES.fullmatch(text)), len(texts))
    letters, rest = [chr(97 + place) for place in range(len(texts))], texts[named:]
    numbers = [[str(first + place) for place in range(len(rest))] for first in (0, 1, named + 1)]
    is_numbering = len(texts) >= _ROWS_OF_A_HEAD and rest and (rest in numbers or texts == letters)
    return NUMBERING if is_numbering else None


def shown(cells: Sequence[Cell]) -> str:
    return " ".join(text for cell in cells if (text := text_of(cell)))[:120]
