"""Expressions as text: selectors with their labels quoted, numbers written exactly."""

from __future__ import annotations

from fractions import Fraction


def select(metric: str, **labels: str | int) -> str:
    """`metric{label="value"}`; `hall__re` stands for `hall=~`, a regular expression."""
    inside = ",".join(_matcher(name, str(value)) for name, value in labels.items())
    return f"{metric}{{{inside}}}" if inside else metric


def _matcher(name: str, value: str) -> str:
    if name.endswith("__re"):
        return f"{name.removesuffix('__re')}=~{quoted(value)}"
    return f"{name}={quoted(value)}"


def quoted(text: str) -> str:
    """A string of PromQL, which has Go's escapes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def number(amount: Fraction | float) -> str:
    """Without a needless point or exponent: 1/1000 → 0.001."""
    text = f"{float(amount):.12f}".rstrip("0").rstrip(".")
    return "0" if text in ("", "-0") else text
