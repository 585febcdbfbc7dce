"""Trace a hall's events for the hall's own token: GET /v1/events/ID and GET /v1/refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal
from urllib.parse import quote, unquote

import msgspec
from litestar import get

from hallpulse.contract.encode import event_json
from hallpulse.contract.events import corrects_of
from hallpulse.contract.personal import fit_to_show
from hallpulse.contract.reasons import Reason
from hallpulse.domain.clockface import flag_names
from hallpulse.domain.workdays import SHANGHAI, date_of, day_of
from hallpulse.store import CaseHistory, Grant, KeptRefusal, RefusedFilter, SentAgain, StoredTrace
from services.gateway.access import ACTION, Action
from services.gateway.access_audit import READS
from services.gateway.case_history import state_of
from services.gateway.figures import Named
from services.gateway.problems import QUERY, Declined, Kind, expected_of, problems
from services.gateway.request import (
    AnyRequest,
    Cursor,
    EventIdInPath,
    From,
    Limit,
    Resources,
    To,
    day_of_calendar,
    grant_of,
    resources_of,
)

_PREFIX = "/v1/events/"
_DAYS = timedelta(days=30)


class RefusalAnswer(msgspec.Struct, frozen=True):
    """A refused event, without its body. times: how often it was refused.

    outcome: replayed, dropped or gone, once it has left the queue hall.refused; null before.
    """

    event_id: str | None
    refused_at: datetime
    times: int
    reason: str
    names: Named
    field: str | None
    detail: str
    bytes: int
    outcome: str | None


class CaseNow(msgspec.Struct, frozen=True):
    """A case as it stands today. url: where to read all of it."""

    case_id: str
    state: str
    due: date | None
    elapsed: int | None
    flags: list[str]
    url: str


class StoredEventAnswer(msgspec.Struct, frozen=True):
    """A stored event.

    effect: counts; superseded (another event of its type counts, see `by`); corrected or retracted (see `by`); waits
    (the `received` of its case has not come); names-nothing (a retraction of an event that is not stored). case: for
    an event of a case.
    """

    arrived: datetime
    effect: Literal["counts", "superseded", "corrected", "retracted", "waits", "names-nothing"]
    by: list[str]
    corrects: str | None
    event: dict[str, Any]
    case: CaseNow | None


class SentAgainAnswer(msgspec.Struct, frozen=True):
    """The repetitions of a stored event with the same content, which change nothing. times: without the first one."""

    times: int
    last_at: datetime


class EventTrace(msgspec.Struct, frozen=True):
    """An event by its id. status: `refused`, or `stored`, even if another event with this id was refused later.

    refusals: every refusal of an event with this id; the reason `id-reused` means that the id had been used before.
    again: null if the event came only once, or if it last came again over 90 days ago.
    """

    id: str
    source: str
    status: Literal["stored", "refused"]
    stored: StoredEventAnswer | None
    refusals: list[RefusalAnswer]
    again: SentAgainAnswer | None


class RefusedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Refused events of a hall, the oldest first. next_cursor: null on the last page."""

    region: str
    hall: str
    start: date = msgspec.field(name="from")
    end: date = msgspec.field(name="to")
    refused: list[RefusalAnswer]
    next_cursor: str | None


@get(
    "/v1/events/{event_id:path}",
    sync_to_thread=True,
    responses=problems(*QUERY, 404),
    operation_id="getEvent",
    summary="The trace of an event of the token's hall",
    opt={ACTION: Action.PUBLISH, READS: "event"},
    tags=["events"],
)
def get_event(request: AnyRequest, event_id: EventIdInPath) -> EventTrace:
    """Tells whether the event is stored or refused and why, what superseded it, and its effect.

    404 if nothing is known of it, or not yet: an event is examined when it is taken from its queue, mostly within
    seconds. Sending an event again changes nothing; for 90 days `again` says how often it came again and when last. An
    event that the broker delivers again after an outage counts as sent again.
    """
    del event_id  # only documented: an id may hold a slash, which only the raw path tells from a separator
    path = request.scope["raw_path"].partition(b"?")[0].decode("latin-1")
    wanted = unquote(path[len(_PREFIX) :])
    resources, grant = resources_of(request), grant_of(request)
    region, hall = _hall(grant)
    if not 0 < len(wanted) <= 64 or "\0" in wanted:
        raise Declined(Kind.NOT_FOUND, f"expected /v1/events/ID, {expected_of('event_id')}")
    with resources.store.read() as moment:
        trace = moment.trace(region, hall, wanted, resources.today())
    if trace.stored is None and not trace.refusals:
        raise Declined(Kind.NOT_FOUND, f"no event of /{region}/{hall} has this id")
    return EventTrace(
        id=wanted,
        source=f"/{region}/{hall}",
        status="stored" if trace.stored is not None else "refused",
        stored=_stored(trace.stored, resources) if trace.stored is not None else None,
        refusals=[_refusal(one) for one in trace.refusals],
        again=_again(trace.again) if trace.again is not None else None,
    )


@get(
    "/v1/refused",
    sync_to_thread=True,
    responses=problems(*QUERY),
    operation_id="getRefused",
    summary="The refused events of the token's hall",
    opt={ACTION: Action.PUBLISH},
    tags=["events"],
)
def get_refused(
    request: AnyRequest, *, from_: From = None, to: To = None, cursor: Cursor = None, limit: Limit = 100
) -> RefusedAnswer:
    """Events refused between two days, both included; without from and to, in the last 30 days."""
    resources = resources_of(request)
    region, hall = _hall(grant_of(request))
    last = day_of_calendar("to", to, resources.today())
    first = day_of_calendar("from", from_, last - _DAYS)
    if last < first:
        raise Declined(Kind.CONTRADICTION, f"from: expected a day not after to: {first} > {last}", field="from")
    wanted = RefusedFilter(region=region, hall=hall, since=_begin(first), until=_begin(last + timedelta(1)), done=True)
    try:
        with resources.store.read() as moment:
            rows = moment.refusals(wanted, limit + 1, cursor or "")
    except (KeyError, ValueError):
        raise Declined(Kind.BAD_PARAMETER, f"cursor: expected {expected_of('cursor')}", field="cursor") from None
    return RefusedAnswer(
        region=str(region),
        hall=hall,
        start=first,
        end=last,
        refused=[_refusal(row) for row in rows[:limit]],
        next_cursor=rows[limit - 1].id if len(rows) > limit else None,
    )


def _hall(grant: Grant) -> tuple[int, str]:
    assert grant.region is not None, "only a hall's token comes here"
    assert grant.hall is not None
    return grant.region, grant.hall


def _begin(day: date) -> datetime:
    return datetime.combine(day, time(), SHANGHAI)


def _stored(stored: StoredTrace, resources: Resources) -> StoredEventAnswer:
    return StoredEventAnswer(
        arrived=datetime.fromtimestamp(stored.arrived * 60, UTC).astimezone(SHANGHAI),
        effect=stored.effect.value,
        by=list(stored.by),
        corrects=corrects_of(stored.event.data),
        event=event_json(stored.event),
        case=_case(stored.history, day_of(resources.today())) if stored.history is not None else None,
    )


def _again(again: SentAgain) -> SentAgainAnswer:
    return SentAgainAnswer(again.times, again.last_at.astimezone(SHANGHAI))


def _case(history: CaseHistory, today: int) -> CaseNow:
    url = f"/v1/cases/{history.region}/{history.hall}/{quote(history.case_id, safe='')}"
    clock = history.clock
    if clock is None:
        return CaseNow(history.case_id, "pending", None, None, [], url)
    case = clock.case
    due = None if case.due is None else date_of(case.due)
    return CaseNow(history.case_id, state_of(case, today), due, clock.elapsed, flag_names(case.flags), url)


def _refusal(row: KeptRefusal) -> RefusalAnswer:
    reasons = {str(reason): Named(reason.zh, reason.en) for reason in Reason}
    return RefusalAnswer(
        event_id=row.event_id,
        refused_at=row.refused_at.astimezone(SHANGHAI),
        times=row.times,
        reason=row.reason,
        names=reasons.get(row.reason, Named(row.reason, row.reason)),
        field=row.field or None,
        detail=fit_to_show(row.detail),
        bytes=row.size,
        outcome=row.outcome,
    )
