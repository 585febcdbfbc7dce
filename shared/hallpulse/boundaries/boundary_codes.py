"""The codes of areas (GB/T 2260; of townships GB/T 10114): how they are written, and whose children they are."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hallpulse.contract.reasons import Sentence
from hallpulse.domain.reconciliation import child_of

CODE_NAMES = (
    "adcode", "code", "region", "region_code", "xzqdm", "xzdm", "pac", "gb", "行政区划代码", "区划代码", "行政区代码",
    "乡镇代码", "统计用区划代码", "id",
)  # fmt: skip
"""Properties that may hold an area's code, in the order in which they are tried; small letters stand for all."""
_DIGITS = re.compile(r"[1-9][0-9]{5}(?:[0-9]{3}){0,2}", re.ASCII).fullmatch
_DIRECT = 90
"""From these two digits on, counties lie directly below their province."""


def area_code(name: str, text: str) -> str:
    """Return a code of 6 digits, or of 9 for a township; "" if the text is none.

    name: of the property; `gb`, which the national map uses, has 156 for China before the code.
    """
    digits = text[3:] if name == "gb" and text.startswith("156") else text
    if not _DIGITS(digits):
        return ""
    while len(digits) > 6 and digits.endswith("000"):
        digits = digits[:-3]
    return digits[:9]


def region_above(codes: Sequence[str]) -> int | None:
    """Return the region above all areas: a county's code for townships, else XXXX00 or XX0000; None if unclear."""
    if not codes or len({len(code) for code in codes}) != 1:
        return None
    if len(codes[0]) == 9:
        counties = {code[:6] for code in codes}
        return int(counties.pop()) if len(counties) == 1 else None
    prefectures, provinces = {code[:4] for code in codes}, {code[:2] for code in codes}
    if len(prefectures) == 1 and not any(code.endswith("00") for code in codes):
        return int(prefectures.pop()) * 100
    return int(provinces.pop()) * 10_000 if len(provinces) == 1 else None


def code_below(code: str, region: int) -> str | None:
    """Return the code of the region's child that an area shows, None if it is no child of the region.

    Counties directly below a province have no prefecture: the code that theirs begin with (XXXX00) is their common
    child, as in the province's sums.
    """
    if region % 100:
        return code if len(code) == 9 and code.startswith(str(region)) else None
    if len(code) != 6:
        return None
    number = int(code)
    if region % 10_000:
        return code if number // 100 == region // 100 and number % 100 else None
    middle = number // 100 % 100
    if number // 10_000 != region // 10_000 or not middle or (number % 100 and middle < _DIRECT):
        return None
    return str(child_of(region, number))


def no_child(code: str, region: int) -> Sentence:
    """Return the sentence that an area's code belongs to no child of the region."""
    if region % 100:
        zh, en = f"{region} 的乡镇代码（9 或 12 位）", f"the code of a township of {region}, 9 or 12 digits"
    elif region % 10_000:
        zh, en = f"{region} 所辖县（市、区）的代码", f"the code of a county of {region}"
    else:
        zh, en = f"{region} 所辖市州的代码（XXXX00）", f"the code of a prefecture of {region}, XXXX00"
    return Sentence(f"{code} 应为{zh}", f"{code}: expected {en}")
