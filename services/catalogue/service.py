"""The framework's side: RPC only. What it answers is the desk's."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from eventlet import tpool
from nameko.extensions import DependencyProvider
from nameko.rpc import rpc

from hallpulse.domain.errors import Unavailable

from .desk import CatalogueDesk

DESK = "DESK"


class Desk(DependencyProvider):  # type: ignore[misc]
    """Hands over the desk that `__main__` built."""

    def get_dependency(self, _worker_ctx: object) -> CatalogueDesk:
        desk: CatalogueDesk = self.container.config[DESK]
        return desk


class CatalogueService:
    """psycopg would block eventlet's only thread while it waits: all reading is done on another one."""

    name = "catalogue"
    desk = Desk()

    @rpc(expected_exceptions=(ValueError,))  # type: ignore[untyped-decorator]
    def check(self, rows: list[dict[str, Any]], effective_from: str) -> list[dict[str, Any]]:
        """What each row (header → cell) would become if it were imported; nothing is stored."""
        answer: list[dict[str, Any]] = self.desk.check(rows, date.fromisoformat(effective_from))
        return answer

    @rpc(expected_exceptions=(ValueError, Unavailable))  # type: ignore[untyped-decorator]
    def item(self, region: int, item_code: str, on: str) -> dict[str, Any] | None:
        """The version of an item that is effective on a day (YYYY-MM-DD)."""
        answer: dict[str, Any] | None = tpool.execute(
            self.desk.item, _region(region), str(item_code), date.fromisoformat(on)
        )
        return answer

    @rpc(expected_exceptions=(ValueError, Unavailable))  # type: ignore[untyped-decorator]
    def counts(self, region: int, on: str) -> dict[str, int]:
        """How many items are effective on a day (YYYY-MM-DD), and how many of them have each flag."""
        answer: dict[str, int] = tpool.execute(self.desk.counts, _region(region), date.fromisoformat(on))
        return answer


def _region(region: object) -> int:
    if not re.fullmatch(r"[1-9][0-9]{5}", str(region)):
        raise ValueError(f"region: expected a code of 6 digits, got {region!r}")
    return int(str(region))
