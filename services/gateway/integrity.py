"""GET /v1/integrity: what every check found, so that figures can be trusted or questioned."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec
from litestar import get

from hallpulse.domain.figures import Scope, Window
from hallpulse.domain.integrity import BYS, FindingGroup, Findings
from hallpulse.domain.workdays import time_text
from services.gateway.access import ACTION, Action
from services.gateway.access_audit import READS
from services.gateway.figures import Named, named, number
from services.gateway.problems import QUERY, problems
from services.gateway.request import (
    AnyRequest,
    Department,
    From,
    Hall,
    RegionCode,
    Resources,
    To,
    grant_of,
    resources_of,
    scope_of,
    window_of,
)

Value = str | int | None
MOST_GROUPS = 20
"""Of each kind, the largest."""


class GroupAnswer(msgspec.Struct, frozen=True):
    """The findings of one department, hall or item. of, share: of how many that it could have, null if unknown."""

    by: str
    region: str
    id: str
    names: Named
    count: int
    of: int | None
    share: float | None


class CheckAnswer(msgspec.Struct, frozen=True):
    """One check.

    cases: the first findings, by the names of their values; of: cases, items, halls, departments or figures; among:
    how many it could find, null if unknown; groups: who has the findings, the most first.
    """

    id: str
    names: Named
    of: str
    count: int
    cases: list[dict[str, Value | Named]]
    truncated: bool
    among: int | None = None
    share: float | None = None
    groups: list[GroupAnswer] = []


class IntegrityAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Every check, also those that found nothing."""

    region: str
    start: date = msgspec.field(name="from")
    end: date = msgspec.field(name="to")
    as_of: str
    checks: list[CheckAnswer]


def integrity_answer(resources: Resources, scope: Scope, window: Window) -> IntegrityAnswer:
    with resources.store.read() as moment:
        found = moment.integrity(scope, window, resources.today())
        facts = moment.hall_facts()
    departments = resources.department_names(scope.region, window.end)
    called = _Names(
        {key: Named(one.name_zh or key[1], one.name_en or one.name_zh or key[1]) for key, one in facts.items()},
        {id_: named(names) for id_, names in departments.items()},
    )
    return IntegrityAnswer(
        region=str(scope.region),
        start=window.start,
        end=window.end,
        as_of=time_text(resources.now()),
        checks=[_check(one, called) for one in found],
    )


@get(
    "/v1/integrity",
    sync_to_thread=True,
    responses=problems(*QUERY),
    operation_id="getIntegrity",
    summary="What the integrity checks found",
    opt={ACTION: Action.READ, READS: "integrity"},
    tags=["figures"],
)
def get_integrity(
    request: AnyRequest,
    region: RegionCode,
    *,
    from_: From = None,
    to: To = None,
    department: Department = None,
    hall: Hall = None,
) -> IntegrityAnswer:
    """Each check with its count and its first findings. They question figures, they do not change them."""
    scope = scope_of(grant_of(request), region, department, hall)
    resources = resources_of(request)
    return integrity_answer(resources, scope, window_of(resources, scope.region, from_, to))


class _Names(NamedTuple):
    halls: Mapping[tuple[int, str], Named]
    departments: Mapping[str, Named]

    def of(self, group: FindingGroup) -> Named:
        """Return the group's name; its id where none is known."""
        if group.by == "hall":
            return self.halls.get((group.region, group.id), Named(group.id, group.id))
        if group.by == "department":
            return self.departments.get(group.id, Named(group.id, group.id))
        name = group.name or group.id
        return Named(name, name)


def _check(found: Findings, called: _Names) -> CheckAnswer:
    check = found.check
    rows = [_row(row) for row in found.rows]
    return CheckAnswer(
        id=check.id,
        names=Named(check.zh, check.en),
        of=check.of,
        count=found.count,
        cases=rows,
        truncated=found.count > len(rows),
        among=found.of,
        share=found.count / found.of if found.of else None,
        groups=[_group(one, called) for by in BYS for one in found.by(by)[:MOST_GROUPS]],
    )


def _group(one: FindingGroup, called: _Names) -> GroupAnswer:
    return GroupAnswer(one.by, str(one.region), one.id, called.of(one), one.count, one.of, number(one.share))


def _row(row: Mapping[str, Any]) -> dict[str, Value | Named]:
    """Dates and regions as everywhere in the API; a case with the address of its clock."""
    shown: dict[str, Value | Named] = {name: _shown(name, value) for name, value in row.items()}
    if "case_id" in row:
        shown["url"] = f"/v1/cases/{row['region']}/{row['hall']}/{quote(row['case_id'], safe='')}"
    return shown


def _shown(name: str, value: Any) -> Value:
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if name == "region" else value
