"""Boundaries as GeoJSON: what is taken, what is refused in both languages, and what the gateway tells of them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from litestar.testing import TestClient

from hallpulse.boundaries import (
    MOST_AREAS,
    MOST_BYTES,
    BoundaryError,
    BoundaryFolder,
    put_boundaries,
    read_boundaries,
)
from hallpulse.boundaries import boundary_geometry as geometry
from services.console.main import cli
from services.gateway.app import create_app
from tests.gateway_ground import DEPARTMENT_TOKEN, READ_TOKEN, FakeStore, make_resources

PREFECTURE = 222400
Coordinates = list[Any]


def square(west: float, south: float, size: float = 0.5, *, clockwise: bool = False) -> Coordinates:
    ring = [
        [west, south], [west + size, south], [west + size, south + size], [west, south + size], [west, south],
    ]  # fmt: skip
    return ring[::-1] if clockwise else ring


def feature(code: Any, *rings: Coordinates, name: str = "汪清县", key: str = "adcode", **more: Any) -> dict[str, Any]:
    shape = {"type": "Polygon", "coordinates": list(rings) or [square(129, 43)]}
    return {"type": "Feature", "properties": {key: code, "name": name, **more}, "geometry": shape}


def file(*features: Any, **more: Any) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": features, **more}, ensure_ascii=False).encode()


def problems(content: bytes, region: int | None = PREFECTURE, halls: dict[str, str] | None = None) -> str:
    """All sentences, Chinese and English."""
    with pytest.raises(BoundaryError) as refused:
        read_boundaries(content, region, halls)
    assert all(one.zh and one.en for one in refused.value.problems)
    return str(refused.value)


@pytest.mark.parametrize("key", ["adcode", "code", "CODE", "XZQDM", "PAC", "行政区划代码", "区划代码", "id"])
@pytest.mark.parametrize("code", [222424, "222424", 222424.0, " 222424 ", "222424000000"])
def test_a_code_is_found_under_any_of_the_usual_names_as_a_number_or_a_text(key: str, code: Any) -> None:
    found = read_boundaries(file(feature(code, key=key)))
    assert (found.region, found.features[0].properties.code) == ("222400", "222424")


def test_the_national_maps_code_begins_with_that_of_china() -> None:
    assert read_boundaries(file(feature("156222424", key="gb"))).features[0].properties.code == "222424"


def test_the_code_may_be_the_id_of_the_feature() -> None:
    area = {**feature("", key="note"), "id": 222424}
    assert read_boundaries(file(area)).features[0].properties.code == "222424"


@pytest.mark.parametrize(
    ("codes", "region"),
    [
        ((222401, 222424), "222400"),
        ((222400, 220200), "220000"),
        ((110101, 110102), "110100"),
        (("222424101", "222424102000"), "222424"),
        ((420100, 429004), "420000"),
    ],
)
def test_the_region_is_what_the_codes_say(codes: tuple[Any, ...], region: str) -> None:
    assert read_boundaries(file(*map(feature, codes))).region == region


@pytest.mark.parametrize("codes", [(222424, 220200), (222424, 222424101), (222424, 110101), (222424101, 222401101)])
def test_codes_of_several_regions_need_one_named(codes: tuple[Any, ...]) -> None:
    told = problems(file(*map(feature, codes)), None)
    assert "请指明地区" in told or "应为" in told


@pytest.mark.parametrize(
    ("code", "region", "expected"),
    [
        (220202, 222400, "222400 所辖县（市、区）的代码"),
        (222400, 222400, "the code of a county of 222400"),
        (222424101, 222400, "222424101"),
        (222424, 220000, "XXXX00"),
        (110101, 110000, "XXXX00"),
        (222424, 222424, "222424 的乡镇代码"),
        (222401101, 222424, "the code of a township of 222424"),
    ],
)
def test_an_area_that_is_no_child_of_the_region_is_refused(code: int, region: int, expected: str) -> None:
    assert expected in problems(file(feature(code)), region)


def test_counties_directly_below_a_province_share_the_child_of_its_sums() -> None:
    found = read_boundaries(file(feature(429004, name="仙桃市"), feature(429005, name="潜江市")), 420000)
    assert [one.properties.code for one in found.features] == ["429000"]
    assert len(found.features[0].geometry.coordinates) == 2


def doubled_area(ring: Coordinates) -> float:
    return float(sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(ring)))


@pytest.mark.parametrize("outer", [True, False])
@pytest.mark.parametrize("inner", [True, False])
def test_rings_run_as_the_standard_says_however_they_came(outer: bool, inner: bool) -> None:
    rings = square(129, 43, clockwise=outer), square(129.1, 43.1, 0.1, clockwise=inner)
    exterior, hole = read_boundaries(file(feature(222424, *rings))).features[0].geometry.coordinates[0]
    assert doubled_area(list(exterior)) > 0 > doubled_area(list(hole))


def test_islands_are_kept_and_slivers_without_area_are_left_out() -> None:
    line = [[129, 43], [130, 44], [129, 43], [129, 43]]
    shape = {"type": "MultiPolygon", "coordinates": [[square(129, 43)], [line], [square(131, 43, 0.001)], []]}
    found = read_boundaries(file({**feature(222424), "geometry": shape}, feature(222424, square(132, 43))))
    assert len(found.features) == 1
    assert len(found.features[0].geometry.coordinates) == 3


def test_open_rings_are_closed_heights_dropped_and_metres_kept() -> None:
    ring = [[129, 43, 200.5], [129.5000001, 43], [129.5, 43.5], [129, 43.5]]
    kept = read_boundaries(file(feature(222424, ring))).features[0].geometry.coordinates[0][0]
    assert kept == [(129.0, 43.0), (129.5, 43.0), (129.5, 43.5), (129.0, 43.5), (129.0, 43.0)]


NESTED = 200_000


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "不是 GeoJSON"),
        (b"[1]", "不是 GeoJSON"),
        (b'{"type":"Topology"}', "应为 FeatureCollection，实为 Topology"),
        (file(), f"应有 1 至 {MOST_AREAS} 个区域"),
        (file(*[1] * 3), "不是 GeoJSON"),
        ("区划".encode("gbk"), "UTF-8"),
        (b" " * (MOST_BYTES + 1), "larger than 16 MB"),
        (b'{"type":"FeatureCollection","x":' + b"[" * NESTED + b"]" * NESTED + b"}", "嵌套过深"),
        (file(feature(222424, ["@"])).replace(b'"@"', b"[" * NESTED + b"]" * NESTED), "嵌套过深"),
        (file(feature(222424, [[129, 43], "NaN"])).replace(b'"NaN"', b"NaN"), "不是 GeoJSON"),
        (file(feature(222424, [["1e999", 43]])).replace(b'"1e999"', b"1e999"), "坐标有误"),
        (file(feature(222424, [["129", "43"]])), "wrong coordinates"),
        (file(feature(222424, [[129]])), "应有经度和纬度"),
        (file(feature(222424, square(43, 129))), "经度在前"),
        (file(feature(222424, square(14389000, 5320000))), "does not lie in China"),
        (file(feature(222424, [[129, 43], [130, 43], [129, 43]])), "没有面积"),
        (file({**feature(222424), "geometry": None}), "实为 null"),
        (file({**feature(222424), "geometry": {"type": "Point", "coordinates": [129, 43]}}), "got Point"),
        (file({**feature(222424), "geometry": {"type": "GeometryCollection", "geometries": []}}), "GeometryCollection"),
        (file(feature("汪清")), "没有区划代码"),
        (file(feature({"$ne": 1})), "no code of 6, 9 or 12 digits"),
        (file({**feature(222424), "properties": None}), "没有区划代码"),
        (file(feature("２２２４２４")), "没有区划代码"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(content: bytes, expected: str) -> None:
    assert expected in problems(content)


def test_too_many_areas_or_positions_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "1001" in problems(file(*[feature(222424)] * (MOST_AREAS + 1)))
    monkeypatch.setattr("hallpulse.boundaries.geojson.MOST_POSITIONS", 9)
    assert "10 positions, 9 at most" in problems(file(feature(222424), feature(222401)))
    assert geometry.MOST_POSITIONS == 200_000


def test_every_wrong_area_is_told_and_the_first_ten_by_name() -> None:
    told = problems(file(feature(222424), *[feature("x")] * 12, feature(220202))).splitlines()
    assert len(told) == 11
    assert told[0].startswith("features[1]：")
    assert told[-1] == "另有 3 处 and 3 more"


def test_a_name_is_text_of_one_line_whatever_it_holds() -> None:
    evil = '<script>alert(1)</script>\u202e\n"\x00' + "长" * 100
    name = read_boundaries(file(feature(222424, name=evil))).features[0].properties.name
    assert name.startswith("<script>alert(1)</script> ")
    assert len(name) == 60
    assert not {"\n", "\x00", "\u202e"} & set(name)


def test_a_township_shows_the_figures_of_the_hall_that_it_names() -> None:
    content = file(feature(222424101, hall="wangqing-zhen"), feature(222424102))
    assert [one.properties.hall for one in read_boundaries(content).features] == ["wangqing-zhen", ""]
    given_ = read_boundaries(content, None, {"222424102": "hall-2"})
    assert [one.properties.hall for one in given_.features] == ["wangqing-zhen", "hall-2"]
    assert "没有乡镇 222424999" in problems(content, None, {"222424999": "hall-2"})
    assert "应为大厅代码" in problems(file(feature(222424101, hall="<script>")), None)
    assert "only the townships" in problems(file(feature(222424, hall="hall-1")), None)


@given(st.binary(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=9) | st.sampled_from([222424, "FeatureCollection"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["type", "features", "properties", "geometry", "coordinates", "adcode", "id"]), inner),
    max_leaves=20,
).map(lambda one: json.dumps(one).encode()))  # fmt: skip
def test_no_content_ends_in_anything_but_boundaries_or_a_refusal(content: bytes) -> None:
    try:
        assert read_boundaries(content).features
    except BoundaryError as refused:
        assert refused.problems  # noqa: PT017  # either may happen


def test_what_was_put_in_place_is_found_and_read_again_when_it_changes(tmp_path: Path) -> None:
    folder = BoundaryFolder(tmp_path / "new")
    assert folder.find(PREFECTURE).areas is None
    put_boundaries(read_boundaries(file(feature(222424))), tmp_path / "new")
    first = folder.find(PREFECTURE).areas
    assert first is not None
    assert [one.properties.code for one in first.features] == ["222424"]
    assert folder.find(PREFECTURE).areas is first
    put_boundaries(read_boundaries(file(feature(222424), feature(222401, square(128, 43)))), tmp_path / "new")
    second = folder.find(PREFECTURE).areas
    assert second is not None
    assert len(second.features) == 2
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["222400.geojson"]


def _write(content: bytes) -> Callable[[Path], Any]:
    return lambda path: path.write_bytes(content)


@pytest.mark.parametrize("make", [_write(b"{"), _write(file(feature(220202))), Path.mkdir, os.mkfifo])
def test_a_file_that_somebody_put_there_and_cannot_be_used_is_told_and_shows_nothing(
    tmp_path: Path, make: Callable[[Path], Any]
) -> None:
    make(tmp_path / "222400.geojson")
    found = BoundaryFolder(tmp_path).find(PREFECTURE)
    assert found.areas is None
    assert found.problems


@pytest.fixture
def client(tmp_path: Path) -> Any:
    resources = replace(make_resources(FakeStore()), boundaries=BoundaryFolder(tmp_path))
    with TestClient(create_app(resources)) as opened:
        yield opened


def ask(client: TestClient[Any], region: int = PREFECTURE, token: str = READ_TOKEN, **more: str) -> Any:
    return client.get(f"/v1/boundaries?region={region}", headers={"authorization": f"Bearer {token}", **more})


def test_the_gateway_tells_none_then_the_areas_and_then_that_nothing_changed(
    client: TestClient[Any], tmp_path: Path
) -> None:
    none = ask(client)
    assert (none.status_code, none.json()["areas"], none.json()["problems"]) == (200, None, [])
    put_boundaries(read_boundaries(file(feature(222424, name="<b>"))), tmp_path)
    told = ask(client)
    area = told.json()["areas"]["features"][0]
    assert area["properties"] == {"code": "222424", "name": "<b>", "child": "222424"}
    assert area["geometry"]["type"] == "MultiPolygon"
    assert told.headers["content-type"].startswith("application/json")
    same = ask(client, **{"if-none-match": told.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    assert ask(client, **{"if-none-match": none.headers["etag"]}).status_code == 200


def test_the_gateway_says_why_boundaries_cannot_be_used(client: TestClient[Any], tmp_path: Path) -> None:
    (tmp_path / "222400.geojson").write_bytes(b"{")
    told = ask(client).json()
    assert told["areas"] is None
    assert "不是 GeoJSON" in told["problems"][0]["zh"]
    assert "not GeoJSON" in told["problems"][0]["en"]


def test_boundaries_are_read_by_those_who_read_the_region(client: TestClient[Any]) -> None:
    assert ask(client, token=DEPARTMENT_TOKEN).status_code == 403
    assert ask(client, token="nobodys").status_code == 401
    assert client.get("/v1/boundaries?region=../../etc", headers={"authorization": f"Bearer {READ_TOKEN}"}).is_error


def run(*arguments: str | Path) -> Any:
    return CliRunner().invoke(cli, ["boundaries", *map(str, arguments)])


def test_the_command_puts_a_good_file_in_place(tmp_path: Path) -> None:
    given_ = tmp_path / "towns.json"
    given_.write_bytes(file(feature(222424101), feature(222424102, square(130, 43))))
    checked = run(given_, "--check", "--folder", tmp_path / "b")
    assert checked.exit_code == 0, checked.output
    assert not (tmp_path / "b").exists()
    done = run(given_, "--hall", "222424101=main-hall", "--dir", tmp_path / "run")
    assert done.exit_code == 0, done.output
    place = tmp_path / "run" / "boundaries" / "222424.geojson"
    assert str(place) in done.output
    kept = json.loads(place.read_text())
    assert kept["features"][0]["properties"] == {"code": "222424101", "name": "汪清县", "hall": "main-hall"}
    assert BoundaryFolder(place.parent).find(222424).areas == read_boundaries(place.read_bytes())


def test_the_command_refuses_what_cannot_be_used_and_keeps_what_is_there(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_bytes(file(feature(222424)))
    bad.write_bytes(file(feature(222424, square(43, 129))))
    assert run(good, "--folder", tmp_path).exit_code == 0
    kept = (tmp_path / "222400.geojson").read_bytes()
    refused = run(bad, "--folder", tmp_path)
    assert refused.exit_code == 1
    assert "经度在前" in refused.stderr
    assert "the longitude first" in refused.stderr
    assert "Traceback" not in refused.output
    assert (tmp_path / "222400.geojson").read_bytes() == kept


def test_wrong_usage_ends_with_status_2(tmp_path: Path) -> None:
    good = tmp_path / "good.json"
    good.write_bytes(file(feature(222424101)))
    for arguments in ((tmp_path / "none.json",), (good, "--region", "5"), (good, "--hall", "222424101"), (tmp_path,)):
        assert run(*arguments).exit_code == 2, arguments
