"""Read a plan's `integrity`: thresholds from which on checks report findings; a threshold left out is the usual one."""

from __future__ import annotations

from dataclasses import fields, replace
from fractions import Fraction
from typing import Any

from hallpulse.domain.integrity import USUAL, Thresholds
from hallpulse.plans.yaml_node import YamlNode

_NAMES = tuple(one.name for one in fields(Thresholds))
_MOST = 10_000
"""The largest threshold: a check that can never report would look like one that found nothing."""


def read_thresholds(node: YamlNode) -> Thresholds:
    """Read thresholds by their names: shares above 0 % and at most 100 %, all others whole numbers from 1 on."""
    section = node.section(*_NAMES)
    given: dict[str, Any] = {}
    for name in _NAMES:
        entry = section.get(name)
        if entry is not None:
            given[name] = _share(entry) if name.endswith("_share") else _whole(entry)
    return replace(USUAL, **given)


def _share(node: YamlNode) -> Fraction:
    amount = node.amount("share")
    if amount is not None and not 0 < amount <= 1:
        node.note("应大于 0 %，不超过 100 %", "expected more than 0 %, and 100 % at most")
    return amount or Fraction(1)


def _whole(node: YamlNode) -> int:
    number = node.whole(1)
    if number > _MOST:
        node.note(f"应不超过 {_MOST}，现在是 {number}", f"expected {_MOST} at most, got {number}")
    return number
