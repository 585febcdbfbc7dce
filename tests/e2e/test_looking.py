"""Heat map, comparison, map and ratings in a real browser: every number shown is the API's."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from hallpulse.boundaries import BoundaryFolder
from hallpulse.plans import load_plans
from hallpulse.store import Store, hash_of, open_store
from tests import boundary_files, browser
from tests.browser import Page
from tests.e2e.test_accessible import RAW, against_wcag, settle, show
from tests.e2e.test_page import api, year
from tests.e2e.test_working_day import sign_in, sign_out
from tests.gateway_ground import PLANS, READ_TOKEN, FakeClock, serving
from tests.integration.test_names_beside_ids import OneAlert
from tests.merging import decoded, merge_all
from tests.oracle.streams import stream
from tests.peopled import Peopled, StoringPublisher
from tests.servers import PostgresServer

pytestmark = pytest.mark.skipif(browser.program() is None, reason=f"none of {', '.join(browser.PROGRAMS)} is installed")
COUNTIES = ("222424", "222401", "220202")
COUNTY, PREFECTURE, PROVINCE = "222424", "222400", "220000"
NO_FIGURE: dict[str, Any] = {"value": None, "enough": False}
CELLS = "[...document.querySelectorAll('{}')].map((row) => [...row.children].map((one) => one.innerText.trim()))"


def three_counties(store_url: str, more: tuple[str, ...] = ()) -> Store:
    """Three counties of two prefectures, and more of them: cases, items, tallies and declared figures of a year."""
    opened = open_store(store_url, plans=load_plans(PLANS))
    opened.halls.add(222424, "hall-1", ["case"], hash_of("x"), zh="政务大厅", en="Main hall")
    merge_all(opened, decoded([*year(), *stream(51, 3000, tuple(dict.fromkeys((*COUNTIES, *more))))]), 700)
    return opened


def looked_at(store: Store, boundaries: Path) -> Any:
    clock = FakeClock(datetime(2026, 11, 24, 4, tzinfo=UTC), time.monotonic())
    resources = Peopled(store, clock, StoringPublisher(store=store, clock=clock), OneAlert()).app.state.resources
    return serving(replace(resources, boundaries=BoundaryFolder(boundaries)))


def boundaries_in(folder: Path) -> None:
    """Those of a prefecture, of which one county has no figures, and of a county, whose second township is markup."""
    counties = {"222401": "延吉市", "222424": "汪清县", "222402": "图们市"}
    boundary_files.put(folder, boundary_files.made_up(counties))
    towns = {"222424100": "汪清镇", "222424101": boundary_files.EVIL}
    boundary_files.put(folder, boundary_files.made_up(towns, halls={"222424100": "hall-1"}))
    (folder / "220000.geojson").write_bytes(b"{")


@pytest.fixture(scope="module")
def address(postgres: PostgresServer, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("boundaries")
    boundaries_in(folder)
    with postgres.fresh_database(template) as url:
        store = three_counties(url)
        with looked_at(store, folder) as port:
            yield f"http://127.0.0.1:{port}"
        store.close()


@pytest.fixture(scope="module")
def shared_page() -> Iterator[Page]:
    with browser.browsing() as opened:
        yield opened


@pytest.fixture
def page(shared_page: Page) -> Page:
    shared_page.complaints.clear()
    shared_page.open("about:blank")
    return shared_page


def opened(page: Page, address: str, region: str, view: str) -> None:
    page.open("about:blank")  # or the tiles of the page before would be taken for those of this one
    page.open(f"{address}/#token={READ_TOKEN}")
    page.until("document.querySelectorAll('.tile').length > 0")
    settle(page, "light", "zh-CN")  # a page keeps the language of the test before
    page.value(f"location.hash = {json.dumps(f'#/?region={region}')}")
    page.until("document.querySelector('.where select').value", region)
    page.until("document.querySelectorAll('.tile').length > 0")
    show(page, view)


def percent(figure: dict[str, Any]) -> str:
    return f"{figure['value'] * 100:.2f} %"


def parts(figure: dict[str, Any]) -> str:
    return f"{figure['numerator']:,} / {figure['denominator']:,}"


def test_every_cell_of_the_heat_map_is_the_departments_figure_of_the_month(page: Page, address: str) -> None:
    opened(page, address, COUNTY, "#/heat?indicator=promise_kept_rate")
    rows = page.value(CELLS.format(".heatmap tbody tr"))
    windows = [(f"2026-{month:02}-01", str(last_day(month))) for month in range(1, 11)]
    windows += [("2026-11-01", "2026-11-24"), ("2026-01-01", "2026-11-24")]
    answers = [api(address, f"/v1/departments?region={COUNTY}&from={frm}&to={to}") for frm, to in windows]
    wanted: dict[str, list[str]] = {}
    for answer in answers:
        for one in answer["departments"]:
            figure = next((i for i in one["indicators"] if i["id"] == "promise_kept_rate"), NO_FIGURE)
            few = "" if figure["enough"] else "◌ "
            text = "·\n—" if figure["value"] is None else f"{few}{percent(figure)}\n{parts(figure)}"
            wanted.setdefault(one["names"]["zh"], []).append(text)
    assert len(rows) > 3
    for name, *cells in rows:
        assert [one.replace("·—", "·\n—") for one in cells] == wanted[name], name
    assert {name for name, *_ in rows} == {
        name for name, cells in wanted.items() if any("%" in cell for cell in cells[:-1])
    }
    links = page.value("[...document.querySelectorAll('.heatmap tbody tr:last-child a')].map((one) => one.hash)")
    assert all("part=denominator" in link for link in links)
    show(page, links[0])
    total = int(page.text(".drawer .facts .big"))
    assert total == int(next(cell for cell in rows[-1][1:] if "/" in cell).rpartition(" / ")[2])
    assert page.complaints == []


def last_day(month: int) -> date:
    return date(2026, month + 1, 1) - timedelta(days=1)


def test_counties_are_ranked_by_their_own_figures_beside_the_sum(page: Page, address: str) -> None:
    opened(page, address, PREFECTURE, "#/compare?indicator=promise_kept_rate")
    found = {county: figure_of(address, county, "promise_kept_rate") for county in ("222401", "222424")}
    best = sorted(found, key=lambda county: -found[county]["value"])
    names = {"222401": "延吉市", "222424": "汪清县"}
    rows = page.value(CELLS.format(".comparison tbody tr"))
    assert [row[:4] for row in rows] == [
        [str(place + 1), names[county], percent(found[county]), parts(found[county])]
        for place, county in enumerate(best)
    ]
    own = figure_of(address, PREFECTURE, "promise_kept_rate")
    sums = page.value(CELLS.format(".comparison tfoot tr"))
    assert [row[1:4] for row in sums] == [
        ["各处之和", percent(own), parts(own)], ["延边朝鲜族自治州", percent(own), parts(own)],
    ]  # fmt: skip
    assert "各处之和与全地区的数相等" in page.text(".drawer")
    assert page.complaints == []


def figure_of(address: str, region: str, indicator: str, more: str = "") -> dict[str, Any]:
    answer = api(address, f"/v1/indicators?region={region}{more}&from=2026-01-01&to=2026-11-24")
    return next(one for one in answer["indicators"] if one["id"] == indicator)


def test_declared_counts_are_counts_and_a_prefectures_departments_have_names(page: Page, address: str) -> None:
    opened(page, address, PREFECTURE, "#/compare?indicator=law_lectures")
    own = figure_of(address, PREFECTURE, "law_lectures")
    sums = page.value(CELLS.format(".comparison tfoot tr"))
    assert [row[2] for row in sums] == [str(own["numerator"])] * 2
    assert [row[3] for row in sums] == ["", ""]
    listed = api(address, f"/v1/departments?region={PREFECTURE}")["departments"]
    assert {one["id"]: one["names"]["zh"] for one in listed}["justice"] == "县司法局"


def test_ratings_are_those_of_the_api_and_their_satisfaction_is_the_indicators(page: Page, address: str) -> None:
    opened(page, address, COUNTY, "#/ratings")
    answer = api(address, f"/v1/ratings?region={COUNTY}&from=2026-01-01&to=2026-11-24")
    own = figure_of(address, COUNTY, "satisfaction")
    assert (answer["ratings"]["satisfied"], answer["ratings"]["rated"]) == (own["numerator"], own["denominator"])
    assert answer["ratings"]["value"] == own["value"]
    assert answer["ratings"]["rated"] == sum(answer["ratings"]["scores"])
    for one in answer["halls"]:
        of_hall = figure_of(address, COUNTY, "satisfaction", f"&hall={one['hall']}")
        assert (one["ratings"]["satisfied"], one["ratings"]["rated"]) == (of_hall["numerator"], of_hall["denominator"])
    wanted = [
        [one["hall_names"]["zh"], *map(str, one["ratings"]["scores"]), f"{percent(one['ratings'])} {of_rated(one)}"]
        for one in answer["halls"]
    ]
    assert page.value(CELLS.format(".counted tbody tr"))[: len(wanted)] == wanted
    assert answer["bad_in_all"] == sum(answer["ratings"]["scores"][:2]) == len(answer["bad"]) > 0
    bad = page.value(CELLS.format(".bads tbody tr"))
    assert [(row[0], row[3], row[4], row[6], row[7]) for row in bad] == [
        (one["case_id"], one["rated"], str(one["score"]), one["answered"] or "", f"{one['days']} 天")
        for one in answer["bad"]
    ]
    then = api(address, f"/v1/ratings?region={COUNTY}&from=2026-01-01&to=2026-11-24&as_of=2000-01-01T00:00:00%2B08:00")
    assert (then["ratings"]["rated"], then["bad"]) == (0, [])
    assert page.complaints == []


def test_a_targets_page_tells_who_pulls_it_down_as_the_api_has_it(page: Page, address: str) -> None:
    opened(page, address, COUNTY, "#/target/promised_limit")
    for by, name in (("department", "department_names"), ("item", "item_name")):
        show(page, f"#/target/promised_limit?by={by}&region={COUNTY}")
        split = api(address, f"/v1/targets/promised_limit/split?region={COUNTY}&by={by}")
        assert sum(Fraction(row["exact"]) for row in split["rows"]) == Fraction(split["exact"])
        page.until("document.querySelectorAll('.split tbody tr').length", min(100, len(split["rows"])))
        wanted = [(row[name]["zh"] if by == "department" else row[name], row) for row in split["rows"][:100]]
        told = page.value(CELLS.format(".split tbody tr"))
        assert [(cells[0], cells[-3], cells[-1]) for cells in told] == [
            (called, parts(row), points(row["share"])) for called, row in wanted
        ]
        assert "null" not in page.text(".drawer")
        assert f"各行相加恰为差距 {points(split['gap'])}" in page.text(".drawer")
    days = api(address, f"/v1/series?region={COUNTY}&indicator=promised_limit_compression&every=day&counting=so_far"
                        "&from=2026-10-25&to=2026-11-24")["rows"]  # fmt: skip
    page.value("document.querySelectorAll('.drawer details').forEach((one) => { one.open = true; })")
    assert page.value(CELLS.format(".daily tbody tr")) == [
        [row["to"], percent(row), parts(row)] for row in reversed(days)
    ]
    assert page.complaints == []


def points(share: float) -> str:
    text = f"{abs(share) * 100:.2f}"
    sign = "±" if text == "0.00" else "−" if share < 0 else "+"
    return f"{sign}{text} 个百分点"


def test_a_trend_of_any_indicator_is_the_apis_for_the_region_and_for_departments(page: Page, address: str) -> None:
    departments = [one["id"] for one in api(address, f"/v1/departments?region={COUNTY}")["departments"]][:2]
    asked = f"indicator=mean_elapsed_days&departments={','.join(departments)}"
    opened(page, address, COUNTY, f"#/trends?{asked}")
    rows = api(address, f"/v1/series?region={COUNTY}&{asked}")["rows"]
    page.until("document.querySelectorAll('.trends tbody tr').length", len(rows))
    told = page.value(CELLS.format(".trends tbody tr"))
    assert [(cells[0], cells[-2], cells[-1]) for cells in told] == [
        (f"{row['from']} – {row['to']}", "—" if row["value"] is None else f"{row['value']:.2f} 天", parts(row))
        for row in rows
    ]
    known = [one for one in rows if one["value"] is not None]
    assert page.value("document.querySelectorAll('.plot .dot').length") == len(known) > 8
    page.value(
        "{ const chosen = document.getElementById('trend-counting'); chosen.value = 'so_far';"
        " chosen.dispatchEvent(new Event('change')); }"
    )
    so_far = api(address, f"/v1/series?region={COUNTY}&{asked}&counting=so_far")["rows"]
    last = f"{so_far[-1]['from']} – {so_far[-1]['to']}"
    page.until("[...document.querySelectorAll('.trends tbody tr')].at(-1)?.children[0].innerText", last)
    assert "counting=so_far" in page.value("location.hash")
    assert page.complaints == []


def as_person(page: Page, address: str, name: str) -> None:
    """Sign in, in the tab in which others looked with a token."""
    page.open(f"{address}/problems")
    page.value("sessionStorage.clear(); localStorage.clear()")
    sign_in(page, address, name)


def test_a_department_opens_its_targets_from_its_work_and_sees_its_own_part(page: Page, address: str) -> None:
    as_person(page, address, "department")
    page.until("document.querySelectorAll('.work a[href^=\"#/target/\"]').length > 1")
    show(page, "#/target/monthly_report")
    page.until("document.querySelectorAll('.split tbody tr').length", 1)
    assert page.value(CELLS.format(".split tbody tr"))[0][0] == "县司法局"
    show(page, "#/target/law_lectures")
    page.until("document.querySelectorAll('.split tbody tr').length > 0")
    assert "这是全地区的数" in page.text(".drawer")
    show(page, "#/target/petition_backlog")
    assert "可能已删除，或不属于您" in page.text(".drawer")
    assert page.complaints == []
    sign_out(page)


def of_rated(one: dict[str, Any]) -> str:
    return f"{one['ratings']['satisfied']} / {one['ratings']['rated']}"


SHAPES = """(() => {
  const svg = document.querySelector('.map').getBoundingClientRect();
  return [...document.querySelectorAll('.map .area')].map((one) => {
    const box = one.getBoundingClientRect();
    return { child: one.dataset.child, step: one.getAttribute('class'), fill: getComputedStyle(one).fill,
             share: (box.width * box.height) / (svg.width * svg.height) };
  });
})()"""


def test_a_prefectures_map_shows_each_county_by_its_own_figure(page: Page, address: str) -> None:
    opened(page, address, PREFECTURE, "#/compare?indicator=promise_kept_rate")
    page.until("document.querySelectorAll('.map .area').length", 3)
    shapes = {one["child"]: one for one in page.value(SHAPES)}
    assert all(0.05 < one["share"] < 0.6 for one in shapes.values()), "a ring the wrong way round covers the globe"
    found = {county: figure_of(address, county, "promise_kept_rate")["value"] for county in ("222401", "222424")}
    best, least = sorted(found, key=lambda county: -found[county])
    assert (shapes[best]["step"], shapes[least]["step"]) == ("area shade-5", "area shade-1")
    assert shapes["222402"]["step"] == "area shade-0"
    assert "map-hatch" in shapes["222402"]["fill"]
    told = page.value("[...document.querySelectorAll('.map text')].map((one) => one.textContent)")
    names = {"222401": "延吉市", "222424": "汪清县"}
    assert {f"{names[county]}{value * 100:.2f} %" for county, value in found.items()} <= set(told)
    assert "延边朝鲜族自治州地图：承诺时限内办结率" in page.value("document.querySelector('.map').ariaLabel")
    assert page.complaints == []


def test_an_area_is_told_by_the_pointer_and_by_the_focus_in_the_table(page: Page, address: str) -> None:
    opened(page, address, PREFECTURE, "#/compare?indicator=promise_kept_rate")
    page.until("document.querySelectorAll('.map .area').length", 3)
    figure = figure_of(address, "222424", "promise_kept_rate")
    page.call("Emulation.setFocusEmulationEnabled", enabled=True)
    page.value("document.querySelector('.comparison [data-child=\"222424\"] a').focus()")
    page.until("document.querySelector('.map .told')?.dataset.child", "222424")
    assert page.text(".mapped .tip").split("\n") == ["汪清县", percent(figure), parts(figure)]
    event = "new PointerEvent('pointermove', { bubbles: true })"
    page.value(f"document.querySelector('.map .area[data-child=\"222402\"]').dispatchEvent({event})")
    assert "图们市" in page.text(".mapped .tip")


def test_a_countys_townships_show_their_halls_and_markup_in_names_stays_text(page: Page, address: str) -> None:
    opened(page, address, COUNTY, "#/compare?indicator=promise_kept_rate")
    page.until("document.querySelectorAll('.map .area').length", 2)
    event = "new PointerEvent('pointermove', { bubbles: true })"
    page.value(f"document.querySelector('.map .area[data-child=\"222424101\"]').dispatchEvent({event})")
    assert boundary_files.EVIL[:60] in page.text(".mapped .tip")
    assert "没有以此为代码的大厅" in page.text(".mapped .tip")
    assert page.value("document.querySelectorAll('.mapped img, .mapped script').length") == 0
    assert page.value("document.title") != "broken"
    page.value(f"document.querySelector('.map .area[data-child=\"hall-1\"]').dispatchEvent({event})")
    assert "政务大厅" in page.text(".mapped .tip")
    assert page.complaints == []


def test_where_there_are_no_usable_boundaries_the_ranking_stands_alone_and_says_why(page: Page, address: str) -> None:
    opened(page, address, PROVINCE, "#/compare?indicator=promise_kept_rate")
    page.until("document.querySelectorAll('.comparison tbody tr').length", 2)
    assert "边界文件不能用" in page.text(".drawer")
    assert page.value("document.querySelectorAll('.map').length") == 0
    opened(page, address, "220200", "#/compare?indicator=promise_kept_rate")
    page.until("document.querySelectorAll('.comparison tbody tr').length", 1)
    assert "边界" not in page.text(".drawer")
    assert page.complaints == []


TOO_LARGE = """[...document.querySelectorAll('#wall, #wall header, #wall .large div, #wall section, #wall li, .map')]
  .filter((one) => one.scrollHeight > one.clientHeight + 1 || one.getBoundingClientRect().bottom > innerHeight + 1)
  .map((one) => one.tagName + '.' + one.className)"""
SMALLEST = """Math.min(...[...document.querySelectorAll('#wall *')]
  .filter((one) => one.textContent && !one.children.length).map((one) => parseFloat(getComputedStyle(one).fontSize)))"""


@pytest.mark.parametrize("size", [(1920, 1080), (3840, 2160)])
@pytest.mark.parametrize(("region", "areas"), [(COUNTY, 2), (PREFECTURE, 3), (PROVINCE, 0)])
def test_the_wall_shows_the_map_or_the_ranking_on_one_screen(
    page: Page, address: str, region: str, areas: int, size: tuple[int, int]
) -> None:
    page.open(f"{address}/wall?region={region}#token={READ_TOKEN}", *size)
    page.until("document.querySelectorAll('.standing .area, .standing li').length > 0", seconds=60)
    page.until("document.querySelectorAll('.standing .area').length", areas)
    page.until(TOO_LARGE, [])
    assert page.value("document.documentElement.scrollHeight <= innerHeight")
    assert page.value(SMALLEST) >= size[1] * 0.03 - 0.5
    assert page.complaints == []


VIEWS = {
    COUNTY: [
        "#/ratings",
        "#/heat?indicator=promise_kept_rate",
        "#/compare?indicator=satisfaction",
        "#/compare?indicator=promise_kept_rate",
        "#/target/promised_limit",
        "#/target/promised_limit?by=item",
        "#/trends?indicator=promise_kept_rate&departments=justice,dept-1",
    ],
    PREFECTURE: ["#/", "#/compare?indicator=promise_kept_rate"],
    PROVINCE: ["#/compare?indicator=leader_in_court"],
}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_no_view_is_against_wcag_a_or_aa(page: Page, address: str, theme: str, language: str) -> None:
    found: dict[str, list[str]] = {}
    for region, views in VIEWS.items():
        opened(page, address, region, "#/")
        settle(page, theme, language)
        for view in views:
            show(page, view)
            wrong = against_wcag(page)
            wrong += RAW.findall(page.text(".drawer") if view != "#/" else "")
            if wrong:
                found[f"{region} {view}"] = wrong
    assert found == {}
    assert page.complaints == []
