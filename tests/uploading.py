"""People who upload tables to a gateway whose catalogue service, broker, ingest and database are real."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from openpyxl import load_workbook

from hallpulse.plans import load_plans
from hallpulse.store import Store
from services.gateway.service_calls import RpcServices
from services.importing.figure_template import form_of, write_form
from tests.gateway_ground import COUNTY, PLANS, FakeClock
from tests.ingesting import ingest, publishing
from tests.integration.test_service_calls import running
from tests.peopled import Peopled, Signed
from tests.servers import Vhost

AT_WORK = ("waiting", "reading", "importing")
MONTH = "2026-03"
CASES = """办件编号,实施编码,部门,收件时间,受理时间,办结时间,承诺办结时限
c-1,a-1,公安局,2026-03-02 09:00,2026-03-02 10:00,2026-03-20 10:00,3个工作日
c-2,a-1,公安局,2026-03-02 09:00,2026-03-02 10:00,2026-03-03 10:00,3个工作日
c-3,a-1,公安局,=昨天,2026-03-02 10:00,2026-03-03 10:00,3个工作日
"""
CATALOGUE = """实施编码,事项名称,部门,办件类型,法定办结时限,承诺办结时限,是否进驻大厅,生效日期
a-1,甲,公安局,承诺件,20,5,是,2026-01-01
a-2,乙,公安局,即办件,无,当场办结,否,2026-01-01
a-3,丙,公安局,承诺件,10,5,是,2026-01-01
"""
"""Limits without a unit: days, or working days?"""


@contextlib.contextmanager
def peopled(store: Store, store_url: str, vhost: Vhost, folder: Path) -> Iterator[Peopled]:
    """The whole way of an upload, by the real clock: the work on it is another process."""
    store.judge_by(load_plans(PLANS))
    store.halls.add(COUNTY, "hall-1", ["case"], "0" * 64, "政务大厅")
    settings = {"HALLPULSE_AMQP_URL": vhost.amqp_url, "HALLPULSE_DATABASE_URL": store_url}
    services = RpcServices(vhost.amqp_url)
    try:
        with publishing(vhost), ingest(vhost, store_url), running(["catalogue"], folder, **settings):
            made = Peopled(store, FakeClock(datetime.now(UTC), time.monotonic()), services=services)
            with made.client:
                yield made
    finally:
        services.close()


def form(path: Path, month: str = MONTH, department: str = "justice", **figures: tuple[Any, Any]) -> bytes:
    """A department's form, filled in; a figure that is not named is 4 of 5. Tuples: numerator and denominator."""
    write_form(form_of(load_plans(PLANS), COUNTY, department, month), path)
    book = load_workbook(path)
    sheet = book["申报"]
    for line in range(2, sheet.max_row + 1):
        indicator = sheet[f"D{line}"].value
        if indicator is not None:
            numerator, denominator = figures.get(indicator, (4, 5))
            sheet[f"F{line}"] = numerator
            if not sheet[f"G{line}"].protection.locked:
                sheet[f"G{line}"] = denominator
    book.save(path)
    return path.read_bytes()


def settled(who: Signed, number: int, seconds: float = 90) -> dict[str, Any]:
    """The upload once nothing works on it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = who.get(f"/v1/uploads/{number}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        if found["state"] not in AT_WORK:
            return found
        time.sleep(0.1)
    raise AssertionError(f"still {found['state']} after {seconds} s")


def uploaded(who: Signed, content: bytes, **parameters: Any) -> dict[str, Any]:
    answer = who.upload(content, region=COUNTY, **parameters)
    assert answer.status_code == 201, answer.text
    return settled(who, answer.json()["id"])


def imported(who: Signed, number: int) -> dict[str, Any]:
    answer = who.post(f"/v1/uploads/{number}/import", {})
    assert answer.status_code == 202, answer.text
    return settled(who, number)
