"""Matching of departments by their names: 县市场监督管理局, 汪清县市场监督管理局 and 市监局 may be one department.

A spelling counts as a known department if it differs only in blanks, brackets or the county before the name. A question
is asked about a spelling that merely resembles known departments; it lists the nearest of them.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from hallpulse.domain.catalogue import Timeline
from hallpulse.domain.plan import Department

from .cells import folded, text_of

_SHORTER = re.compile(r"^(?:.{0,12}?省)?(?:.{0,12}?州)?(?:.{1,12}?)(?=[县市区])")
_BRACKET = re.compile(r"[(（](.+?)[)）]")
_PLACE = re.compile(
    r"^(?:[^局委办]{2,12}?省)?(?:[^局委办]{2,12}?[州盟])?(?:([^局委办州省]{1,8}?)?([县区旗]|市(?!场|政|民|容|监)))?"
)
_ABBREVIATED = (
    ("市场监督管理", "市监"), ("人力资源和社会保障", "人社"), ("住房和城乡建设", "住建"), ("发展和改革", "发改"),
    ("卫生健康", "卫健"), ("农业农村", "农"), ("自然资源", "资源"), ("教育科技", "教科"), ("政务服务和数据", "政数"),
)  # fmt: skip
_SEVERAL = re.compile(r"[、,;/+&|\n]|(?<=[局委办厅])(?:和|及|与|会同|会)(?=[县市区省州])")
_OFFICE = re.compile(r".+(?:局|委|会|办|室|中心|院|队|所|站|厅|部|政府|公司|银行|社)(?:\(.*\))?")
_BLANKS_WITHIN = re.compile(r"(?<=[^\x00-\x7f])\s+|\s+(?=[^\x00-\x7f])")
_NEAR = 0.6
_MOST_NEAREST = 3


class DepartmentCodes:
    """The codes of a plan's departments, found by their names; other names stay unchanged."""

    def __init__(self, departments: Iterable[Department] = ()) -> None:
        self._codes = dict(_named(departments))

    def code_of(self, written: str) -> str:
        plain = folded(written)
        return self._codes.get(plain) or self._codes.get(_SHORTER.sub("", plain)) or written


def _named(departments: Iterable[Department]) -> Iterable[tuple[str, str]]:
    for department in departments:
        for name in (department.id, department.names.zh, department.names.en):
            yield folded(name), department.id
            short = _BRACKET.search(name)
            if short is not None:
                yield folded(_BRACKET.sub("", name)), department.id
                yield folded(short[1]), department.id


@dataclass(slots=True)
class Departments:
    """Finds the department that a spelling means.

    known: the stored departments; spelt: folded spelling → department, from a profile or from answers; codes: the codes
    of the plan's departments, if codes are to be stored instead of names.
    """

    known: frozenset[str] = frozenset()
    spelt: Mapping[str, str] = field(default_factory=dict)
    codes: DepartmentCodes = field(default_factory=DepartmentCodes)
    _found: dict[tuple[str, str], str | None] = field(default_factory=dict)
    _first: dict[str, str] = field(default_factory=dict)
    """Folded spelling → its first spelling in the table, for new departments."""

    def find(self, written: str, of_item: str = "") -> str | None:
        """Return the department that a spelling means; None if that is not certain.

        of_item: the department of the case's item; a spelling that differs from it only in the county means it.
        """
        key = (written, of_item)
        if key not in self._found:
            self._found[key] = self._find(written, of_item)
        return self._found[key]

    def _find(self, written: str, of_item: str) -> str | None:
        plain = folded(written)
        given = self.spelt.get(plain)
        if given is not None:
            return given
        coded = self.codes.code_of(written)
        if coded != written or written in self.known:
            return coded
        if several(written):
            return None
        same = {name for name in self.known if folded(name) == plain}
        if len(same) == 1:
            return same.pop()
        county, body = _parts(plain)
        alike = {name for name in self.known if _parts(folded(name))[1] == body}
        certain = {name for name in alike if name == of_item or not (county and _parts(folded(name))[0] != county)}
        if len(certain) == 1 and len(alike) == 1:
            return certain.pop()
        new = not (self.known and (alike or self.nearest(written)))
        return self._first.setdefault(plain, _BLANKS_WITHIN.sub("", text_of(written))) if new else None

    def is_given(self, written: str) -> bool:
        """Return whether a spelling is known from the store, the profile, an answer or the plan."""
        return written in self.known or folded(written) in self.spelt or self.codes.code_of(written) != written

    def alike(self, names: Iterable[str]) -> Mapping[str, str]:
        """Return the new spellings that may mean the same department as an earlier one: later → earlier spelling.

        An example is 汪清县公安局 after 县公安局.
        """
        found: dict[str, str] = {}
        by_body: dict[str, list[str]] = {}
        for name in dict.fromkeys(names):
            county, body = _parts(folded(name))
            others = by_body.setdefault(body, [])
            one = next((other for other in others if not county or _parts(folded(other))[0] in ("", county)), None)
            if one is not None and folded(one) != folded(name):
                found[name] = one
            others.append(name)
        return found

    def nearest(self, written: str) -> list[str]:
        """Return the known departments that the spelling resembles, the nearest first."""
        body = _parts(folded(written))[1]
        scored = [(_likeness(body, _parts(folded(name))[1]), name) for name in self.known]
        return [name for score, name in sorted(scored, reverse=True) if score >= _NEAR][:_MOST_NEAREST]


def several(written: str) -> list[str]:
    """Return the departments that one cell names together, the lead first; empty if it does not name several."""
    parts = [part.strip() for part in _SEVERAL.split(unicodedata.normalize("NFKC", written)) if part.strip()]
    return parts if len(parts) > 1 and all(map(_OFFICE.fullmatch, parts)) else []


def departments_of(catalogue: Mapping[str, Timeline]) -> frozenset[str]:
    """Return every department that an item of the catalogue has or had."""
    return frozenset(span.version.department for spans in catalogue.values() for span in spans)


def _parts(name: str) -> tuple[str, str]:
    """Return the county with which a folded name begins (empty for none or a bare 县), and the rest of the name."""
    match = _PLACE.match(name)
    if match is None or match.end() >= len(name):
        return "", name
    prefecture = match.group(0) and not match.group(2)
    return (match.group(0) if prefecture else match.group(1) or ""), name[match.end() :]


def _likeness(one: str, other: str) -> float:
    for long, short in _ABBREVIATED:
        one, other = one.replace(long, short), other.replace(long, short)
    return difflib.SequenceMatcher(None, one, other).ratio()
