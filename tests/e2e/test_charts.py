"""Charts in a real browser: a trend tells what the API says, by pointer and by key, with the library as installed."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest
from hatchling.builders.wheel import WheelBuilder

from tests import browser
from tests.browser import Page
from tests.e2e.test_accessible import address, page, show, store  # noqa: F401  # fixtures
from tests.e2e.test_page import api
from tests.e2e.test_working_day import sign_in

LIBRARIES = Path(__file__).parents[2] / "services" / "gateway" / "libraries"
pytestmark = [
    pytest.mark.skipif(browser.program() is None, reason=f"none of {', '.join(browser.PROGRAMS)} is installed"),
    pytest.mark.skipif(not (LIBRARIES / "node_modules" / "d3").is_dir(), reason="npm could not be reached at set-up"),
]
PAGE_BYTES = 400_000
SCRIPTS = "JSON.stringify(performance.getEntriesByType('resource').map((one) => new URL(one.name).pathname))"
PLACE = "(({x, y}) => ({x: x + 4, y: y + 4}))(document.querySelectorAll('.plot .dot')[4].getBoundingClientRect())"
TIP = "document.querySelector('.tip').innerText"


def press(page: Page, key: str) -> None:  # noqa: F811
    for kind in ("rawKeyDown", "keyUp"):
        page.call("Input.dispatchKeyEvent", type=kind, key=key, code=key)


def as_told(one: dict[str, Any], on: str) -> str:
    return f"{one['value'] * 100:.2f} %\n{one['numerator']} / {one['denominator']}\n{on}"


def test_each_reading_of_a_trend_is_told_by_key_and_pointer_as_the_api_has_it(page: Page, address: str) -> None:  # noqa: F811
    sign_in(page, address, "bureau")
    page.call("Emulation.setFocusEmulationEnabled", enabled=True)
    points = api(address, "/v1/trend?region=222424")["points"]
    wanted = [as_told(point["values"]["promised_limit_compression"], point["on"]) for point in points]
    assert len(wanted) == 11
    show(page, "#/target/promised_limit")
    page.until("document.querySelectorAll('.plot .dot').length", len(wanted))
    page.value("document.querySelector('.plot').focus()")
    page.until(TIP, wanted[-1])
    press(page, "ArrowLeft")
    page.until(TIP, wanted[-2])
    press(page, "Home")
    page.until(TIP, wanted[0])
    assert page.value("document.querySelector('.plot').getAttribute('aria-valuetext')") == (
        wanted[0].split("\n")[2] + " · " + " · ".join(wanted[0].split("\n")[:2])
    )
    place = page.value(PLACE)
    page.call("Input.dispatchMouseEvent", type="mouseMoved", **place)
    page.until(TIP, wanted[4])
    page.value("document.querySelector('.trend details').open = true")
    rows = page.value("[...document.querySelectorAll('.readings tbody tr')].map((one) => one.innerText)")
    told = [row.split("\t") for row in rows]
    assert [f"{value}\n{parts}\n{on}" for on, value, parts in told] == wanted
    assert page.complaints == []


def test_what_the_page_runs_is_its_own_and_small(page: Page, address: str) -> None:  # noqa: F811
    sign_in(page, address, "bureau")
    for view in ("#/target/promised_limit", "#/whatif", "#/matters"):
        show(page, view)
    run = {path for path in json.loads(page.value(SCRIPTS)) if path.endswith(".js")}
    assert "/page/d3.min.js" in run
    packed = {path: len(gzip.compress(httpx.get(address + path).content)) for path in run}
    print(f"scripts of the page, packed: {sum(packed.values())} bytes, of which d3 {packed['/page/d3.min.js']}")
    assert sum(packed.values()) < PAGE_BYTES
    assert page.complaints == []


def test_the_library_is_served_as_it_was_installed_of_the_version_that_is_locked(address: str) -> None:  # noqa: F811
    locked = json.loads((LIBRARIES / "package-lock.json").read_text())["packages"]["node_modules/d3"]
    served = httpx.get(f"{address}/page/d3.min.js")
    assert served.content == (LIBRARIES / "node_modules/d3/dist/d3.min.js").read_bytes()
    assert served.text.startswith(f"// https://d3js.org v{locked['version']} ")
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in served.headers["content-security-policy"]


def test_the_lock_names_no_registry_and_a_checksum_for_everything() -> None:
    text = (LIBRARIES / "package-lock.json").read_text()
    packages = {name: one for name, one in json.loads(text)["packages"].items() if name}
    assert "resolved" not in text
    assert all(one["integrity"].startswith("sha512-") for one in packages.values())


def test_the_wheel_has_the_library_with_its_licence_and_nothing_else_of_npm(tmp_path: Path) -> None:
    built = next(WheelBuilder(str(LIBRARIES.parents[2])).build(directory=str(tmp_path), versions=["standard"]))
    with zipfile.ZipFile(built) as wheel:
        packed = [name for name in wheel.namelist() if "node_modules" in name]
        script = wheel.read("services/gateway/libraries/node_modules/d3/dist/d3.min.js")
    assert sorted(name.rpartition("node_modules/")[2] for name in packed) == [
        "d3/LICENSE", "d3/dist/d3.min.js", "d3/package.json",
    ]  # fmt: skip
    assert script == (LIBRARIES / "node_modules/d3/dist/d3.min.js").read_bytes()
