"""The catalogue by RPC: a thin class over `CataloguePreviews`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

from eventlet import tpool
from nameko.rpc import rpc

from hallpulse.domain.errors import Unavailable
from hallpulse.settings import Settings
from hallpulse.store import Store
from services.hosting import Handed, Hosted

from .previews import CataloguePreviews

NAME = "catalogue"
PREVIEWS = "PREVIEWS"


@contextmanager
def build(_: Settings, store: Store) -> Iterator[Hosted]:
    yield Hosted(CatalogueService, {PREVIEWS: CataloguePreviews(store)})


class CatalogueService:
    """psycopg would block eventlet's only thread while it waits: all reading is done on another one."""

    name = NAME
    previews: CataloguePreviews = Handed(PREVIEWS)

    @rpc(expected_exceptions=(ValueError,))  # type: ignore[untyped-decorator]
    def check(self, rows: list[dict[str, Any]], effective_from: str) -> list[dict[str, Any]]:
        """Preview each row (header → cell) as it would be imported; nothing is stored."""
        answer: list[dict[str, Any]] = self.previews.check(rows, date.fromisoformat(effective_from))
        return answer

    @rpc(expected_exceptions=(ValueError, Unavailable))  # type: ignore[untyped-decorator]
    def item(self, region: int, item_code: str, on: str) -> dict[str, Any] | None:
        """The version of an item that is effective on a day (YYYY-MM-DD)."""
        answer: dict[str, Any] | None = tpool.execute(
            self.previews.item, _region(region), str(item_code), date.fromisoformat(on)
        )
        return answer

    @rpc(expected_exceptions=(ValueError, Unavailable))  # type: ignore[untyped-decorator]
    def counts(self, region: int, on: str) -> dict[str, int]:
        """How many items are effective on a day (YYYY-MM-DD), and how many of them have each flag."""
        answer: dict[str, int] = tpool.execute(self.previews.counts, _region(region), date.fromisoformat(on))
        return answer


def _region(region: object) -> int:
    if not re.fullmatch(r"[1-9][0-9]{5}", str(region)):
        raise ValueError(f"region: expected a code of 6 digits, got {region!r}")
    return int(str(region))
