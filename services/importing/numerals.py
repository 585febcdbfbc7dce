"""Chinese numerals as limits are written: 十五, 二十, 一百二十, 两, 半."""

from __future__ import annotations

from fractions import Fraction

_DIGITS = {"零": 0, "〇": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
_PLACES = {"十": 10, "百": 100, "千": 1000}
CHARACTERS = "".join((*_DIGITS, *_PLACES, "半"))


def chinese_number(text: str) -> Fraction | None:
    """The number, or None where the characters are not a well-formed one below 10,000."""
    if text == "半":
        return Fraction(1, 2)
    if len(text) > 1 and all(char in _DIGITS for char in text):
        return Fraction(int("".join(str(_DIGITS[char]) for char in text)))
    return _placed(text)


def _placed(text: str) -> Fraction | None:
    """Digits with their places, each place lower than the one before: 一百二十, not 十百."""
    total, digit, last_place = 0, None, 10_000
    for position, char in enumerate(text):
        if char in _DIGITS:
            if digit:
                return None
            digit = _DIGITS[char]
            continue
        place = _PLACES.get(char, last_place)
        if place >= last_place or (digit is None and (position or place != 10)) or digit == 0:
            return None
        total += (1 if digit is None else digit) * place
        digit, last_place = None, place
    if not text or (digit == 0 and total):
        return None
    return Fraction(total + (digit or 0))
