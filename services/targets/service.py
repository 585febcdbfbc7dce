"""The framework's side: timers, RPC and events. What they do is the desk's."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from amqp.exceptions import AMQPError  # type: ignore[import-untyped]
from eventlet import tpool
from kombu.exceptions import KombuError
from nameko.events import EventDispatcher
from nameko.extensions import DependencyProvider
from nameko.rpc import rpc
from nameko.timer import Timer

from hallpulse.domain.errors import HallpulseError, Unavailable

from .desk import TargetDesk
from .page import Shown

REFRESH_SECONDS = "REFRESH_SECONDS"
DESK = "DESK"
SHOWN = "SHOWN"


def refresh(desk: TargetDesk, shown: Shown) -> None:
    """Read everything anew and write the page of it. Raises Unavailable or Halt, and then keeps what was there."""
    shown.show(desk.refresh())


class RefreshTimer(Timer):  # type: ignore[misc]
    """A timer whose interval is a setting."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(interval=0, **kwargs)

    def setup(self) -> None:
        self.interval = self.container.config[REFRESH_SECONDS]


class Desk(DependencyProvider):  # type: ignore[misc]
    """Hands over the desk that `__main__` built."""

    def get_dependency(self, _worker_ctx: object) -> TargetDesk:
        desk: TargetDesk = self.container.config[DESK]
        return desk


class ShownPage(DependencyProvider):  # type: ignore[misc]
    """Hands over where the page lies that `__main__` serves."""

    def get_dependency(self, _worker_ctx: object) -> Shown:
        shown: Shown = self.container.config[SHOWN]
        return shown


class TargetsService:
    """Refreshing and announcing have a timer each: a broker that is away must not make figures old.

    psycopg would block eventlet's only thread while it waits: all reading is done on another one.
    """

    name = "targets"
    desk = Desk()
    shown = ShownPage()
    dispatch = EventDispatcher()

    @RefreshTimer.decorator  # type: ignore[untyped-decorator]
    def refresh(self) -> None:
        try:
            tpool.execute(refresh, self.desk, self.shown)
        except HallpulseError as error:
            self.desk.database.began(error)
        else:
            self.desk.database.over()

    @RefreshTimer.decorator  # type: ignore[untyped-decorator]
    def announce(self) -> None:
        """Publish every breach and recovery as an event, each until the broker has confirmed it."""
        try:
            for change in self.desk.due():
                self.dispatch(change.kind, change.payload())
                self.desk.announcements.made(change)
        except (OSError, KombuError, AMQPError) as error:
            self.desk.broker.began(error)
        else:
            self.desk.broker.over()

    @rpc(expected_exceptions=(ValueError, Unavailable))  # type: ignore[untyped-decorator]
    def evaluate(self, region: int, on: str | None = None) -> dict[str, Any]:
        """The targets in force in a region (6 digits) on a day (YYYY-MM-DD; today if left out)."""
        if not re.fullmatch(r"[1-9][0-9]{5}", str(region)):
            raise ValueError(f"region: expected a code of 6 digits, got {region!r}")
        day = date.fromisoformat(on) if on is not None else None
        answer: dict[str, Any] = tpool.execute(self.desk.evaluate, int(region), day)
        return answer
