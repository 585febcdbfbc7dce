"""Reports by RPC and on a timer: a thin class over `MonthlyReports`."""

from __future__ import annotations

import base64
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from eventlet import tpool
from nameko.rpc import rpc

from hallpulse.domain.errors import HallpulseError, Unavailable
from hallpulse.plans import load_plans
from hallpulse.settings import Settings
from hallpulse.store import Store
from services.hosting import Every, Handed, Hosted

from .issuing import AlreadyPublished, Issued, MatterSheets, MonthlyReports, NoPlan, Order

NAME = "reports"
SHEETS, REPORTS, DIRECTORY, DAY, SECONDS = "SHEETS", "REPORTS", "DIRECTORY", "DAY", "SECONDS"
_log = logging.getLogger(__name__)


@contextmanager
def build(settings: Settings, store: Store) -> Iterator[Hosted]:
    plans = load_plans(settings.plans)
    store.judge_by(plans)
    given = {
        SHEETS: MatterSheets(store.matters, plans, time.time),
        REPORTS: MonthlyReports(store, plans, time.time),
        DIRECTORY: settings.reports_dir,
        DAY: settings.reports_day,
        SECONDS: settings.reports_seconds,
    }
    yield Hosted(ReportsService, given)


class ReportsService:
    """psycopg and the making of files would block eventlet's only thread: both are done on another one.

    The timer first goes off after its interval, when data that is fed in right after a start has arrived.
    """

    name = NAME
    reports: MonthlyReports = Handed(REPORTS)
    sheets: MatterSheets = Handed(SHEETS)
    directory: Path = Handed(DIRECTORY)
    day: int = Handed(DAY)

    @rpc(expected_exceptions=(ValueError, NoPlan, Unavailable))  # type: ignore[untyped-decorator]
    def monthly(self, region: int, month: str, format: str = "docx", **scope: str) -> dict[str, str]:
        """The report of a month (YYYY-MM), quarter or year as a file, its content in Base64. scope: as in `Order`."""
        issued = tpool.execute(self.reports.issue, order_of({"region": region, "month": month, **scope}), format)
        return _as_answer(issued)

    @rpc(expected_exceptions=(ValueError, NoPlan, Unavailable))  # type: ignore[untyped-decorator]
    def sheet(self, number: int, format: str = "docx", language: str = "zh") -> dict[str, str]:
        """The sheet of supervision (督办单) of a matter as a file, its content in Base64."""
        return _as_answer(tpool.execute(self.sheets.make, int(number), format, language))

    @rpc(expected_exceptions=(ValueError, NoPlan, AlreadyPublished, Unavailable))  # type: ignore[untyped-decorator]
    def keep(self, order: dict[str, Any], publisher: str) -> int:
        """Make a report and keep it, published or as a draft; return its number. order: as POST /v1/reports has it."""
        asked = dict(order)
        draft, again = not asked.pop("publish", False), bool(asked.pop("again", False))
        kept = partial(self.reports.keep, order_of(asked), publisher=publisher, draft=draft, again=again)
        number: int = tpool.execute(kept)
        return number

    @Every.decorator(SECONDS)  # type: ignore[untyped-decorator]
    def write_due(self) -> None:
        for plan, month in self.reports.due(self.day):
            try:
                path = tpool.execute(self.reports.write, self.directory, plan, month)
            except FileExistsError:
                continue  # another process of ours was faster
            except (HallpulseError, OSError) as error:
                _log.warning("last month's report of %s was not written: %s", plan.region, error)
            else:
                if path is not None:
                    _log.warning("wrote %s", path)


def _as_answer(issued: Issued) -> dict[str, str]:
    content = base64.b64encode(issued.content).decode()
    return {"name": issued.name, "media_type": issued.media_type, "content": content}


def order_of(asked: dict[str, Any]) -> Order:
    """Raise ValueError for what is no part of an order."""
    try:
        return Order(**asked)
    except TypeError:
        raise ValueError("order: expected region, month, department, hall and language") from None
