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
from .reader import Reader

REFRESH_SECONDS = "REFRESH_SECONDS"
DESK = "DESK"
READER = "READER"


class RefreshTimer(Timer):  # type: ignore[misc]
    """A timer whose interval is a setting."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(interval=0, **kwargs)

    def setup(self) -> None:
        self.interval = self.container.config[REFRESH_SECONDS]

    def stop(self) -> None:
        """What is being read is given up: the framework waits for all that is under way."""
        self.container.config[READER].close()
        super().stop()


class Desk(DependencyProvider):  # type: ignore[misc]
    """Hands over the desk that `__main__` built."""

    def get_dependency(self, _worker_ctx: object) -> TargetDesk:
        desk: TargetDesk = self.container.config[DESK]
        return desk


class TheReader(DependencyProvider):  # type: ignore[misc]
    """Hands over the reader whose page `__main__` serves."""

    def get_dependency(self, _worker_ctx: object) -> Reader:
        reader: Reader = self.container.config[READER]
        return reader


class TargetsService:
    """Refreshing and announcing have a timer each: a broker that is away must not make figures old.

    psycopg would block eventlet's only thread while it waits: what is asked of it is read on another one, and what
    /metrics shows in another process.
    """

    name = "targets"
    desk = Desk()
    reader = TheReader()
    dispatch = EventDispatcher()

    @RefreshTimer.decorator  # type: ignore[untyped-decorator]
    def refresh(self) -> None:
        try:
            self.reader.refresh()
        except HallpulseError as error:
            self.desk.database.began(error)
        else:
            self.desk.database.over()

    @RefreshTimer.decorator  # type: ignore[untyped-decorator]
    def announce(self) -> None:
        """Publish every breach and recovery as an event, each until the broker has confirmed it."""
        try:
            while (change := self.reader.next_due()) is not None:
                self.dispatch(change.kind, change.payload)
                self.reader.told(change)
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
