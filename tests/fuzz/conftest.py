"""The stores of the integration tests."""

from __future__ import annotations

from tests.integration.conftest import calendars, store, store_url

__all__ = ["calendars", "store", "store_url"]
