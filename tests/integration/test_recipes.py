"""Recipes and samples of docs/publishing.md, published and checked: each gives the figures that the page says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner

from hallpulse.domain.figures import Figure, Scope, Window
from hallpulse.domain.plan import DeclaredIndicator, Department
from hallpulse.store import Expected, Store, open_store
from services.console.main import cli
from tests.asked import ASKED, named
from tests.ingesting import ingest, publishing, stored, wait_until
from tests.merging import NOW, decoded
from tests.moments import ask
from tests.oracle import brute
from tests.servers import Vhost

DOCS = Path(__file__).parents[2] / "docs"
MARCH = Window(date(2026, 3, 1), date(2026, 3, 31))
PAGE = (DOCS / "publishing.md").read_text("utf-8")


OFFICE = "政府办"
ASKS = replace(
    ASKED,
    region=222424,
    departments=(Department(OFFICE, named(OFFICE)),),
    indicators=(DeclaredIndicator("disclosure_loss", named("disclosure_loss"), "share"),),
)
"""A plan that asks for the declared figure of a recipe: without one it would count nowhere."""


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = open_store(store_url, plans=[ASKS])
    yield opened
    opened.close()


class Told(NamedTuple):
    """A row of the page: a file, and figures as `id n/d, id n/d`."""

    file: str
    figures: tuple[str, ...]


def told(folder: str) -> list[Told]:
    """The rows of the page that name files of a folder, with their columns of figures."""
    rows = re.findall(rf"^\| \[[a-z-]+\]\(({folder}/[a-z-]+\.ndjson)\) \|(.*)\|$", PAGE, re.MULTILINE)
    return [
        Told(file, tuple(cell for cell in cells.split("|") if re.search(r"` \d+/\d+", cell))) for file, cells in rows
    ]


def figures(cell: str) -> dict[str, Figure]:
    return {name: Figure(int(n), int(d)) for name, n, d in re.findall(r"`([a-z_]+)` (\d+)/(\d+)", cell)}


def lines(file: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DOCS / file).read_text("utf-8").splitlines()]


def found(store: Store, wanted: dict[str, Figure]) -> dict[str, Figure]:
    every = ask(store).figures(Scope(222424), MARCH)
    return {name: every.get(name, Figure(0, 0)) for name in wanted}


RECIPES, SAMPLES = told("recipes"), told("samples")


@pytest.mark.parametrize("folder", ["recipes", "samples"])
def test_the_page_names_every_file(folder: str) -> None:
    assert sorted(row.file for row in told(folder)) == sorted(f"{folder}/{p.name}" for p in (DOCS / folder).iterdir())


def correction(stream: list[dict[str, Any]]) -> int:
    """Where in a recipe the correction stands: what is before it is what went wrong."""
    return max(n for n, event in enumerate(stream) if "corrects" in event["data"] or "event_id" in event["data"])


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda row: row.file)
def test_a_recipe_published_by_the_command_does_what_the_page_says(
    store: Store, store_url: str, vhost: Vhost, tmp_path: Path, recipe: Told
) -> None:
    before, after = map(figures, recipe.figures)
    stream = lines(recipe.file)
    wrong = tmp_path / "wrong.ndjson"
    wrong.write_text("".join(f"{json.dumps(event)}\n" for event in stream[: correction(stream)]), "utf-8")
    with publishing(vhost), ingest(vhost, store_url):
        for path, wanted in ((wrong, before), (DOCS / recipe.file, after)):
            publish(vhost, tmp_path, path)
            wait_until(lambda wanted=wanted: found(store, wanted) == wanted)  # type: ignore[misc]
        wait_until(lambda: stored(store) == len({event["id"] for event in stream}))
        assert found(store, after) == after
    assert store.recompute(check=True) == []


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda row: row.file)
def test_a_sample_published_by_the_command_gives_the_figures_of_the_page(
    store: Store, store_url: str, vhost: Vhost, tmp_path: Path, sample: Told
) -> None:
    wanted = figures(sample.figures[0])
    with publishing(vhost), ingest(vhost, store_url):
        publish(vhost, tmp_path, DOCS / sample.file)
        wait_until(lambda: stored(store) == len({event["id"] for event in lines(sample.file)}))
    assert found(store, wanted) == wanted


def publish(vhost: Vhost, folder: Path, path: Path) -> None:
    """As a hall does it: by the command, through its outbox, confirmed by the broker."""
    environment = {
        "HALLPULSE_AMQP_URL": vhost.amqp_url,
        "HALLPULSE_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "HALLPULSE_DIR": str(folder / "run"),
    }
    done = CliRunner().invoke(cli, ["publish", str(path)], env=environment)
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda row: row.file)
def test_a_recipe_does_what_the_page_says(store: Store, recipe: Told) -> None:
    before, after = map(figures, recipe.figures)
    stream = lines(recipe.file)
    at = correction(stream)
    store.merge(decoded(stream[:at]), NOW)
    assert found(store, before) == before
    store.merge(decoded(stream[at:]), NOW)
    assert found(store, after) == after != before
    expected = brute.indicators(stream, "222424", MARCH.start, MARCH.end)
    assert brute.compare({name: expected[name] for name in ALL}, found(store, ALL)) == []
    flagged = {flag for case in brute.cases(stream) for flag in case.get("flags", ())}
    assert flagged <= {"unknown_item"}


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda row: row.file)
def test_a_recipe_works_whichever_comes_first(store: Store, recipe: Told) -> None:
    for event in reversed(lines(recipe.file)):
        store.merge(decoded([event]), NOW, Expected.NEW)
    after = figures(recipe.figures[1])
    assert found(store, after) == after
    assert store.recompute(check=True) == []


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda row: row.file)
def test_a_sample_gives_the_figures_that_the_page_says(store: Store, sample: Told) -> None:
    store.merge(decoded(lines(sample.file)), NOW)
    wanted = figures(sample.figures[0])
    assert found(store, wanted) == wanted


def test_the_samples_together_are_a_month(store: Store) -> None:
    """All but the day's counts, which cases of that day take the place of."""
    stream = [event for sample in SAMPLES for event in lines(sample.file)]
    store.merge(decoded(stream), NOW)
    wanted = {name: Figure(*pair) for name, pair in brute.indicators(stream, "222424", MARCH.start, MARCH.end).items()}
    assert found(store, wanted) == wanted
    assert len({event["type"] for event in stream}) == 15


ALL = {name: Figure(0, 0) for name in brute.indicators([], "222424", MARCH.start, MARCH.end)}
