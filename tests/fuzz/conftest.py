"""The stores of the integration tests."""

from __future__ import annotations

from tests.integration.conftest import store

__all__ = ["store"]
