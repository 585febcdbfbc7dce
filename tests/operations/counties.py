"""The country's counties by province, with their codes of GB/T 2260, as python-stdnum lists them."""

from __future__ import annotations

import re
from importlib import resources

_PROVINCE = re.compile(r"(\d\d) province=")
_COUNTY = re.compile(r'  (\d{4}) county="([^"]*)"')
_NOT_REPORTING = ("71", "81", "82")
"""Provinces that the plan does not ask: 31 of 34 are left."""


def counties_by_province(most: int) -> dict[str, list[str]]:
    """Province → codes of its present counties, up to so many in all, taken from every province alike."""
    found: dict[str, list[str]] = {}
    code = ""
    text = (resources.files("stdnum.cn") / "loc.dat").read_text("utf-8")
    for line in text.splitlines():
        if province := _PROVINCE.match(line):
            code = province[1]
        elif (county := _COUNTY.match(line)) and code not in _NOT_REPORTING and _is_present(county[1], county[2]):
            found.setdefault(code, []).append(code + county[1])
    share = min(1.0, most / sum(map(len, found.values())))
    kept = {code: counties[: max(1, int(len(counties) * share))] for code, counties in sorted(found.items())}
    spare = iter([(code, one) for code in kept for one in found[code][len(kept[code]) :]])
    while sum(map(len, kept.values())) < most and (more := next(spare, None)):
        kept[more[0]].append(more[1])
    return kept


def _is_present(code: str, names: str) -> bool:
    """Whether a code is a county's, and in force: the last of its names has no year in which it ended."""
    last = names.rpartition(",")[2]
    ended = re.match(r"\[\d*-\d+\]", last)
    return not code.endswith("00") and code[2:] != "01" and not ended
