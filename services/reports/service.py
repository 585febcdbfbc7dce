"""The reports service by RPC and on a timer: a thin class over `MonthlyReports` and `MatterSheets`."""

from __future__ import annotations

import base64
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import eventlet
from eventlet import tpool

from hallpulse.domain.errors import HallpulseError, Unavailable
from hallpulse.plans import load_plans
from hallpulse.settings import Settings
from hallpulse.store import Leases, Store
from services.hosting import Every, Handed, Hosted
from services.service_queues import rpc

from .issuing import AlreadyPublished, Issued, MatterSheets, MonthlyReports, NoPlan, Order

NAME = "reports"
SHEETS, REPORTS, DIRECTORY, DAY, SECONDS = "SHEETS", "REPORTS", "DIRECTORY", "DAY", "SECONDS"
LEASES, RENEW_SECONDS = "LEASES", "RENEW_SECONDS"
LEASE, LEASE_LASTS, RENEWED_EACH = "reports due", timedelta(seconds=60), 10.0
"""The right to write what is due. It outlasts the making of a report, during which it is not renewed."""
RELEASE_SECONDS = 2.0
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
        LEASES: store.leases,
        RENEW_SECONDS: RENEWED_EACH,
    }
    try:
        yield Hosted(ReportsService, given)
    finally:
        _release(store.leases)


def _release(leases: Leases) -> None:
    """Let another process lead at once. A report that is still being made keeps the lease till its end."""
    with suppress(HallpulseError), eventlet.Timeout(RELEASE_SECONDS, False):
        tpool.execute(leases.release, LEASE)


class ReportsService:
    """The RPC methods and the timer of the reports service.

    psycopg and the making of files would block eventlet's only thread, so both run on another thread. The timer first
    fires after one interval, so that data sent right after a start has arrived by then.
    """

    name = NAME
    reports: MonthlyReports = Handed(REPORTS)
    sheets: MatterSheets = Handed(SHEETS)
    directory: Path = Handed(DIRECTORY)
    day: int = Handed(DAY)
    leases: Leases = Handed(LEASES)

    @rpc(expected_exceptions=(ValueError, NoPlan, Unavailable))  # type: ignore[untyped-decorator]
    def monthly(self, region: int, month: str, format: str = "docx", **scope: str) -> dict[str, str]:
        """Return the report of a month (YYYY-MM), quarter or year as a file, its content in Base64.

        scope: department, hall and language, as in `Order`.
        """
        issued = tpool.execute(self.reports.issue, order_of({"region": region, "month": month, **scope}), format)
        return _as_answer(issued)

    @rpc(expected_exceptions=(ValueError, NoPlan, Unavailable))  # type: ignore[untyped-decorator]
    def sheet(self, number: int, format: str = "docx", language: str = "zh") -> dict[str, str]:
        """Return the sheet of supervision (督办单) of a matter as a file, its content in Base64."""
        return _as_answer(tpool.execute(self.sheets.make, int(number), format, language))

    @rpc(expected_exceptions=(ValueError, NoPlan, AlreadyPublished, Unavailable))  # type: ignore[untyped-decorator]
    def keep(self, order: dict[str, Any], publisher: str) -> int:
        """Store a report, published or as a draft, and return its number. order: the body of POST /v1/reports."""
        asked = dict(order)
        draft, again = not asked.pop("publish", False), bool(asked.pop("again", False))
        kept = partial(self.reports.keep, order_of(asked), publisher=publisher, draft=draft, again=again)
        number: int = tpool.execute(kept)
        return number

    @Every.decorator(SECONDS)  # type: ignore[untyped-decorator]
    def write_due(self) -> None:
        """Write the reports that are due, in one process of this service; if that ends, another one takes over."""
        try:
            self._write_due()
        except HallpulseError as error:
            _log.warning("last month's reports were not looked for: %s", error)

    @Every.decorator(RENEW_SECONDS, eager=True)  # type: ignore[untyped-decorator]
    def lead(self) -> None:
        with suppress(HallpulseError):  # without a database there is nothing to write either
            self._leads()

    def _leads(self) -> bool:
        return bool(tpool.execute(self.leases.hold, LEASE, LEASE_LASTS))

    def _write_due(self) -> None:
        for plan, month in self.reports.due(self.day):
            if not self._leads():
                return
            try:
                path = tpool.execute(self.reports.write, self.directory, plan, month)
            except FileExistsError:
                continue  # another process has written it
            except (HallpulseError, OSError) as error:
                _log.warning("last month's report of %s was not written: %s", plan.region, error)
            else:
                if path is not None:
                    _log.warning("wrote %s", path)


def _as_answer(issued: Issued) -> dict[str, str]:
    content = base64.b64encode(issued.content).decode()
    return {"name": issued.name, "media_type": issued.media_type, "content": content}


def order_of(asked: dict[str, Any]) -> Order:
    """Return the order with the given fields. Raise ValueError for an unknown or missing field."""
    try:
        return Order(**asked)
    except TypeError:
        raise ValueError("order: expected region, month, department, hall and language") from None
