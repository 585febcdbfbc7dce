"""A store on a database of the cluster, of a test alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hallpulse.plans import load_plans
from hallpulse.store import Store, open_store
from tests.asked import ASKED

PLANS = Path(__file__).parents[2] / "plans"


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = open_store(store_url, plans=[ASKED, *load_plans(PLANS)])
    yield opened
    opened.close()
