"""The framework's side: RPC and a timer. What they do is the desk's."""

from __future__ import annotations

import base64
import logging
from pathlib import Path
from typing import Any

from eventlet import tpool
from nameko.extensions import DependencyProvider
from nameko.rpc import rpc
from nameko.timer import Timer

from hallpulse.domain.errors import HallpulseError, Unavailable

from .desk import MonthlyReports, NoPlan

DESK, DIRECTORY, DAY, SECONDS = "DESK", "DIRECTORY", "DAY", "SECONDS"
_log = logging.getLogger(__name__)


class ReportTimer(Timer):  # type: ignore[misc]
    """A timer whose interval is a setting; it first goes off after one, when who has just started has fed in data."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(interval=0, **kwargs)

    def setup(self) -> None:
        self.interval = self.container.config[SECONDS]


class Handed(DependencyProvider):  # type: ignore[misc]
    """Hands over what `__main__` built or read from the settings."""

    def __init__(self, name: str) -> None:
        self._name = name

    def get_dependency(self, _worker_ctx: object) -> Any:
        return self.container.config[self._name]


class ReportsService:
    """psycopg and the making of files would block eventlet's only thread: both are done on another one."""

    name = "reports"
    desk: MonthlyReports = Handed(DESK)
    directory: Path = Handed(DIRECTORY)
    day: int = Handed(DAY)

    @rpc(expected_exceptions=(ValueError, NoPlan, Unavailable))  # type: ignore[untyped-decorator]
    def monthly(self, region: int, month: str, format: str = "docx") -> dict[str, str]:
        """The report of a month (YYYY-MM) as a file, its content in Base64."""
        issued = tpool.execute(self.desk.issue, region, month, format)
        content = base64.b64encode(issued.content).decode()
        return {"name": issued.name, "media_type": issued.media_type, "content": content}

    @ReportTimer.decorator  # type: ignore[untyped-decorator]
    def write_due(self) -> None:
        for plan, month in self.desk.due(self.day):
            try:
                path = tpool.execute(self.desk.write, self.directory, plan, month)
            except FileExistsError:
                continue  # another process of ours was faster
            except (HallpulseError, OSError) as error:
                _log.warning("last month's report of %s was not written: %s", plan.region, error)
            else:
                if path is not None:
                    _log.warning("wrote %s", path)
