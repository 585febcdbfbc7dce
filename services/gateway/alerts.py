"""/v1/alerts: the alerts that fire now, from the `notices` service, which queries Alertmanager and keeps the ledger."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency

from hallpulse.domain.figures import region_bounds
from hallpulse.domain.plan import Names
from hallpulse.store import Grant
from services.gateway.access import ACTION, BUREAU, Action, is_of, reach, whose
from services.gateway.figures import Named, named
from services.gateway.list_forms import ALERTS
from services.gateway.lists import LISTING, ListAsked, listed
from services.gateway.problems import QUERY, WRITES, Declined, Kind, problems
from services.gateway.request import (
    AnyRequest,
    RegionCode,
    Resources,
    body_of,
    check_text,
    grant_of,
    query_of,
    resources_of,
)

SUITE = "0"
"""The region of an alert of the suite itself, which every region's figures depend on."""
MOST_TEXT, MOST_HOURS = 500, 24 * 30


class AlertNote(msgspec.Struct, frozen=True):
    at: str
    by: str
    text: str


class AlertSilence(msgspec.Struct, frozen=True):
    """A silence in force. own: whether it is for this alert alone, so that it can be ended here."""

    by: str
    reason: str
    until: str
    own: bool


class FiringAlert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that fires now. region: 0 for an alert of the suite itself; receivers: whom it goes to.

    acknowledged, acknowledged_by, notes: only since it began to fire.
    """

    region: str
    fingerprint: str
    alert: str
    severity: str
    labels: dict[str, str]
    annotations: dict[str, str]
    started: str
    receivers: list[str]
    silenced: bool
    silences: list[AlertSilence] = []
    acknowledged: str | None
    acknowledged_by: str | None
    notes: list[AlertNote]
    names: dict[str, Named] = {}


class Firing(msgspec.Struct, frozen=True):
    """The answer of the `notices` service."""

    alerts: list[FiringAlert]


class AlertsAnswer(msgspec.Struct, frozen=True):
    """All alerts in Alertmanager of a region, the regions below it and the suite itself, the oldest first."""

    region: str
    alerts: list[FiringAlert]


class AlertIn(msgspec.Struct, forbid_unknown_fields=True):
    """The key of an alert, as in /v1/alerts."""

    region: str
    fingerprint: Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern="^[0-9a-f]+$")]


class NoteIn(AlertIn, forbid_unknown_fields=True):
    """A person's note on an alert."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_TEXT)]


class SilenceIn(AlertIn, forbid_unknown_fields=True):
    """A silence of an alert, for some hours and with a reason."""

    hours: Annotated[float, msgspec.Meta(gt=0, le=MOST_HOURS)]
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_TEXT)]


class SilencedAnswer(msgspec.Struct, frozen=True):
    """The receipt for a silence, with its end."""

    region: str
    fingerprint: str
    by: str
    until: str


class SaidAnswer(msgspec.Struct, frozen=True):
    """The receipt for an acknowledgement, a note or an ended silence. by: who did it."""

    region: str
    fingerprint: str
    by: str


@get(
    "/v1/alerts",
    sync_to_thread=True,
    dependencies=LISTING,
    responses=problems(*QUERY),
    operation_id="getAlerts",
    summary="The alerts that fire now, as Alertmanager has them",
    opt={ACTION: Action.ALERTS},
    tags=["alerts"],
)
def get_alerts(
    request: AnyRequest, region: RegionCode, *, listing: NamedDependency[ListAsked]
) -> Response[AlertsAnswer]:
    """Lists the alerts that fire now, with notes and the person who takes care of each. 503 without an Alertmanager."""
    resources, scope, _ = query_of(request, region)
    low, high = region_bounds(scope.region)
    found = resources.services.ask(Firing, "notices", "fires")
    mine = [one for one in found.alerts if one.region == SUITE or low <= int(one.region) <= high]
    return listed(resources, listing, AlertsAnswer(region, [_named(resources, one) for one in mine]), ALERTS)


def _named(resources: Resources, alert: FiringAlert) -> FiringAlert:
    """Return the alert with names for the target and department in its labels, and for the receiving departments."""
    if alert.region == SUITE:
        return alert
    today = resources.today()
    plan = resources.plan(int(alert.region), today)
    known: dict[str, Names] = {}
    targets = {one.id: one.names for one in plan.targets} if plan is not None else {}
    departments = resources.department_names(int(alert.region), today)
    for label, names in (("target", targets), ("department", departments)):
        code = alert.labels.get(label, "")
        if code in names:
            known[label] = names[code]
    for receiver in alert.receivers:
        code = receiver.removeprefix(f"{alert.region}/")
        if code in departments:
            known[receiver] = departments[code]
    return msgspec.structs.replace(alert, names={label: named(names) for label, names in known.items()})


@post(
    "/v1/alerts/acknowledge",
    status_code=200,
    responses=problems(*WRITES, 404),
    operation_id="acknowledgeAlert",
    summary="Acknowledge an alert",
    opt={ACTION: Action.ACKNOWLEDGE},
    tags=["alerts"],
)
async def acknowledge_alert(request: AnyRequest) -> SaidAnswer:
    """Acknowledges an alert as the signed-in person or the token's holder. The first acknowledgement stands.

    404 if no one was notified of the alert yet, or someone takes care of it already.
    """
    resources, grant = resources_of(request), grant_of(request)
    given = await body_of(request, AlertIn)
    region = _region(grant, given.region)
    ask = resources.services.ask
    done = await asyncio.to_thread(ask, int, "notices", "acknowledge", region, given.fingerprint, grant.name)
    if not done:
        detail = "no one was notified of this alert yet, or someone takes care of it already"
        raise Declined(Kind.NOT_FOUND, detail, field="fingerprint")
    return SaidAnswer(given.region, given.fingerprint, grant.name)


@post(
    "/v1/alerts/note",
    status_code=201,
    responses=problems(*WRITES),
    operation_id="noteAlert",
    summary="Write a note on an alert",
    opt={ACTION: Action.ACKNOWLEDGE},
    tags=["alerts"],
)
async def note_alert(request: AnyRequest) -> SaidAnswer:
    """Keeps a note by the signed-in person or the token's holder."""
    resources, grant = resources_of(request), grant_of(request)
    given = await body_of(request, NoteIn)
    region = _region(grant, given.region)
    check_text(resources, text=given.text)
    ask = resources.services.ask
    said = given.fingerprint, given.text, grant.name
    await asyncio.to_thread(lambda: ask(type(None), "notices", "note", region, *said))
    return SaidAnswer(given.region, given.fingerprint, grant.name)


@post(
    "/v1/alerts/silence",
    status_code=201,
    responses=problems(*WRITES, 404),
    operation_id="silenceAlert",
    summary="Silence an alert for a time, with a reason",
    opt={ACTION: Action.ACKNOWLEDGE},
    tags=["alerts"],
)
async def silence_alert(request: AnyRequest) -> SilencedAnswer:
    """Makes a silence of exactly this alert in Alertmanager. The audit says who and why. 404 if it does not fire."""
    resources, grant = resources_of(request), grant_of(request)
    given = await body_of(request, SilenceIn)
    region = _region(grant, given.region)
    check_text(resources, reason=given.reason)
    ask, said = resources.services.ask, (given.fingerprint, given.reason, given.hours, grant.name)
    until = await asyncio.to_thread(lambda: ask(str, "notices", "silence", region, *said))
    return SilencedAnswer(given.region, given.fingerprint, grant.name, until)


@post(
    "/v1/alerts/unsilence",
    status_code=200,
    responses=problems(*WRITES, 404),
    operation_id="endSilence",
    summary="End the silence of an alert early",
    opt={ACTION: Action.ACKNOWLEDGE},
    tags=["alerts"],
)
async def end_silence(request: AnyRequest) -> SaidAnswer:
    """Ends an alert's own silence. 404 if no silence is for this alert alone: end a wider one in Alertmanager."""
    resources, grant = resources_of(request), grant_of(request)
    given = await body_of(request, AlertIn)
    region, ask = _region(grant, given.region), resources.services.ask
    await asyncio.to_thread(lambda: ask(type(None), "notices", "end_silence", region, given.fingerprint, grant.name))
    return SaidAnswer(given.region, given.fingerprint, grant.name)


def _region(grant: Grant, given: str) -> int:
    """Return the region as a number. Raises Declined: 403 for a region out of the grant's reach, 422 for no region."""
    if given == SUITE and grant is not BUREAU:
        return 0
    if not (given.isascii() and given.isdecimal() and len(given) == 6):
        raise Declined(Kind.CONTRADICTION, "region: expected a region's code of 6 digits, or 0", field="region")
    if not is_of(grant, int(given)):
        raise Declined(Kind.FORBIDDEN, f"{whose(grant)} says nothing of {given}: it is of {reach(grant)}")
    return int(given)
