"""What each role may do at each address: one declared table, and how an address is asked of one's own and of others.

A route that is not in it, or has another action than it says, fails tests/security/test_role_matrix.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.gateway_ground import COUNTY
from tests.peopled import OTHER_COUNTY

PEOPLE = ("bureau", "department", "hall", "leader", "operator")
TOKENS = ("bureau token", "department token", "hall token", "read token")
NOBODY = "nobody"
EVERYONE = PEOPLE + TOKENS
BUREAU = ("bureau", "bureau token")
DEPARTMENT = ("department", "department token")
HALL = ("hall", "hall token")
REGION = ("bureau", "leader", "operator", "bureau token", "read token")
"""Read a region as a whole."""
PEOPLE_OF_REGIONS = ("bureau", "leader", "operator")
WATCHERS = ("bureau", "leader", "bureau token", "read token")
"""See all that is supervised in a region."""
TO_ALERTS = ("bureau", "operator", "bureau token")
TRIES = (*BUREAU, *DEPARTMENT)


class Place(NamedTuple):
    """Whose things are asked for, and the numbers and ids of a few of them."""

    region: int
    department: str | None = None
    hall: str | None = None


HOME = Place(COUNTY)
OWN: Mapping[str, Place] = {
    **dict.fromkeys(REGION, HOME),
    **dict.fromkeys(DEPARTMENT, Place(COUNTY, "justice")),
    **dict.fromkeys(HALL, Place(COUNTY, hall="hall-1")),
    NOBODY: HOME,
}
ELSEWHERE = (Place(OTHER_COUNTY),)
OTHERS: Mapping[str, tuple[Place, ...]] = {
    **dict.fromkeys((*BUREAU, "leader"), ELSEWHERE),
    **dict.fromkeys(DEPARTMENT, (Place(COUNTY, "petitions"), HOME, Place(OTHER_COUNTY, "justice"))),
    **dict.fromkeys(HALL, (Place(COUNTY, hall="hall-2"), HOME, Place(OTHER_COUNTY, hall="hall-1"))),
    "operator": (),
    "read token": (),
}
"""Of another region, department or hall, or of more than one's own; nothing is another's to who reads every region."""

Body = Callable[[Place], dict[str, Any]]


@dataclass(frozen=True)
class Right:
    """Who may ask a route.

    action: by its name; may: who may, of their own; done: the statuses that they get then (503: the service that does
    the work does not run here); query, body: what is asked besides the place; others: the statuses for things of
    others, None where the route has no place; thing: the kind of thing whose number stands in the address.
    """

    action: str
    may: tuple[str, ...]
    done: tuple[int, ...] = (200,)
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Body | None = None
    others: tuple[int, ...] | None = (403,)
    thing: str = ""


def _about(**more: Any) -> Body:
    return lambda place: {"region": str(place.region), **more}


def _of_department(**more: Any) -> Body:
    return lambda place: {"region": str(place.region), "department": place.department or "petitions", **more}


def _event(place: Place) -> dict[str, Any]:
    source = f"/{place.region}/{place.hall or 'hall-9'}"
    return {
        "specversion": "1.0", "id": "asked", "source": source, "type": "hall.heartbeat.v1",
        "time": "2026-11-24T09:00:00+08:00", "data": {},
    }  # fmt: skip


def _changes(**more: Any) -> Body:
    def body(place: Place) -> dict[str, Any]:
        changes = [{"item_code": f"of-{place.department or 'justice'}", "promised_days": 3}]
        whose = {"department": place.department} if place.department else {}
        return {"region": str(place.region), "effective_from": "2026-11-24", "changes": changes, **whose, **more}

    return body


ALERT = {"fingerprint": "f1"}
OF_NOTICES = (503,)
OF_CATALOGUE = (503,)
MONTH = {"month": "2026-03"}
READERS = (*REGION, *DEPARTMENT, *HALL)

RIGHTS: Mapping[str, Right] = {
    # events, of halls' programs alone
    "POST /v1/events": Right("PUBLISH", ("hall token",), (202,), body=_event),
    "GET /v1/events/{event_id:path}": Right("PUBLISH", ("hall token",), others=(404,), thing="event"),
    "GET /v1/refused": Right("PUBLISH", ("hall token",), others=None),
    # figures
    "POST /v1/figures": Right("DECLARE", TRIES, (201,), body=_of_department(
        period="2026-03", figures=[{"indicator": "law_lectures", "numerator": 1}])),
    "GET /v1/figures": Right("READ", (*REGION, *DEPARTMENT)),
    "GET /v1/indicators": Right("READ", READERS),
    "GET /v1/targets": Right("READ", (*REGION, *DEPARTMENT)),
    "GET /v1/targets/{target_id:str}/split": Right("READ", (*REGION, *DEPARTMENT)),
    "GET /v1/trend": Right("READ", REGION),
    "GET /v1/series": Right("READ", (*REGION, *DEPARTMENT), query={"indicator": "due_kept_rate"}),
    "GET /v1/departments": Right("READ", REGION),
    "GET /v1/flow": Right("READ", READERS, query=MONTH),
    "GET /v1/compression": Right("READ", (*REGION, *DEPARTMENT)),
    "GET /v1/reconciliation": Right("READ", REGION),
    "GET /v1/boundaries": Right("READ", REGION),
    "GET /v1/scores": Right("READ", REGION),
    "GET /v1/integrity": Right("READ", READERS),
    "GET /v1/ratings": Right("READ", READERS),
    "GET /v1/sources": Right("READ", (*REGION, *HALL)),
    "GET /v1/regions": Right("READ", READERS, others=None),
    "GET /v1/suite": Right("READ", READERS, others=None),
    "GET /v1/live": Right("READ", READERS),
    "GET /v1/cases": Right("READ", READERS, query={"state": "open"}),
    "GET /v1/cases/{region:str}/{hall:str}/{case_id:path}": Right("READ", READERS, thing="case"),
    # monthly reports of departments
    "GET /v1/outstanding": Right("READ", (*REGION, *DEPARTMENT)),
    "GET /v1/form": Right("READ", (*REGION, *DEPARTMENT), query={"department": "petitions", **MONTH}),
    "POST /v1/reviews": Right("REVIEW", BUREAU, (201, 422), body=_of_department(month="2026-03", verdict="seen")),
    # reports
    "GET /v1/reports": Right("READ", REGION),
    "GET /v1/reports/{report_id:int}": Right("READ", READERS, query={"format": "html"}, thing="report"),
    "POST /v1/reports": Right("REPORT", BUREAU, (503,), body=_about(**MONTH)),
    # alerts
    "GET /v1/alerts": Right("ALERTS", REGION, OF_NOTICES),
    "POST /v1/alerts/acknowledge": Right("ACKNOWLEDGE", TO_ALERTS, OF_NOTICES, body=_about(**ALERT)),
    "POST /v1/alerts/note": Right("ACKNOWLEDGE", TO_ALERTS, OF_NOTICES, body=_about(**ALERT, text="seen")),
    "POST /v1/alerts/silence": Right(
        "ACKNOWLEDGE", TO_ALERTS, OF_NOTICES, body=_about(**ALERT, hours=1, reason="known")),
    "POST /v1/alerts/unsilence": Right("ACKNOWLEDGE", TO_ALERTS, OF_NOTICES, body=_about(**ALERT)),
    # supervision
    "GET /v1/audit": Right("AUDIT", (*PEOPLE_OF_REGIONS, "bureau token")),
    "GET /v1/matters": Right("SUPERVISED", (*WATCHERS, *DEPARTMENT)),
    "GET /v1/matters/draft": Right(
        "SUPERVISED", WATCHERS, query={"about": "target", "subject": "settled_items"}),
    "GET /v1/matters/{matter_id:int}": Right("SUPERVISED", (*WATCHERS, *DEPARTMENT), thing="matter"),
    "POST /v1/matters": Right("SUPERVISE", BUREAU, (201, 409, 422), body=_of_department(
        about="target", subject="settled_items")),
    "POST /v1/matters/answer": Right("ANSWER", DEPARTMENT, (201, 409), thing="matter", body=lambda _: {
        "cause": "迟", "measures": "改", "done_by": "2026-12-20"}),
    "POST /v1/matters/decide": Right("SUPERVISE", BUREAU, (201, 409), thing="matter", body=lambda _: {
        "verdict": "closed", "reason": "done"}),
    "GET /v1/tasks": Right("SUPERVISED", (*WATCHERS, *DEPARTMENT)),
    "POST /v1/tasks": Right("ANSWER", DEPARTMENT, (201,), body=_of_department(task="8", state="in_progress")),
    # uploads: one's own, whatever one's role
    "POST /v1/uploads": Right("IMPORT", (*TRIES, "hall"), (409,), query={"name": "t.xlsx"}),
    "GET /v1/uploads": Right("IMPORT", (*TRIES, "hall"), others=(200,)),
    "GET /v1/uploads/{upload_id:int}": Right("IMPORT", (*TRIES, "hall"), others=(404,), thing="upload"),
    "POST /v1/uploads/{upload_id:int}/answers": Right(
        "IMPORT", (*TRIES, "hall"), OF_CATALOGUE, others=(404,), thing="upload", body=lambda _: {"answers": {}}),
    "POST /v1/uploads/{upload_id:int}/import": Right(
        "IMPORT", (*TRIES, "hall"), OF_CATALOGUE, others=(404,), thing="upload", body=lambda _: {}),
    "GET /v1/uploads/{upload_id:int}/rejected": Right(
        "IMPORT", (*TRIES, "hall"), (404,), others=(404,), thing="upload"),
    "POST /v1/uploads/{upload_id:int}/discard": Right(
        "IMPORT", (*TRIES, "hall"), others=(404,), thing="upload", body=lambda _: {}),
    "GET /v1/templates": Right("READ", (*REGION, *DEPARTMENT), OF_CATALOGUE, query={
        "kind": "figures", "department": "petitions", **MONTH}),
    # the catalogue in thought
    "GET /v1/items": Right("WHAT_IF", TRIES),
    "POST /v1/whatif": Right("WHAT_IF", TRIES, body=_changes()),
    "POST /v1/drafts": Right("WHAT_IF", TRIES, (201,), body=_changes(name="asked")),
    "GET /v1/drafts": Right("WHAT_IF", TRIES),
    "GET /v1/drafts/{draft_id:int}": Right("WHAT_IF", TRIES, others=(404,), thing="draft"),
    "POST /v1/drafts/{draft_id:int}/import": Right(
        "WHAT_IF", BUREAU, OF_CATALOGUE, others=(403, 404), thing="draft", body=lambda _: {}),
    # one's own session
    "GET /v1/session": Right("SESSION", EVERYONE, others=None),
    "POST /v1/session/password": Right("SESSION", PEOPLE, (422,), others=None, body=lambda _: {"old": "x", "new": "x"}),
    "POST /v1/session/end": Right("SESSION", PEOPLE, others=None, body=lambda _: {}),
}  # fmt: skip
"""Method and address → who may. In the order of the table; sessions end last."""

OPEN = frozenset({
    "POST /v1/session", "GET /v1/session/ways", "GET /v1/session/provider", "GET /v1/session/callback",
    "GET /healthz", "GET /readyz", "GET /metrics", "GET /openapi.json", "GET /asyncapi.yaml",
    "GET /schemas/{name:str}", "GET /", "GET /wall", "GET /page/{name:str}", "GET /problems",
})  # fmt: skip
"""Answered to everyone; none tells a figure."""
