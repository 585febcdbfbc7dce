"""/v1/alerts: the inbox of what fires now, from the `notices` service, which asks Alertmanager and keeps the ledger."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
from litestar import get, post

from hallpulse.contract.personal import is_personal
from hallpulse.domain.figures import region_bounds
from hallpulse.domain.plan import Names
from hallpulse.store import Grant
from services.gateway.access import ACTION, BUREAU, Action, is_of, reach, whose
from services.gateway.figures import Named, named
from services.gateway.problems import QUERY, WRITES, Declined, Kind, problems
from services.gateway.request import (
    AnyRequest,
    RegionCode,
    Resources,
    body_of,
    grant_of,
    resources_of,
    scope_of,
)

SUITE = "0"
"""The region of an alert of the suite itself, which every region's figures depend on."""
MOST_TEXT, MOST_HOURS = 500, 24 * 30


class AlertNote(msgspec.Struct, frozen=True):
    at: str
    by: str
    text: str


class AlertSilence(msgspec.Struct, frozen=True):
    """A silence in force. own: it is of this alert alone, and can be ended here."""

    by: str
    reason: str
    until: str
    own: bool


class FiringAlert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that fires now. region: 0 for one of the suite itself; receivers: whom it goes to.

    acknowledged, by whom, and notes: of this time that it fires.
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
    """All that Alertmanager has of a region and what lies below it, and of the suite itself; the oldest first."""

    region: str
    alerts: list[FiringAlert]


class AlertIn(msgspec.Struct, forbid_unknown_fields=True):
    """An alert, as /v1/alerts names it."""

    region: str
    fingerprint: Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern="^[0-9a-f]+$")]


class NoteIn(AlertIn, forbid_unknown_fields=True):
    """A note that a person writes of an alert."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_TEXT)]


class SilenceIn(AlertIn, forbid_unknown_fields=True):
    """A silence of an alert, for a time and with a reason."""

    hours: Annotated[float, msgspec.Meta(gt=0, le=MOST_HOURS)]
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_TEXT)]


class SilencedAnswer(msgspec.Struct, frozen=True):
    """The receipt for a silence, with its end."""

    region: str
    fingerprint: str
    by: str
    until: str


class SaidAnswer(msgspec.Struct, frozen=True):
    """The receipt for what was said, and by whom."""

    region: str
    fingerprint: str
    by: str


@get(
    "/v1/alerts",
    sync_to_thread=True,
    responses=problems(*QUERY),
    operation_id="getAlerts",
    summary="What fires now, exactly as Alertmanager has it",
    opt={ACTION: Action.ALERTS},
    tags=["alerts"],
)
def get_alerts(request: AnyRequest, region: RegionCode) -> AlertsAnswer:
    """With since when, why, whom it went to, who takes care of it and what was noted. 503 without an Alertmanager."""
    scope, resources = scope_of(grant_of(request), region), resources_of(request)
    low, high = region_bounds(scope.region)
    found = resources.services.ask(Firing, "notices", "fires")
    mine = [one for one in found.alerts if one.region == SUITE or low <= int(one.region) <= high]
    return AlertsAnswer(region, [_named(resources, one) for one in mine])


def _named(resources: Resources, alert: FiringAlert) -> FiringAlert:
    """With names: of the target and the department that its labels name by codes, and of departments it goes to."""
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
    summary="Say that one takes care of an alert",
    opt={ACTION: Action.ACKNOWLEDGE},
    tags=["alerts"],
)
async def acknowledge_alert(request: AnyRequest) -> SaidAnswer:
    """As the person who is signed in, or the token's holder. The first one stands. 404: no one was told of it yet."""
    resources, grant = resources_of(request), grant_of(request)
    given = await body_of(request, AlertIn)
    region = _region(grant, given.region)
    ask = resources.services.ask
    done = await asyncio.to_thread(ask, int, "notices", "acknowledge", region, given.fingerprint, grant.name)
    if not done:
        detail = "nobody was told of this alert yet, or somebody takes care of it already"
        raise Declined(Kind.NOT_FOUND, detail, field="fingerprint")
    return SaidAnswer(given.region, given.fingerprint, grant.name)


@post(
    "/v1/alerts/note",
    status_code=201,
    responses=problems(*WRITES),
    operation_id="noteAlert",
    summary="Write a note of an alert",
    opt={ACTION: Action.ACKNOWLEDGE},
    tags=["alerts"],
)
async def note_alert(request: AnyRequest) -> SaidAnswer:
    """As the person who is signed in, or the token's holder."""
    resources, grant = resources_of(request), grant_of(request)
    given = await body_of(request, NoteIn)
    region = _region(grant, given.region)
    if is_personal(given.text, resources.today().year):
        raise Declined(Kind.CONTRADICTION, "text: expected no number of a person", field="text")
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
    """By Alertmanager's own silence of exactly this alert; who and why is in the audit. 404: it does not fire."""
    resources, grant = resources_of(request), grant_of(request)
    given = await body_of(request, SilenceIn)
    region = _region(grant, given.region)
    if is_personal(given.reason, resources.today().year):
        raise Declined(Kind.CONTRADICTION, "reason: expected no number of a person", field="reason")
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
    """404: no silence is of this alert alone; a wider one is ended in Alertmanager."""
    resources, grant = resources_of(request), grant_of(request)
    given = await body_of(request, AlertIn)
    region, ask = _region(grant, given.region), resources.services.ask
    await asyncio.to_thread(lambda: ask(type(None), "notices", "end_silence", region, given.fingerprint, grant.name))
    return SaidAnswer(given.region, given.fingerprint, grant.name)


def _region(grant: Grant, given: str) -> int:
    """Raise Declined (403) for an alert of a region that the grant does not reach, 422 for what is no region."""
    if given == SUITE and grant is not BUREAU:
        return 0
    if not (given.isascii() and given.isdecimal() and len(given) == 6):
        raise Declined(Kind.CONTRADICTION, "region: expected a region's code of 6 digits, or 0", field="region")
    if not is_of(grant, int(given)):
        raise Declined(Kind.FORBIDDEN, f"{whose(grant)} says nothing of {given}: it is of {reach(grant)}")
    return int(given)
