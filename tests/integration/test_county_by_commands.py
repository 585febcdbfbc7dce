"""A county's catalogue and its cases of a year go in by two commands, and every figure is that of their stream."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hallpulse.contract.encode import encode_event
from hallpulse.contract.events import HallEvent, ItemPublished
from hallpulse.domain.figures import Scope, Window
from hallpulse.store import Store
from services.console.main import cli
from tests.ingesting import ingest, publishing, wait_until
from tests.moments import ask
from tests.oracle import brute
from tests.servers import Vhost
from tests.unit.test_import_county import END, PLACE, county_stream, write_cases, write_catalogue

PUBLISHED = re.compile(r"events published: (\d+)")
WINDOWS = (
    Window(date(2026, 1, 1), END),
    Window(date(2026, 3, 1), date(2026, 3, 31)),
    Window(date(2026, 7, 1), date(2026, 9, 30)),
    Window(date(2026, 5, 4), date(2026, 10, 8)),
)


@pytest.fixture
def environment(vhost: Vhost, store_url: str) -> Iterator[dict[str, str]]:
    with publishing(vhost), ingest(vhost, store_url):
        yield {"HALLPULSE_AMQP_URL": vhost.amqp_url, "HALLPULSE_DATABASE_URL": store_url}


def imported(environment: dict[str, str], kind: str, path: Path) -> Result:
    place = ("--region", str(PLACE.region), "--hall", PLACE.hall)
    done = CliRunner().invoke(cli, ["import", kind, str(path), *place], env=environment)
    assert done.exit_code == 0, done.output
    return done


def stored(store: Store) -> int:
    return ask(store).event_counts(PLACE.region).get(PLACE.hall, 0)


def test_a_county_and_its_year_go_in_by_two_commands_and_give_the_figures_of_their_stream(
    tmp_path: Path, environment: dict[str, str], store: Store
) -> None:
    stream = county_stream()
    items = [event for event in stream if isinstance(event.data, ItemPublished)]
    imported(environment, "catalogue", write_catalogue(tmp_path / "目录.xlsx", items))
    versions = len({(event.data.entity, event.data.effective_from) for event in items})  # type: ignore[attr-defined]
    wait_until(lambda: stored(store) == versions)
    cases = write_cases(tmp_path / "办件.xlsx", stream)
    published = PUBLISHED.search(imported(environment, "cases", cases).output)
    assert published is not None
    wait_until(lambda: stored(store) == versions + int(published[1]), 120)
    reading = brute.read([json.loads(encode_event(event)) for event in stream])
    for window in WINDOWS:
        for scope in scopes(stream):
            assert found(store, scope, window) == expected(reading, scope, window), (scope, window)
    before = stored(store)
    imported(environment, "cases", cases)
    assert stored(store) == before


def scopes(stream: list[HallEvent]) -> list[Scope]:
    departments = sorted({event.data.department for event in stream if isinstance(event.data, ItemPublished)})
    region = PLACE.region
    whole = [
        Scope(region),
        Scope(region // 100 * 100),
        Scope(region // 10_000 * 10_000),
        Scope(region, hall=PLACE.hall),
    ]
    return [*whole, *(Scope(region, department) for department in departments)]


def found(store: Store, scope: Scope, window: Window) -> dict[str, tuple[int, int]]:
    figures = ask(store).figures(scope, window)
    return {name: (figure.numerator, figure.denominator) for name, figure in figures.items()}


def expected(reading: brute.Reading, scope: Scope, window: Window) -> dict[str, tuple[int, int]]:
    return brute.indicators(
        reading, str(scope.region), window.start, window.end, department=scope.department, hall=scope.hall
    )
