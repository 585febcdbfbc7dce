"""POST and GET /v1/figures: declared figures, each judged by the plans like figures from imports and events.

A request with a figure that cannot be right is refused as a whole. The wrong figures go to the broker nevertheless,
like a hall's wrong event: the bureau finds them among the integrity findings, or in hall.refused.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec
from litestar import post

from hallpulse.contract.decode import EVENT_TYPE, decode_events
from hallpulse.contract.events import EventType, FigureReported, HallEvent
from hallpulse.contract.identity import DESK, REFUSED, user_name
from hallpulse.contract.reasons import Refusal
from hallpulse.domain.declarations import IMPOSSIBLE, UNKNOWN, Declaration, fault_of
from hallpulse.domain.figures import Scope, period_window
from hallpulse.domain.workdays import date_of, local_day, time_text
from hallpulse.store import AuditEntry, FigureFilter, Grant
from services.gateway.access import ACTION, Action, may_declare, reach, whose
from services.gateway.problems import WRITES, Declined, EventResult, Kind, problems
from services.gateway.publishing import OutgoingMessage
from services.gateway.request import (
    AnyRequest,
    Resources,
    grant_of,
    resources_of,
)

MOST_FIGURES = 200
_COUNTY = re.compile(r"(?:1[1-9]|[2-8][0-9]|9[01])[0-9]{2}(?!00)[0-9]{2}").fullmatch
_MEMBERS = frozenset({"region", "department", "period", "figures"})
_OF_FIGURE = frozenset({"indicator", "numerator", "denominator", "note"})


class FigureIn(msgspec.Struct, forbid_unknown_fields=True):
    """A figure of the period. denominator: only for shares; 0/0 means that there was none; note: the department's."""

    indicator: str
    numerator: int
    denominator: int | None = None
    note: str | None = None


class FiguresIn(msgspec.Struct, forbid_unknown_fields=True):
    """Figures for one period. department: null for the region's own figures, which only the bureau may declare."""

    region: str
    period: str
    figures: list[FigureIn]
    department: str | None = None


class DeclaredResult(msgspec.Struct, frozen=True):
    """A figure that the broker has. id: of its event; revision: chosen by the server, higher than all before.

    corrects: the id of the event that it replaces; null if none was declared here before.
    """

    index: int
    indicator: str
    id: str
    revision: int
    status: Literal["accepted"] = "accepted"
    corrects: str | None = None


class DeclaredAnswer(msgspec.Struct, frozen=True):
    """The receipt for declared figures: they count as soon as they are stored."""

    region: str
    department: str | None
    period: str
    results: list[DeclaredResult]


class _Given(NamedTuple):
    region: int
    department: str | None
    period: str
    figures: Sequence[Any]


class _Figure(NamedTuple):
    """A figure as an event. reason, field, detail: of its first fault, with the request's name of the field, or ""."""

    body: bytes
    outcome: HallEvent | Refusal
    reason: str = ""
    field: str = ""
    detail: str = ""


@post(
    "/v1/figures",
    status_code=201,
    responses=problems(*WRITES),
    operation_id="postFigures",
    summary="Declare a department's figures of a period",
    opt={ACTION: Action.DECLARE},
    tags=["figures"],
)
async def post_figures(request: AnyRequest) -> DeclaredAnswer:
    """Declares figures: a department its own ones, the bureau those of its region. The server chooses the revision.

    All figures of a request are taken, or none: 422 names the field and what was expected, with a result for each.
    """
    resources, grant = resources_of(request), grant_of(request)
    if request.content_type[0] != "application/json":
        raise Declined(Kind.BAD_CONTENT_TYPE, "content-type: expected application/json")
    given = _given(await request.body())
    if not may_declare(grant, given.region, given.department):
        raise Declined(Kind.FORBIDDEN, f"{whose(grant)} declares no such figures: it is of {reach(grant)}")
    with resources.concurrency.slot(f"figures/{grant.name}"):
        figures = await asyncio.to_thread(_figures, resources, grant, given)
        wrong = [one for one in figures if one.reason]
        sent = [_message(given.region, one) for one in (wrong or figures)]
        await resources.publisher.deliver(sent)
    resources.metrics.events(accepted=0 if wrong else len(figures), refused=len(wrong))
    resources.audit.did(_audit_entry(grant, given, figures))
    if wrong:
        raise _refused(figures)
    return DeclaredAnswer(
        str(given.region), given.department, given.period, [_result(n, one) for n, one in enumerate(figures)]
    )


def _audit_entry(grant: Grant, given: _Given, figures: Sequence[_Figure]) -> AuditEntry:
    """Return the audit entry: who declared which figures, or tried to."""
    events = [one.outcome for one in figures if not one.reason]
    data = [event.data for event in events if isinstance(event, HallEvent)]
    said = [one.indicator for one in data if isinstance(one, FigureReported)]
    refused = sum(bool(one.reason) for one in figures)
    department = _shown(given.department) if given.department is not None else None
    detail = {"department": department, "indicators": said, "refused": refused}
    return AuditEntry("figures.declare", _shown(given.period), given.region, detail, grant.name)


def _shown(text: str) -> str:
    """Return a sender's text in a form for the audit: a NUL in it would keep all entries from being written."""
    return "".join(sign if sign.isprintable() else "�" for sign in text[:64])


def _given(body: bytes) -> _Given:
    """Return the members of the request, checked as far as necessary to judge each figure separately."""
    try:
        parsed = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Declined(Kind.NOT_JSON, f"expected JSON: {error}") from None
    if not isinstance(parsed, dict):
        raise Declined(Kind.REFUSED, "expected an object with region, department, period and figures")
    for name in parsed:
        if name not in _MEMBERS:
            raise Declined(Kind.REFUSED, f"{name[:60]}: expected only {', '.join(sorted(_MEMBERS))}", field=name[:60])
    region, department, period = (parsed.get(name) for name in ("region", "department", "period"))
    if not _COUNTY(str(region)):
        raise Declined(Kind.REFUSED, "region: expected a county's code of 6 digits", field="region")
    if department is not None and not (isinstance(department, str) and department):
        raise Declined(Kind.REFUSED, "department: expected a department's code, or nothing", field="department")
    if not isinstance(period, str):
        raise Declined(Kind.REFUSED, "period: expected a text such as 2026-05", field="period")
    figures = parsed.get("figures")
    if not isinstance(figures, list) or not 1 <= len(figures) <= MOST_FIGURES:
        raise Declined(Kind.REFUSED, f"figures: expected a list of 1 to {MOST_FIGURES} figures", field="figures")
    return _Given(int(str(region)), department, period, figures)


def _figures(resources: Resources, grant: Grant, given: _Given) -> list[_Figure]:
    """Return each figure as an event with the next revision, and its fault if there is one.

    If no figure has a fault, each corrects the one declared before; a wrong figure must not replace a right one.
    """
    drawn, replaced = _before(resources, given)
    seen: set[str] = set()
    found = []
    for index, raw in enumerate(given.figures):
        indicator = raw.get("indicator") if isinstance(raw, dict) else None
        one = _figure(resources, grant, given, raw, drawn.get(str(indicator), 1))
        one = one._replace(field=_field_of(one.field, index))
        if not one.reason and isinstance(indicator, str) and indicator in seen:
            field = f"figures[{index}].indicator"
            one = one._replace(reason="bad-field", field=field, detail="expected each indicator once in a request")
        seen.add(str(indicator))
        found.append(one)
    return found if any(one.reason for one in found) else [_correcting(one, replaced, resources.now()) for one in found]


def _field_of(field: str, index: int) -> str:
    """Return the place in the request of a field that the contract or the plans name."""
    name = field.removeprefix("data.")
    if not field or name in ("period", "department"):
        return name
    return f"figures[{index}]" + (f".{name}" if name in _OF_FIGURE else "")


def _before(resources: Resources, given: _Given) -> tuple[dict[str, int], dict[str, str]]:
    """Return two tables: indicator → next revision of its figure for the period, and → id of the event to replace.

    Only an event declared here is replaced: a hall's event can only be corrected by the hall.
    """
    try:
        wanted = FigureFilter(Scope(given.region), period_window(given.period))
    except ValueError:
        return {}, {}
    with resources.store.read() as moment:
        reports = moment.figure_reports(wanted)
    same = [one for one in reports if (one.period, one.department) == (given.period, given.department or "")]
    highest = {one.indicator: one.revision for one in sorted(same, key=lambda one: one.revision)}
    standing = {one.indicator: one.id for one in same if one.hall == DESK and one.status in ("counted", "nested")}
    return {indicator: revision + 1 for indicator, revision in highest.items()}, standing


def _correcting(figure: _Figure, replaced: Mapping[str, str], now: int) -> _Figure:
    """Return the figure with `corrects`: the id of the event that it replaces."""
    event = msgspec.json.decode(figure.body)
    if (corrects := replaced.get(event["data"]["indicator"])) is None:
        return figure
    event["data"]["corrects"] = corrects
    body = msgspec.json.encode(event)
    (outcome,) = decode_events(body, content_type=EVENT_TYPE, now=now)
    return _Figure(body, outcome)


def _figure(resources: Resources, grant: Grant, given: _Given, raw: object, revision: int) -> _Figure:
    now = resources.now()
    said = raw if isinstance(raw, dict) else {}
    fields = {name: value for name, value in said.items() if name != "note" and value is not None}
    about = {"period": given.period, "revision": revision, **fields}
    body = msgspec.json.encode(
        {
            "specversion": "1.0",
            "id": str(uuid.uuid4()),
            "source": f"/{given.region}/{DESK}",
            "type": "hall.figure.reported.v1",
            "time": time_text(now),
            "reporter": grant.name,
            **({"note": said["note"]} if said.get("note") is not None else {}),
            "data": about | ({"department": given.department} if given.department is not None else {}),
        }
    )
    (outcome,) = decode_events(body, content_type=EVENT_TYPE, now=now)
    if not isinstance(raw, dict):
        detail = "expected an object with indicator, numerator and denominator"
        return _Figure(body, outcome, "bad-field", "data", detail)
    if isinstance(outcome, Refusal):
        return _Figure(body, outcome, outcome.reason.value, outcome.field, outcome.detail)
    return _judged(resources, _Figure(body, outcome), now)


def _judged(resources: Resources, figure: _Figure, now: int) -> _Figure:
    event = figure.outcome
    assert isinstance(event, HallEvent)
    data = event.data
    assert isinstance(data, FigureReported)
    window, today = period_window(data.period), date_of(local_day(now))
    said = Declaration(
        event.region, data.indicator, data.department or "", window, data.numerator, data.denominator, today
    )
    fault = fault_of(resources.plans, said)
    if fault is None:
        return figure
    return figure._replace(reason=fault.finding, field=f"data.{fault.field}", detail=f"{fault.zh} {fault.en}")


def _message(region: int, figure: _Figure) -> OutgoingMessage:
    """Return the message: an event also for a figure against the plans, a refusal for one against the contract."""
    event = figure.outcome
    kept = isinstance(event, HallEvent) and figure.reason in ("", UNKNOWN, IMPOSSIBLE)
    kind = EventType.FIGURE_REPORTED.family if kept else REFUSED
    return OutgoingMessage(f"{user_name(region, DESK)}.{kind}", figure.body, EVENT_TYPE)


def _result(index: int, figure: _Figure) -> DeclaredResult:
    event = figure.outcome
    assert isinstance(event, HallEvent)
    data = event.data
    assert isinstance(data, FigureReported)
    return DeclaredResult(index, data.indicator, event.id, data.revision, corrects=data.corrects)


def _refused(figures: Sequence[_Figure]) -> Declined:
    results = [
        EventResult(index, None, "refused", one.reason, one.field or None, one.detail)
        if one.reason
        else EventResult(index, None, "not taken")
        for index, one in enumerate(figures)
    ]
    first = next(one for one in figures if one.reason)
    said = f"{first.field}: {first.detail}" if first.field else first.detail
    return Declined(Kind.REFUSED, said, field=first.field or None, reason=first.reason, results=results)
