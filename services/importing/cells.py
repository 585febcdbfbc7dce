"""Cells of an imported table, and the normal forms in which their texts are compared."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Formula:
    """A cell without a value in the file: a formula that was never computed, or an error such as #REF!."""

    text: str


class Struck(Formula):
    """A cell whose text is struck through in part, such as 20 in `20 15个工作日`: it is not clear what holds."""


class Torn(Formula):
    """A merged cell in a column where merges do not group rows: it may or may not have the value of the merge."""


class Garbled(Formula):
    """A cell whose text was decoded with a wrong encoding, now or before it was exported."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A line of the file that is not a row of the table."""

    text: str


Cell = str | int | float | bool | datetime | date | time | timedelta | Formula | Broken | None

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\ufffe]")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_TRADITIONAL = str.maketrans(
    "項編碼稱門單類辦時間結請諾評價實務滿狀態構務處種開環節點個無場內條層級質對號約審許領發證業證給別關進駐綜獎裁徵檢繳訴訟報應縣區廳農漁醫療衛",
    "项编码称门单类办时间结请诺评价实务满状态构务处种开环节点个无场内条层级质对号约审许领发证业证给别关进驻综奖裁征检缴诉讼报应县区厅农渔医疗卫",
)


def text_of(cell: Cell) -> str:
    """Return a cell as text, without invisible characters or white space at its ends; Excel's 20.0 becomes 20."""
    if isinstance(cell, str):
        return cleaned(cell) if not cell.isascii() or "_x" in cell else cell.strip()
    if cell is None:
        return ""
    if isinstance(cell, float) and abs(cell) < 1e15:
        return str(int(cell)) if cell.is_integer() else repr(_settled(cell))
    return cell.text if isinstance(cell, Formula | Broken) else str(cell)


def _settled(number: float) -> int | float:
    """Return a number without the rounding errors of binary fractions, which formulas produce."""
    rounded = round(number, 9)
    return int(rounded) if rounded.is_integer() else rounded


_LOST = re.compile("\ufffd|锟斤拷|烫烫烫")
_LATIN = re.compile("[\x80-\xff]")


def is_garbled(text: str, encoding: str = "") -> bool:
    """Return whether a text was once decoded wrongly: it has lost characters, or its bytes read as UTF-8 are Chinese.

    encoding: the encoding by which it was read now, empty for UTF-8.
    """
    if text.isascii():
        return False
    if _LOST.search(text):
        return True
    return any(
        _decodes_again(text, by) for by in (encoding, *(("latin-1", "cp1252") if _LATIN.search(text) else ())) if by
    )


def _decodes_again(text: str, by: str) -> bool:
    try:
        again = text.encode(by).decode("utf-8")
    except UnicodeError:
        return False
    return any("\u4e00" <= char <= "\u9fff" for char in again)


_ERROR = re.compile(
    r"#(N/A|REF!|DIV/0!|VALUE!|NAME\?|NULL!|NUM!|SPILL!|CALC!|BLOCKED!|FIELD!|GETTING_DATA)|#+|err:\d{3}", re.IGNORECASE
)
_FORMULA = re.compile(r"[=＝](?!\s*[\"“”]).*", re.DOTALL)


FAULTS_BEGIN = frozenset(' #=＝＃Ee\t\u3000\xa0\u200b\ufeff同〃″"＂々')
"""First characters of texts that may be an error, a formula or a reference to another cell."""
_DITTO = re.compile('同[上前左][行栏格面]?|[〃々]|["′]{1,4}')


def is_ditto(cell: Cell) -> bool:
    """Return whether a text only refers to another cell: 同上, 〃."""
    return isinstance(cell, str) and len(cell) < 10 and _DITTO.fullmatch(folded(cell)) is not None


def is_fault(cell: Cell) -> bool:
    """Return whether a cell has no value of its row: an error such as #REF! or ####, a formula, or 同上."""
    if isinstance(cell, Formula):
        return True
    if not isinstance(cell, str) or cell[:1] not in FAULTS_BEGIN:
        return False
    text = text_of(cell).replace("＃", "#")
    return _ERROR.fullmatch(text) is not None or _FORMULA.fullmatch(text) is not None or is_ditto(text)


@lru_cache(maxsize=65_536)
def cleaned(text: str) -> str:
    """Return a text without zero-width characters, `_x000D_` escapes or white space at its ends."""
    return _INVISIBLE.sub("", _ESCAPED.sub(_unescaped, text)).replace("\xa0", " ").strip()


def _unescaped(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return " " if character.isspace() or not character.isprintable() else character


_MARKS = re.compile(
    "([\u00b2\u00b3\u00b9\u00bc-\u00be\u2070-\u209c\u2150-\u215f\u2189\u2460-\u249b\u24ea-\u24ff\u2776-\u2793]+)"
)
"""Footnote marks, circled numbers and fractions: normalized, they would turn 20¹ into 201 and c-1① into c-11."""


def normal(text: str) -> str:
    """Return a text with full-width characters as plain ones; footnote marks and circled numbers stay unchanged."""
    if text.isascii():
        return text
    if _MARKS.search(text) is None:
        return unicodedata.normalize("NFKC", text)
    parts = _MARKS.split(text)
    return "".join(part if place % 2 else unicodedata.normalize("NFKC", part) for place, part in enumerate(parts))


@lru_cache(maxsize=65_536)
def folded(text: str) -> str:
    """Return the form in which words are compared: plain, lower-case, simplified characters without white space."""
    plain = normal(cleaned(text)).translate(_TRADITIONAL).lower()
    return re.sub(r"\s+", "", plain)


def word_of(cell: Cell) -> str:
    """Return a cell as a folded word for look-ups; True and False become 是 and 否."""
    if isinstance(cell, str):
        return folded(cell)
    if isinstance(cell, bool):
        return "是" if cell else "否"
    return folded(text_of(cell))


def is_empty(cell: Cell) -> bool:
    if cell is None or cell == "":
        return True
    return isinstance(cell, str) and (cell[0] <= " " or not cell.isascii()) and not text_of(cell)


def word_set(text: str) -> frozenset[str]:
    """Return the words of a text that is separated by blanks."""
    return frozenset(text.split())


_PLACEHOLDERS = word_set(
    "- -- --- — —— – / // \\ 无 暂无 空 null none nil nan nat n/a na \\n undefined (空) (无) (null) 未填 待补 * … .."
)
_NOT_YET = re.compile(
    r"(尚|暂|还)?(未|没有?)(办结|受理|收件|送达|评价|评|评定|撤件|办理|完成|结束|发生|挂起|恢复|补正|领取|出证|开始)"
    r"|(待|等待)(办|办结|受理|评价|评|收件|送达|办理|补正|审批|审核|领取)|(正在)?(办理|受理|审核|审批|处理|"
    r"评价|补正)中|在办"
)
_NO_DATES = re.compile(
    r"0{4}[-/.年]?0{1,2}[-/.月]?0{1,2}日?([t]?0{1,2}:0{2}(:0{2}(\.0+)?)?)?|0|"
    r"1900[-/.年]0?1[-/.月]0?[01]日?([t]?0{1,2}:0{2}(:0{2}(\.0+)?)?)?"
    r"|1899[-/.年]12[-/.月]3[01]日?(.*)|1970[-/.年]0?1[-/.月]0?1日?([t]?0[08]:00(:00(\.0+)?)?)?"
    r"|0001[-/.年]0?1[-/.月]0?1日?(.*)|9999[-/.年]12[-/.月]31日?(.*)|2999[-/.年]12[-/.月]31日?(.*)"
)


@lru_cache(maxsize=65_536)
def says_nothing(word: str) -> bool:
    """Return whether a folded word only stands for an empty cell: -, /, 无, NULL, 未办结, 办理中 …"""
    return not word or word in _PLACEHOLDERS or _NOT_YET.fullmatch(word) is not None


@lru_cache(maxsize=65_536)
def is_no_date(word: str) -> bool:
    """Return whether a folded word stands for no date, as databases write it: 0000-00-00, 1900-01-01."""
    return says_nothing(word) or _NO_DATES.fullmatch(word) is not None


_SCIENTIFIC = re.compile(r"[+-]?\d+\.\d*[eE][+-]?\d+|[+-]?\d*[eE]\+\d+|\d+\.0+")
"""A code that was taken for a number, as spreadsheets (2.22E+17) and programs (2.22401202603E17, 1234.0) write it."""
_SEVERAL = re.compile(r"[\n\r\t、,;]")
_LABEL = re.compile("[\u4e00-\u9fff]:")
_SIGN_OF_CODE = re.compile("[0-9A-Za-z]")
_QUOTED = re.compile(r'="(.*)"', re.DOTALL)
MOST_DIGITS = 15
"""Number of digits that a spreadsheet keeps of a number."""


class SpoiltCode(ValueError):
    """The code was changed by a spreadsheet, and its digits cannot be restored."""


class SeveralCodes(SpoiltCode):
    """The cell has more than one code."""


class NoCode(SpoiltCode):
    """The text is no code: it has neither digits nor letters, or it has a label."""


def code_of(cell: Cell) -> str:
    """Return a code as text, repaired if the repair is certain; otherwise raise SpoiltCode."""
    if cell.__class__ is not str:
        if isinstance(cell, bool | date | time | timedelta):
            raise SpoiltCode(str(cell))
        if isinstance(cell, int | float):
            return _code_of_number(cell)
    text = text_of(cell)
    if text.isascii() and text.isalnum() and not text[:1].isdigit():
        return text
    return _repaired(text)


def _code_of_number(cell: float) -> str:
    if abs(cell) >= 10**MOST_DIGITS or cell != int(cell) or cell < 0:
        raise SpoiltCode(f"{cell:.6E}" if abs(cell) >= 10**MOST_DIGITS else str(cell))
    return str(int(cell))


@lru_cache(maxsize=4096)
def _repaired(text: str) -> str:
    quoted = _QUOTED.fullmatch(text)
    plain = normal(cleaned(quoted[1]) if quoted else text).strip()
    plain = plain[1:].strip() if plain[:1] in ("'", "`", "’", "‘") else plain
    if plain.isalnum() and plain.isascii():
        return plain
    if _SCIENTIFIC.fullmatch(plain):
        raise SpoiltCode(plain)
    if _SEVERAL.search(plain):
        raise SeveralCodes(plain)
    if _LABEL.search(plain) or not (_SIGN_OF_CODE.search(plain) or says_nothing(plain) or plain in _NO_CODES_YET):
        raise NoCode(plain)
    return plain


_NO_CODES_YET = frozenset(("待定", "待补充", "待赋码", "待生成", "暂缺", "未知", "不详", "未编码", "未赋码", "无编码"))


def is_no_code(code: str) -> bool:
    """Return whether a text says that there is no code, or none yet."""
    return not code[-1:].isdigit() and (says_nothing(code) or code in _NO_CODES_YET)
