"""Departments by their name: files say 汪清县公安局 where events carry the plan's code `public-security`."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hallpulse.domain.plan import Department

_SHORTER = re.compile(r"^(?:.{0,12}?省)?(?:.{0,12}?州)?(?:.{1,12}?)(?=[县市区])")
_BRACKET = re.compile(r"[(（](.+?)[)）]")


class DepartmentCodes:
    """Names of a plan's departments → their codes; what no plan names stays as it is."""

    def __init__(self, departments: Iterable[Department] = ()) -> None:
        self._codes = dict(_named(departments))

    def code_of(self, written: str) -> str:
        plain = _plain(written)
        return self._codes.get(plain) or self._codes.get(_SHORTER.sub("", plain)) or written


def _named(departments: Iterable[Department]) -> Iterable[tuple[str, str]]:
    for department in departments:
        for name in (department.id, department.names.zh, department.names.en):
            yield _plain(name), department.id
            short = _BRACKET.search(name)
            if short is not None:
                yield _plain(_BRACKET.sub("", name)), department.id
                yield _plain(short[1]), department.id


def _plain(name: str) -> str:
    return re.sub(r"\s+", "", name.replace("（", "(").replace("）", ")")).lower()
