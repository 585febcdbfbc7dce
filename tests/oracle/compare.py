"""Differences between two readings, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def compare(expected: Mapping[str, Any], actual: Mapping[str, Any]) -> list[str]:
    """One line a difference. An indicator that one side leaves out equals (0, 0) on the other."""
    names = sorted({*expected, *actual})
    return [
        f"{name}: expected {_words(expected.get(name))}, got {_words(actual.get(name))}"
        for name in names
        if _plain(expected.get(name)) != _plain(actual.get(name))
    ]


def _plain(value: Any) -> Any:
    """Lists, tuples and figures with numerator and denominator alike; nothing as (0, 0)."""
    if value is None:
        return (0, 0)
    if hasattr(value, "numerator") and not isinstance(value, int):
        return (value.numerator, value.denominator)
    return tuple(value) if isinstance(value, (list, tuple)) else value


def _words(value: Any) -> str:
    plain = _plain(value)
    if value is None:
        return "nothing"
    return f"{plain[0]} / {plain[1]}" if isinstance(plain, tuple) and len(plain) == 2 else repr(plain)
