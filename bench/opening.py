"""Section `opening`: the page in a browser with a province stored: first paint, its scripts, and events to the page."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from bench.grounds import Grounds, Lane
from bench.ingesting import worker
from bench.options import Options
from bench.probing import prober
from bench.reads import TOKEN, load_province, merge_all, serving, vacuum
from bench.storage import stored_events
from bench.streams import CHECKOUT, COUNTIES, COUNTY, year_until_now
from bench.tables import Row, milliseconds, percentile, show
from tests import browser
from tests.browser import Page

PROVINCE = f"{COUNTY // 10_000}0000"
OTHER_COUNTY = 222401
OPENINGS = 7
RATE = 100.0
"""Events a second beside the probes in one more county: some ten times the mean of sixty counties in office hours."""
PAGES = {
    "the province's page": (PROVINCE, 0.0),
    "a county's page": (str(COUNTY), 0.0),
    f"a county's page, {RATE:.0f} events/s of another": (str(COUNTY), RATE),
}
"""Page → its region, and the load. The load's county is not part of the watched one: only probes change its figures."""
PAINT_LIMIT, EVENT_LIMIT, SCRIPT_LIMIT = 1.0, 3.0, 400_000
PATIENCE_SECONDS = 60.0
_SHOWN = "Number(document.querySelector('[data-key=acceptance_rate-numerator]')?.innerText.replace(/\\D/g, '') || 0)"
_DRAWN = f"{_SHOWN} > 0"
_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"
_SCRIPTS = (
    "performance.getEntriesByType('resource').filter((one) => new URL(one.name).pathname.endsWith('.js'))"
    ".reduce((sum, one) => sum + one.encodedBodySize, 0)"
)
_NOTE_EACH = f"""window.seenAt = {{}}; window.seen = {_SHOWN};
new MutationObserver(() => {{
  const now = Date.now(), shown = {_SHOWN};
  for (let n = window.seen + 1; n <= shown; n++) window.seenAt[n] = now;
  window.seen = Math.max(window.seen, shown);
}}).observe(document.body, {{ subtree: true, childList: true, characterData: true }}); window.seen"""


def run(grounds: Grounds, options: Options) -> dict[str, Any]:
    """Measure a county's page and its province's, each the whole board, with sixty counties stored."""
    county = year_until_now(options.stored)
    with grounds.catalogued(county) as template, grounds.postgres.fresh_database(template) as url:
        merge_all(url, county.events)
        load_province(url, options.stored // 100)
        vacuum(url)
        events = stored_events(url)
        with grounds.lane() as lane, serving(lane, url) as served, worker(lane.amqp_url, url) as ingest:
            ingest.wait()
            opened = {region: _openings(served.address, region) for region in (str(COUNTY), PROVINCE)}
            reached = {
                name: _reached(lane, served.address, region, options.probes, rate)
                for name, (region, rate) in PAGES.items()
            }
    return _shown(events, opened, reached)


def _openings(address: str, region: str) -> dict[str, list[float]]:
    """Open the page in fresh browsers. Returns seconds to the first paint and to the whole board, and script bytes."""
    found: dict[str, list[float]] = {"paint": [], "board": [], "scripts": []}
    for _ in range(OPENINGS):
        with browser.browsing() as page:
            began = time.monotonic()
            _open(page, address, region)
            found["board"].append(time.monotonic() - began)
            found["paint"].append(float(page.value(_PAINT)) / 1000)
            found["scripts"].append(float(page.value(_SCRIPTS)))
    return found


def _open(page: Page, address: str, region: str) -> None:
    page.open(f"{address}/?{time.monotonic_ns()}#/?region={region}&token={TOKEN}")
    page.until(_DRAWN, seconds=PATIENCE_SECONDS)


def _reached(lane: Lane, address: str, region: str, probes: int, rate: float) -> list[float]:
    """Return the seconds from a hall's publish until the open page shows it, for each event."""
    with browser.browsing() as page, _loaded(lane, rate, probes), prober(lane.publisher_url, probes) as probing:
        _open(page, address, region)
        before, sent = int(page.value(_NOTE_EACH)), list[float]()
        for number in range(probes):
            offset = time.time() - time.monotonic()
            sent.append(probing.accept(number) + offset)
            probing.rest()
        last = before + probes
        page.until(f"window.seen >= {last}", seconds=PATIENCE_SECONDS)
        at = page.value("window.seenAt")
    return [at[str(before + number)] / 1000 - moment for number, moment in enumerate(sent, 1)]


@contextlib.contextmanager
def _loaded(lane: Lane, rate: float, probes: int) -> Iterator[None]:
    """Send events of another county at a steady rate during the block; none if rate is 0."""
    if not rate:
        yield
        return
    arguments = (lane.publisher_url, str(rate), str(probes * 1.0 + 60), str(OTHER_COUNTY))
    process = subprocess.Popen([sys.executable, "-m", "bench.pacing", *arguments], cwd=CHECKOUT, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        process.stdout.readline()
        yield
    finally:
        process.terminate()
        process.wait(30)


def _shown(events: int, opened: dict[str, dict[str, list[float]]], reached: dict[str, list[float]]) -> dict[str, Any]:
    rows = [
        Row(f"{region}: {name}", (*_statistics(found[part]), milliseconds(limit) if limit else ""))
        for region, found in opened.items()
        for part, name, limit in (("paint", "first paint", PAINT_LIMIT), ("board", "board complete", 0.0))
    ]
    rows += [
        Row(f"publish to {name}", (*_statistics(values), milliseconds(EVENT_LIMIT))) for name, values in reached.items()
    ]
    scripts = max(size for found in opened.values() for size in found["scripts"])
    note = f"scripts of the board as packed: {scripts / 1000:,.0f} kB (limit {SCRIPT_LIMIT / 1000:,.0f} kB)"
    title = f"the page, {len(COUNTIES)} counties with {events:,} events stored, {OPENINGS} openings in fresh browsers"
    show(title, ("median", "p90", "p99", "worst", "limit"), rows, note)
    return {
        "events": events,
        "scripts_bytes": scripts,
        "opened": {
            region: {part: _figures(found[part]) for part in ("paint", "board")} for region, found in opened.items()
        },
        "reached": {name: _figures(values) for name, values in reached.items()},
    }


def _statistics(values: list[float]) -> tuple[str, ...]:
    return tuple(milliseconds(percentile(values, percent)) for percent in (50, 90, 99, 100))


def _figures(values: list[float]) -> dict[str, float]:
    return {f"p{percent}": percentile(values, percent) for percent in (50, 90, 99, 100)}
