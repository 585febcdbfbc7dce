"""GET /v1/integrity: the findings of every check, so that figures can be trusted or questioned."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, NamedTuple, TypeAlias
from urllib.parse import quote

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from hallpulse.domain.figures import Scope, Window
from hallpulse.domain.integrity import BYS, CHECKS, FindingGroup, Findings
from hallpulse.domain.workdays import time_text
from services.gateway.access import ACTION, Action
from services.gateway.access_audit import READS
from services.gateway.figures import Named, named, number
from services.gateway.list_forms import FINDINGS
from services.gateway.lists import LISTING, ListAsked, listed
from services.gateway.problems import EXPECTED, QUERY, Declined, Kind, problems
from services.gateway.request import (
    AnyRequest,
    Department,
    From,
    Hall,
    RegionCode,
    Resources,
    To,
    query_of,
    window_of,
)

Value = str | int | None
_CHECKS = tuple(check.id for check in CHECKS)
CheckId: TypeAlias = Annotated[
    str | None, QueryParameter(name="check", pattern="^[a-z][a-z0-9_]{0,63}$", description=EXPECTED["check"])
]
MOST_GROUPS = 20
"""The most groups of each kind; the largest are listed."""


class GroupAnswer(msgspec.Struct, frozen=True):
    """The findings of one department, hall or item. of: how many it could have; share: count / of; null if unknown."""

    by: str
    region: str
    id: str
    names: Named
    count: int
    of: int | None
    share: float | None


class CheckAnswer(msgspec.Struct, frozen=True):
    """The findings of a check.

    cases: the first findings, each as name → value; of: what they are: cases, items, halls, departments or figures;
    among: how many it could find, null if unknown; groups: who has the findings, the most first.
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
    """The findings of every check, also of checks that found nothing."""

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
    dependencies=LISTING,
    responses=problems(*QUERY),
    operation_id="getIntegrity",
    summary="The findings of the integrity checks",
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
    check: CheckId = None,
    listing: NamedDependency[ListAsked],
) -> Response[IntegrityAnswer]:
    """Returns each check with its count and its first findings, which question figures but do not change them.

    check: only this check; search, order and file then apply to the list of its findings.
    """
    resources, scope, _ = query_of(request, region, department, hall)
    found = integrity_answer(resources, scope, window_of(resources, scope.region, from_, to))
    if check is not None:
        found = msgspec.structs.replace(found, checks=[one for one in found.checks if one.id == check])
        if not found.checks:
            raise Declined(Kind.CONTRADICTION, f"check: expected one of {', '.join(_CHECKS)}", field="check")
    return listed(resources, listing, found, FINDINGS)


class _Names(NamedTuple):
    halls: Mapping[tuple[int, str], Named]
    departments: Mapping[str, Named]

    def of(self, group: FindingGroup) -> Named:
        """Return the group's name, or its id if no name is known."""
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
    """Return a finding with dates and regions in the form of the API, and a case with the address of its clock."""
    shown: dict[str, Value | Named] = {name: _shown(name, value) for name, value in row.items()}
    if "case_id" in row:
        shown["url"] = f"/v1/cases/{row['region']}/{row['hall']}/{quote(row['case_id'], safe='')}"
    return shown


def _shown(name: str, value: Any) -> Value:
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if name == "region" else value
