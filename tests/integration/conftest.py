"""Stores for tests: an empty database with this version's tables and the shipped calendars."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hallpulse.calendars import load_overrides, national_calendar
from hallpulse.domain.calendar import Calendar
from hallpulse.store import Store, migrate, open_store

CALENDARS = Path(__file__).parents[2] / "calendars"


@pytest.fixture(scope="session")
def calendars() -> list[Calendar]:
    return [national_calendar(), *load_overrides(CALENDARS)]


@pytest.fixture
def store_url(database_url: str, calendars: list[Calendar]) -> str:
    """The URL of a database that is ready for merges."""
    migrate(database_url)
    store = open_store(database_url)
    store.apply_calendars(calendars)
    store.close()
    return database_url


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = open_store(store_url)
    yield opened
    opened.close()
