"""GET /v1/reports: the published reports as they were frozen, and what changed since."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import msgspec
from litestar import Response, get

from hallpulse.domain.figures import Figure, Scope
from hallpulse.domain.restatement import Restated
from hallpulse.domain.workdays import time_text
from hallpulse.store import PublishedReport, restated
from services.gateway.access import ACTION, Action, may_read, reach, whose
from services.gateway.figures import Value, value_answer
from services.gateway.problems import QUERY, Declined, Kind, problems
from services.gateway.request import (
    AnyRequest,
    RegionCode,
    ReportFormat,
    ReportId,
    Resources,
    grant_of,
    query_of,
    resources_of,
)


class ReportAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A kept report. publisher: the name that the publishing program gave; role: the database role that wrote it.

    taken: the moment of its figures; sha256: format → hash of the file; intact: whether figures, files and everything
    else still fit their seal; department, hall: null unless it is about one of them; draft: whether it is unpublished.
    """

    id: int
    region: str
    month: str
    plan: str
    published: str
    publisher: str
    role: str
    taken: str
    sha256: dict[str, str]
    intact: bool
    department: str | None
    hall: str | None
    language: str
    draft: bool


class ReportsAnswer(msgspec.Struct, frozen=True):
    """The published reports of a region, the newest first."""

    region: str
    reports: list[ReportAnswer]


class RestatedPart(msgspec.Struct, frozen=True):
    """A part of a figure's change. kind: its cause: calendars, late_events, corrections, retractions, item_versions or
    declarations.
    """

    kind: str
    numerator: int
    denominator: int


class RestatedAnswer(msgspec.Struct, frozen=True):
    """A figure that differs now. The parts add up to the changes of its numerator and denominator."""

    figure: str
    before: Value
    after: Value
    parts: list[RestatedPart]


class OneReport(ReportAnswer, frozen=True, kw_only=True):
    """A published report. figures: `WHO/WHAT` → figure as published; restated: the figures that have changed since.

    restated is null if the report's plan no longer exists.
    """

    figures: dict[str, Value]
    restated: list[RestatedAnswer] | None


@get(
    "/v1/reports",
    sync_to_thread=True,
    responses=problems(*QUERY),
    operation_id="listReports",
    summary="The published reports",
    opt={ACTION: Action.READ},
    tags=["reports"],
)
def list_reports(request: AnyRequest, region: RegionCode) -> ReportsAnswer:
    """Lists the reports of a region, each with the hashes of its files and whether it is still as published."""
    resources, scope, _ = query_of(request, region)
    found = resources.archive.list(scope.region)
    return ReportsAnswer(region, [report_answer(one) for one in found])


@get(
    "/v1/reports/{report_id:int}",
    sync_to_thread=True,
    responses=problems(*QUERY, 404),
    operation_id="getReport",
    summary="A published report, byte for byte, or what changed since",
    opt={ACTION: Action.READ},
    tags=["reports"],
)
def get_report(request: AnyRequest, report_id: ReportId, format_: ReportFormat = None) -> Response[bytes | OneReport]:
    """With format: the file as it was published. Without: the published figures, and the figures that differ now.

    403 for a report that this token or person may not read; a department or a hall gets 403 even if there is none.
    """
    resources, grant = resources_of(request), grant_of(request)
    report = next((one for one in resources.archive.list(drafts=True) if one.id == report_id), None)
    if report is None and grant.department is None and grant.hall is None:
        raise Declined(Kind.NOT_FOUND, f"no report {report_id} was published")
    if report is None or not may_read(grant, Scope(report.region, report.about.department, report.about.hall)):
        raise Declined(Kind.FORBIDDEN, f"{whose(grant)} reads {reach(grant)}")
    if format_ is None:
        return Response(_in_full(resources, report), media_type="application/json")
    file = resources.archive.file(report_id, format_)
    if file is None:
        raise Declined(Kind.NOT_FOUND, f"report {report_id} was not published as {format_}")
    headers = {"content-disposition": f'attachment; filename="{file.name}"'}
    return Response(file.content, media_type=file.media_type, headers=headers)


def _in_full(resources: Resources, report: PublishedReport) -> OneReport:
    plan = next((one for one in resources.plans if one.id == report.plan), None)
    changed = None if plan is None else restated(resources.store.read_back, report, plan, resources.now())
    figures = {name: value_answer(figure) for name, figure in report.figures.items()}
    return OneReport(**_said(report), figures=figures, restated=None if changed is None else _restated(changed))


def _restated(changed: Iterable[Restated]) -> list[RestatedAnswer]:
    return [
        RestatedAnswer(one.name, value_answer(one.before), value_answer(one.after), _parts(one.parts.items()))
        for one in changed
    ]


def _parts(parts: Iterable[tuple[str, Figure]]) -> list[RestatedPart]:
    return [RestatedPart(str(kind), part.numerator, part.denominator) for kind, part in parts]


def report_answer(report: PublishedReport) -> ReportAnswer:
    return ReportAnswer(**_said(report))


def _said(report: PublishedReport) -> dict[str, Any]:
    return {
        "id": report.id,
        "region": str(report.region),
        "month": report.month,
        "plan": report.plan,
        "published": time_text(int(report.at.timestamp() * 1_000_000)),
        "publisher": report.claimed,
        "role": report.actor,
        "taken": time_text(report.taken),
        "sha256": dict(report.files),
        "intact": report.intact,
        **asdict(report.about),
    }
