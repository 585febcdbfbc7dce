"""GET /v1/integrity: what every check found, so that figures can be trusted or questioned."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import quote

import msgspec

from hallpulse.contract.encode import time_text
from hallpulse.domain.figures import Scope, Window
from hallpulse.domain.integrity import Findings
from services.gateway.desk import Desk

from .common import Named

Value = str | int | None


class CheckAnswer(msgspec.Struct, frozen=True):
    """One check. cases: the first findings, by their names; of: whether they are cases, items, halls or figures."""

    id: str
    names: Named
    of: str
    count: int
    cases: list[dict[str, Value]]
    truncated: bool


class IntegrityAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Every check, also those that found nothing."""

    region: str
    start: date = msgspec.field(name="from")
    end: date = msgspec.field(name="to")
    as_of: str
    checks: list[CheckAnswer]


def integrity_answer(desk: Desk, scope: Scope, window: Window) -> IntegrityAnswer:
    with desk.store.read() as moment:
        found = moment.integrity(scope, window, desk.today())
    return IntegrityAnswer(
        region=str(scope.region),
        start=window.start,
        end=window.end,
        as_of=time_text(desk.now()),
        checks=[_check(one) for one in found],
    )


def _check(found: Findings) -> CheckAnswer:
    check = found.check
    rows = [_row(row) for row in found.rows]
    return CheckAnswer(check.id, Named(check.zh, check.en), check.of, found.count, rows, found.count > len(rows))


def _row(row: Mapping[str, Any]) -> dict[str, Value]:
    """Dates and regions as everywhere in the API; a case with the address of its clock."""
    shown: dict[str, Value] = {name: _shown(name, value) for name, value in row.items()}
    if "case_id" in row:
        shown["url"] = f"/v1/cases/{row['region']}/{row['hall']}/{quote(row['case_id'], safe='')}"
    return shown


def _shown(name: str, value: Any) -> Value:
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if name == "region" else value
