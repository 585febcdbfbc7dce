"""GET /v1/audit: the entries of the audit, by page, each with its person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, TypeAlias

import msgspec
from litestar import get
from litestar.params import QueryParameter

from hallpulse.domain.figures import region_bounds
from hallpulse.domain.workdays import SHANGHAI
from hallpulse.store import AuditLine
from services.gateway.access import ACTION, Action
from services.gateway.figures import Named
from services.gateway.problems import EXPECTED, QUERY, Declined, Kind, expected_of, problems
from services.gateway.request import AnyRequest, Cursor, Limit, RegionCode, grant_of, resources_of, scope_of

AuditAction: TypeAlias = Annotated[
    str | None,
    QueryParameter(name="action", pattern=r"^[a-z]{1,20}(\.[a-z_]{1,30})?$", description=EXPECTED["action"]),
]
_SAID = ("reason", "text", "evidence", "what")
_LONGEST = 2_000


class AuditEntryAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the audit. by: the person, or the process and the token; action: WHAT.HOW; subject: which one.

    said: the reason, note or evidence that was given, or the refused address and what was requested there; about: the
    kind of a matter's subject (target, department, case, finding or task) and its id; alert: the alert of a notice.
    """

    line: int
    at: datetime
    by: str
    action: str
    subject: str
    region: str | None
    department: str | None
    hall: str | None
    target: str | None
    said: str
    about: str | None
    alert: Named | None


class AuditAnswer(msgspec.Struct, frozen=True):
    """Entries of the audit, the newest first. next_cursor: null on the last page."""

    region: str
    entries: list[AuditEntryAnswer]
    next_cursor: str | None


@get(
    "/v1/audit",
    sync_to_thread=True,
    responses=problems(*QUERY),
    operation_id="getAudit",
    summary="The audit: who did what",
    opt={ACTION: Action.AUDIT},
    tags=["audit"],
)
def get_audit(
    request: AnyRequest, region: RegionCode, *, action: AuditAction = None, cursor: Cursor = None, limit: Limit = 100
) -> AuditAnswer:
    """Lists the entries about a region and the regions below it.

    Entries that concern no single region are shown to those who may read all regions. Without `action`: all entries but
    sign-ins and sign-outs (`session`).
    """
    grant = grant_of(request)
    scope = scope_of(grant, region)
    lines = resources_of(request).audit_entries.page(
        region_bounds(scope.region),
        everywhere=grant.region is None,
        action=action or "",
        before=_before(cursor),
        limit=limit + 1,
    )
    more = len(lines) > limit
    shown = lines[:limit]
    return AuditAnswer(region, [_entry(one) for one in shown], str(shown[-1].id) if more else None)


def _before(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) <= 18):
        raise Declined(Kind.BAD_PARAMETER, f"cursor: expected {expected_of('cursor')}", field="cursor")
    return int(cursor)


def _entry(line: AuditLine) -> AuditEntryAnswer:
    entry, detail = line.entry, line.entry.detail
    about, _, subject = _text(detail, "about").partition(" ")
    return AuditEntryAnswer(
        line=line.id,
        at=line.at.astimezone(SHANGHAI),
        by=line.claimed,
        action=entry.action,
        subject=entry.subject,
        region=str(entry.region) if entry.region is not None else None,
        department=_text(detail, "department") or (subject if about == "department" else None) or None,
        hall=_text(detail, "hall") or None,
        target=(subject if about == "target" else _text(detail, "target")) or None,
        said=" · ".join(filter(None, (next(_said(detail), ""), _text(detail, "sought"))))[:_LONGEST],
        about=_text(detail, "about") or None,
        alert=Named(alert, _text(detail, "alert_en") or alert) if (alert := _text(detail, "alert")) else None,
    )


def _said(detail: Mapping[str, Any]) -> Iterator[str]:
    return (text for name in _SAID if (text := _text(detail, name)))


def _text(detail: Mapping[str, Any], name: str) -> str:
    """Return a text of a line's detail, empty where there is none: each kind of entry has others."""
    found = detail.get(name)
    return found if isinstance(found, str) else ""
