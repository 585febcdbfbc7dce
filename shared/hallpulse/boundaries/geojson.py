"""A GeoJSON file of boundaries: what is read of it, and all that is wrong in it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NoReturn, TypeVar

import msgspec

from hallpulse.contract.reasons import Sentence, both
from hallpulse.display import in_order, printable
from hallpulse.domain.errors import HallpulseError

from .boundary_codes import CODE_NAMES, area_code, code_below, no_child, region_above
from .boundary_geometry import MOST_POSITIONS, GivenGeometry, Polygons, UnusableArea, polygons_of

MOST_BYTES = 16 << 20
MOST_AREAS = 1_000
LONGEST_NAME = 60
_NAMES = ("name", "名称", "行政区划名称", "行政区名称", "乡镇名称", "xzqmc", "xzmc")
_HALL_NAMES = ("hall", "大厅")
_MOST_TOLD = 10
_HALL = re.compile(r"[a-z0-9-]{1,40}").fullmatch
Decoded = TypeVar("Decoded")


class AreaProperties(msgspec.Struct, frozen=True, omit_defaults=True):
    """An area's code and name. hall: of a township, the hall whose figures it shows; without one, that of its code."""

    code: str
    name: str
    hall: str = ""


class AreaGeometry(msgspec.Struct, frozen=True):
    """Polygons of rings, the exterior one first (RFC 7946)."""

    coordinates: Polygons
    type: Literal["MultiPolygon"] = "MultiPolygon"


class AreaFeature(msgspec.Struct, frozen=True):
    properties: AreaProperties
    geometry: AreaGeometry
    type: Literal["Feature"] = "Feature"


class Boundaries(msgspec.Struct, frozen=True):
    """The areas below a region, each once, in order of their codes."""

    region: str
    features: list[AreaFeature]
    type: Literal["FeatureCollection"] = "FeatureCollection"


class BoundaryError(HallpulseError):
    """A file of boundaries cannot be used; str() gives a line for every problem."""

    def __init__(self, problems: Sequence[Sentence]) -> None:
        super().__init__("\n".join(map(both, problems)))
        self.problems = tuple(problems)


class _Feature(msgspec.Struct):
    id: str | int | float | None = None
    properties: dict[str, msgspec.Raw] | None = None
    geometry: GivenGeometry | None = None


class _Given(msgspec.Struct):
    type: str = ""
    features: list[_Feature] | None = None


@dataclass(frozen=True, slots=True)
class _Area:
    code: str
    name: str
    hall: str
    polygons: Polygons


def read_boundaries(content: bytes, region: int | None = None, halls: Mapping[str, str] | None = None) -> Boundaries:
    """Return the boundaries in a GeoJSON file. Raises BoundaryError with the first ten problems.

    region: the region above the areas, None to derive it from their codes; halls: township's code → hall, which replace
    those in the file.
    """
    areas, problems = _areas(_collection(content))
    above = region if region is not None else region_above([one.code for one in areas])
    if above is None and not problems:
        refuse("看不出各区域属于哪个地区，请指明地区", "the codes do not tell which region is above them: name it")
    below = [(one, code_below(one.code, above)) for one in areas] if above is not None else []
    problems += [no_child(one.code, above) for one, code in below if code is None and above is not None]
    if problems or above is None:
        raise BoundaryError(_first(problems))
    named = {**{code: one.hall for one, code in below if code and one.hall}, **(halls or {})}
    _check_halls(above, named, {code for _, code in below if code})
    return Boundaries(str(above), _joined([(one, code) for one, code in below if code], named))


def refuse(zh: str, en: str) -> NoReturn:
    raise BoundaryError([Sentence(zh, en)])


def _first(problems: Sequence[Sentence]) -> list[Sentence]:
    rest = len(problems) - _MOST_TOLD
    more = [Sentence(f"另有 {rest} 处", f"and {rest} more")] if rest > 0 else []
    return [*problems[:_MOST_TOLD], *more]


def _collection(content: bytes) -> list[_Feature]:
    if len(content) > MOST_BYTES:
        most = MOST_BYTES >> 20
        refuse(f"文件超过 {most} MB，请先简化边界", f"larger than {most} MB: simplify the boundaries first")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        refuse("不是 UTF-8 编码的文件", "expected a file in UTF-8")
    given = _decoded(text, _Given)
    if given.type != "FeatureCollection" or given.features is None:
        kind = printable(given.type[:40]) or "—"
        refuse(f"应为 FeatureCollection，实为 {kind}", f"expected a FeatureCollection, got {kind}")
    if not 0 < len(given.features) <= MOST_AREAS:
        count = len(given.features)
        refuse(f"应有 1 至 {MOST_AREAS} 个区域，实有 {count} 个", f"expected 1 to {MOST_AREAS} areas, got {count}")
    return given.features


def _decoded(text: str, kind: type[Decoded]) -> Decoded:
    """Return JSON of that kind; raise BoundaryError where it is something else, or nested too deeply."""
    try:
        return msgspec.json.decode(text, type=kind)
    except RecursionError:
        refuse("嵌套过深，不是 GeoJSON", "nested too deeply for GeoJSON")
    except msgspec.DecodeError as error:
        why = printable(str(error))[:200]
        refuse(f"不是 GeoJSON：{why}", f"not GeoJSON: {why}")


def _areas(features: Sequence[_Feature]) -> tuple[list[_Area], list[Sentence]]:
    areas: list[_Area] = []
    problems: list[Sentence] = []
    for number, feature in enumerate(features):
        try:
            areas.append(_area(feature))
        except UnusableArea as wrong:
            zh, en = wrong.sentence
            problems.append(Sentence(f"features[{number}]：{zh}", f"features[{number}]: {en}"))
    positions = sum(len(ring) for area in areas for polygon in area.polygons for ring in polygon)
    if positions > MOST_POSITIONS:
        zh = f"共 {positions} 个坐标点，最多 {MOST_POSITIONS} 个，请先简化边界"
        en = f"{positions} positions, {MOST_POSITIONS} at most: simplify the boundaries first"
        problems.append(Sentence(zh, en))
    return areas, problems


def _area(feature: _Feature) -> _Area:
    properties = {name.casefold(): value for name, value in (feature.properties or {}).items()}
    codes = {name: _text(properties.get(name)) for name in CODE_NAMES}
    if feature.id is not None:
        codes["id"] = codes["id"] or _written(feature.id)
    found = next((code for name, text in codes.items() if (code := area_code(name, text))), None)
    if found is None:
        names = "、".join(CODE_NAMES)
        raise UnusableArea(
            f"没有区划代码（6、9 或 12 位），找过的属性：{names}",
            f"no code of 6, 9 or 12 digits in any of the properties {names}",
        )
    name = next((text for key in _NAMES if (text := _text(properties.get(key)))), "") or found
    hall = next((text for key in _HALL_NAMES if (text := _text(properties.get(key)))), "")
    return _Area(found, _one_line(name)[:LONGEST_NAME], hall, polygons_of(feature.geometry, found))


def _one_line(name: str) -> str:
    """Return a name without line breaks, control characters and marks that turn the direction of text."""
    return in_order(" ".join(name.split()))


def _text(raw: msgspec.Raw | None) -> str:
    """Return a property as text, "" if it is neither a text nor a number."""
    try:
        return _written(msgspec.json.decode(raw, type=str | int | float)) if raw is not None else ""
    except (msgspec.DecodeError, RecursionError):
        return ""


def _written(value: str | int | float) -> str:
    return str(int(value) if isinstance(value, float) and value.is_integer() else value).strip()


def _check_halls(region: int, halls: Mapping[str, str], codes: set[str]) -> None:
    """Raise BoundaryError for a hall that is none, or of a township that is not there."""
    if halls and not region % 100:
        refuse("只有县的乡镇能注明大厅", "only the townships of a county name halls")
    for code, hall in halls.items():
        shown, told = printable(code)[:60], printable(hall)[:60]
        if code not in codes:
            refuse(f"文件里没有乡镇 {shown}", f"the file has no township {shown}")
        if not _HALL(hall):
            zh, en = f"{shown} 的大厅 {told} 应为大厅代码", f"{shown}: expected a hall's id, got {told}"
            refuse(f"{zh}（a-z、0-9、-）", f"{en} (a-z, 0-9, -)")


def _joined(areas: Sequence[tuple[_Area, str]], halls: Mapping[str, str]) -> list[AreaFeature]:
    """Return a feature for each code; areas with the same one, such as islands, are parts of it."""
    parts: dict[str, list[_Area]] = {}
    for area, code in areas:
        parts.setdefault(code, []).append(area)
    return [
        AreaFeature(
            AreaProperties(code, code if len({one.name for one in same}) > 1 else same[0].name, halls.get(code, "")),
            AreaGeometry([polygon for one in same for polygon in one.polygons]),
        )
        for code, same in sorted(parts.items())
    ]
