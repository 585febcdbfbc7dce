"""A handler's view of a request: the resources (store, plans, broker, clock), its grant and its parameters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Protocol, TypeAlias, TypeVar

import msgspec
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.params import PathParameter, QueryParameter
from prometheus_client import CollectorRegistry

from hallpulse.boundaries import BoundaryFolder
from hallpulse.contract.personal import is_personal
from hallpulse.domain.figures import Scope, Window
from hallpulse.domain.ladder import Matter
from hallpulse.domain.plan import Names, Plan, plan_for
from hallpulse.domain.workdays import FIRST_DAY, LAST_DAY, date_of, local_day, time_text
from hallpulse.metrics import GatewayMetrics
from hallpulse.store import (
    AuditLine,
    Draft,
    Grant,
    Moment,
    NewUpload,
    Past,
    PublishedReport,
    ReadableBack,
    ReportFile,
    Review,
    TaskReport,
    Upload,
)
from services.gateway.access import ConcurrencyLimit, RateLimiter, TokenCache, may_read, reach, whose
from services.gateway.access_audit import AccessAudit
from services.gateway.naming import NameBook
from services.gateway.problems import EXPECTED, MOST_ROWS, Declined, Kind, expected_of
from services.gateway.publishing import EventPublisher
from services.gateway.service_calls import Services
from services.gateway.suite import SuiteParts

if TYPE_CHECKING:
    from services.gateway.live import LiveHub  # these read requests themselves
    from services.gateway.provider_sign_in import SignInProvider
    from services.gateway.sessions import SessionDoor
    from services.gateway.shared_answers import SharedAnswers

AnyRequest: TypeAlias = Request[Any, Any, Any]
Connection: TypeAlias = ASGIConnection[Any, Any, Any, Any]
MOST_UPLOADING = 4
"""Uploads of all senders at the same time, each up to 16 MiB of memory."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class PublishedReports(Protocol):
    """The published reports in the database, for reading."""

    def list(self, region: int | None = None, *, drafts: bool = False) -> list[PublishedReport]: ...

    def file(self, number: int, form: str) -> ReportFile | None: ...


class Reviews(Protocol):
    """The bureau's verdicts on monthly reports, as `hallpulse.store.ReviewRegistry` keeps them."""

    def add(self, review: Review) -> None: ...

    def latest(self, region: int, department: str | None = None) -> Mapping[tuple[str, str], Review]: ...


class Matters(Protocol):
    """The matters of supervision in `hallpulse.store.MatterRegistry`, for reading."""

    def find(self, number: int) -> Matter | None: ...

    def list(self, scope: Scope, *, closed: bool = True, target: str | None = None) -> Sequence[Matter]: ...

    def task_reports(self, region: int, plan: str) -> Mapping[tuple[str, str], Sequence[TaskReport]]: ...


class AuditEntries(Protocol):
    """The audit (`hallpulse.store.Audit`), as far as it is read."""

    def page(
        self, bounds: tuple[int, int], *, everywhere: bool, action: str = "", before: int | None = None, limit: int
    ) -> Sequence[AuditLine]: ...


class KeptUploads(Protocol):
    """The part of `hallpulse.store.Uploads` with which the gateway keeps and shows uploaded files."""

    def add(self, new: NewUpload, content: bytes, at: datetime) -> int: ...

    def get(self, number: int, now: datetime, owner: str | None = None) -> Upload | None: ...

    def list(self, region: int, owner: str, now: datetime) -> Sequence[Upload]: ...

    def owner(self, number: int) -> str | None: ...

    def rejected(self, number: int) -> bytes | None: ...

    def versions(self, number: int) -> bytes | None: ...

    def discard(self, number: int) -> bool: ...


class KeptDrafts(Protocol):
    """The drafts of the catalogue, as `hallpulse.store.Drafts` keeps them."""

    def add(self, draft: Draft) -> int: ...

    def get(self, number: int) -> Draft | None: ...

    def whose(self, number: int) -> Scope | None: ...

    def list(self, region: int, department: str | None = None) -> Sequence[Draft]: ...

    def hand_on(self, number: int, upload: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Resources:
    """All that handlers need to answer requests, as one plain object.

    clock: returns the present time with a time zone; monotonic: returns seconds, for rates.
    """

    store: ReadableBack
    archive: PublishedReports
    plans: Sequence[Plan]
    publisher: EventPublisher
    token_cache: TokenCache
    rate_limiter: RateLimiter
    clock: Callable[[], datetime]
    monotonic: Callable[[], float]
    metrics: GatewayMetrics
    registry: CollectorRegistry
    audit: AccessAudit
    sessions: SessionDoor
    reviews: Reviews
    matters: Matters
    services: Services
    uploads: KeptUploads
    drafts: KeptDrafts
    audit_entries: AuditEntries
    live: LiveHub
    shared: SharedAnswers
    concurrency: ConcurrencyLimit = field(default_factory=ConcurrencyLimit)
    uploading: ConcurrencyLimit = field(default_factory=lambda: ConcurrencyLimit(1))
    uploading_all: ConcurrencyLimit = field(default_factory=lambda: ConcurrencyLimit(MOST_UPLOADING))
    suite: SuiteParts = field(default_factory=SuiteParts)
    boundaries: BoundaryFolder = field(default_factory=BoundaryFolder)
    provider: SignInProvider | None = None
    book: NameBook = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "book", NameBook(self.store, self.plans, self.monotonic))

    def now(self) -> int:
        """Return the present time in microseconds since 1970-01-01 UTC."""
        return int((self.clock() - _EPOCH).total_seconds() * 1_000_000)

    def today(self, past: Past | None = None) -> date:
        """Return today in Asia/Shanghai; for a past moment, the day of that moment."""
        as_of = past.as_of if past is not None else None
        return date_of(local_day(self.now() if as_of is None else as_of))

    @contextmanager
    def read(self, scope: Scope, past: Past) -> Iterator[Moment]:
        """Yield the database at one moment, turned back if a past is requested."""
        if past == Past():
            with self.store.read() as moment:
                yield moment
            return
        with self.store.read_back() as moment:
            moment.turn_back(past, scope)
            yield moment

    def plan(self, region: int, on: date) -> Plan | None:
        """Return the region's plan in force on a day, None if there is none."""
        return plan_for(self.plans, region, on)

    def department_names(self, region: int, on: date) -> Mapping[str, Names]:
        """Return department → names, from the plan in force or else from the region's latest plan."""
        plan = self.plan(region, on) or max(
            (p for p in self.plans if p.region == region), key=lambda p: p.period.start, default=None
        )
        return {d.id: d.names for d in plan.departments} if plan else {}


def resources_of(connection: Connection) -> Resources:
    resources: Resources = connection.app.state.resources
    return resources


def grant_of(connection: Connection) -> Grant:
    grant: Grant = connection.state.grant
    return grant


_CODE_PATTERN = r"^[^\x00-\x1f\x7f]{1,64}$"
_MONTH_PATTERN = r"^(?:199[0-9]|2[01][0-9]{2}|22[0-4][0-9]|2250)-(?:0[1-9]|1[0-2])$"
_CODE = re.compile(r"[^\x00-\x1f\x7f]{1,64}").fullmatch
_HALL = re.compile(r"[a-z0-9-]{1,40}").fullmatch
_COUNTY = re.compile(r"[1-9][0-9]{3}(?!00)[0-9]{2}").fullmatch
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})", re.ASCII
).fullmatch
_EARLIEST, _LATEST = date_of(FIRST_DAY), date_of(LAST_DAY)

RegionCode: TypeAlias = Annotated[
    str, QueryParameter(name="region", pattern=r"^(?:1[1-9]|[2-8][0-9]|9[01])[0-9]{4}$", description=EXPECTED["region"])
]
Department: TypeAlias = Annotated[
    str | None,
    QueryParameter(name="department", pattern=_CODE_PATTERN, description=EXPECTED["department"]),
]
Hall: TypeAlias = Annotated[
    str | None, QueryParameter(name="hall", pattern=r"^[a-z0-9-]{1,40}$", description=EXPECTED["hall"])
]
From: TypeAlias = Annotated[date | None, QueryParameter(name="from", description=EXPECTED["from"])]
To: TypeAlias = Annotated[date | None, QueryParameter(name="to", description=EXPECTED["to"])]
On: TypeAlias = Annotated[date | None, QueryParameter(name="on", description=EXPECTED["on"])]
AsOf: TypeAlias = Annotated[str | None, QueryParameter(name="as_of", max_length=64, description=EXPECTED["as_of"])]
Month: TypeAlias = Annotated[str, QueryParameter(name="month", pattern=_MONTH_PATTERN, description=EXPECTED["month"])]
MonthOfFlow: TypeAlias = Annotated[
    str | None, QueryParameter(name="month", pattern=_MONTH_PATTERN, description=EXPECTED["month"])
]
ItemCode: TypeAlias = Annotated[
    str | None, QueryParameter(name="item", pattern=_CODE_PATTERN, description=EXPECTED["item"])
]
FlowPartName: TypeAlias = Annotated[
    Literal[
        "carried",
        "received",
        "refused",
        "decided_early",
        "decided_on_time",
        "decided_late",
        "decided_without_limit",
        "decided",
        "withdrawn",
        "open",
    ]
    | None,
    QueryParameter(name="flow", description=EXPECTED["flow"]),
]
State: TypeAlias = Annotated[
    Literal["on_time", "due_soon", "overdue", "suspended", "unaccepted_late", "open", "pending", "flagged"] | None,
    QueryParameter(name="state", description=EXPECTED["state"]),
]
IndicatorId: TypeAlias = Annotated[
    str | None, QueryParameter(name="indicator", pattern=r"^[a-z][a-z0-9_]{0,63}$", description=EXPECTED["indicator"])
]
PartName: TypeAlias = Annotated[
    Literal["numerator", "denominator"] | None, QueryParameter(name="part", description=EXPECTED["part"])
]
Cursor: TypeAlias = Annotated[
    str | None,
    QueryParameter(name="cursor", pattern=r"^[A-Za-z0-9_-]{1,1000}$", description=EXPECTED["cursor"]),
]
Limit: TypeAlias = Annotated[int, QueryParameter(name="limit", ge=1, le=MOST_ROWS, description=EXPECTED["limit"])]
ReportFormat: TypeAlias = Annotated[
    Literal["docx", "xlsx", "html", "pdf"] | None, QueryParameter(name="format", description=EXPECTED["format"])
]
ReportId: TypeAlias = Annotated[int, PathParameter(ge=1, le=2**31 - 1, description="a published report's number")]
CountyInPath: TypeAlias = Annotated[str, PathParameter(description="a county's code of 6 digits")]
HallInPath: TypeAlias = Annotated[str, PathParameter(description=EXPECTED["hall"])]
EventIdInPath: TypeAlias = Annotated[str, PathParameter(description=EXPECTED["event_id"])]
DryRun: TypeAlias = Annotated[Literal["true", "false"], QueryParameter(name="dry_run", description=EXPECTED["dry_run"])]
Predecessors: TypeAlias = Annotated[
    Literal["true", "false"], QueryParameter(name="predecessors", description=EXPECTED["predecessors"])
]
CaseIdInPath: TypeAlias = Annotated[str, PathParameter(description=EXPECTED["case_id"])]


class CaseKey(NamedTuple):
    region: int
    hall: str
    case_id: str


Body = TypeVar("Body", bound=msgspec.Struct)


async def body_of(request: AnyRequest, kind: type[Body]) -> Body:
    """Return the request's JSON as a struct. Raises Declined: 415 for another type, 400 for no JSON, 422 for a wrong
    field.
    """
    if request.content_type[0] != "application/json":
        raise Declined(Kind.BAD_CONTENT_TYPE, "content-type: expected application/json")
    try:
        return msgspec.json.decode(await request.body(), type=kind)
    except msgspec.ValidationError as error:
        _, _, place = str(error).rpartition("$.")
        field = place.strip("`") if place != str(error) else ""
        raise Declined(Kind.CONTRADICTION, str(error), field=field or None) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Declined(Kind.NOT_JSON, f"expected JSON: {error}") from None


def check_text(resources: Resources, **texts: str) -> None:
    """Raise Declined (422), with the field, for a text that is not printable or holds a person's number."""
    for name, text in texts.items():
        if any(not (sign.isprintable() or sign in "\n\t\r") for sign in text):
            raise Declined(Kind.CONTRADICTION, f"{name}: expected printable characters", field=name)
        if is_personal(text, resources.today().year):
            raise Declined(Kind.CONTRADICTION, f"{name}: expected no number of a person", field=name)


def scope_of(grant: Grant, region: str, department: str | None = None, hall: str | None = None) -> Scope:
    """Return the requested scope. Raises Declined: 422 for both department and hall, 403 if it may not be read."""
    if department is not None and hall is not None:
        raise Declined(Kind.CONTRADICTION, "department and hall: expected one of them, or neither", field="hall")
    scope = Scope(int(region), department, hall)
    if not may_read(grant, scope):
        raise Declined(Kind.FORBIDDEN, f"{whose(grant)} reads {reach(grant)}")
    return scope


class Query(NamedTuple):
    """The resources, the scope and the past of a query."""

    resources: Resources
    scope: Scope
    past: Past


def query_of(  # noqa: PLR0917 - the parameters that queries have in common
    request: AnyRequest,
    region: str,
    department: str | None = None,
    hall: str | None = None,
    as_of: str | None = None,
    on: date | None = None,
) -> Query:
    """Return the head of every query. Raises as `scope_of` and `past_of` do."""
    scope = scope_of(grant_of(request), region, department, hall)
    return Query(resources_of(request), scope, past_of(as_of, on))


def past_of(as_of: str | None, on: date | None = None) -> Past:
    """Return the requested past. Raises Declined (422) if `as_of` is no moment.

    A blank in it stands for a plus sign that was not written as a percent code.
    """
    if on is not None:
        day_of_calendar("on", on, on)
    if as_of is None:
        return Past(on)
    text = as_of.upper().replace(" ", "+")
    try:
        at = datetime.fromisoformat(text) if _MOMENT(text) else None
    except ValueError:
        at = None
    if at is None or not _EARLIEST <= at.date() <= _LATEST:
        raise Declined(Kind.CONTRADICTION, f"as_of: expected {expected_of('as_of')}", field="as_of")
    return Past(on, (at - _EPOCH) // timedelta(microseconds=1))


def told_at(resources: Resources, past: Past) -> str:
    """Return the moment that an answer is about: now, or the requested one of the past."""
    return time_text(resources.now() if past.as_of is None else past.as_of)


def window_of(
    resources: Resources, region: int, start: date | None, end: date | None, past: Past | None = None
) -> Window:
    """Return the requested window; by default the plan's period so far, or the year so far without a plan."""
    last = day_of_calendar("to", end, resources.today(past))
    plan = resources.plan(region, last)
    so_far = plan.window(last) if plan else None
    if end is None and so_far is not None:
        last = so_far.end
    first = day_of_calendar("from", start, so_far.start if so_far else last.replace(month=1, day=1))
    if last < first:
        given = "to" if end is not None else "to (today, since it is left out)"
        raise Declined(Kind.CONTRADICTION, f"from: expected a day not after {given}: {first} > {last}", field="from")
    return Window(first, last)


def day_of_calendar(field: str, given: date | None, otherwise: date) -> date:
    """Return the given day, or `otherwise`. Raises Declined (422) for a day that no calendar reaches."""
    day = given or otherwise
    if not _EARLIEST <= day <= _LATEST:
        raise Declined(Kind.CONTRADICTION, f"{field}: expected {expected_of(field)}", field=field)
    return day


def case_key(path: str) -> CaseKey | None:
    """Return region, hall and id of a case from REGION/HALL/CASE_ID; None if it is invalid. The id may hold slashes."""
    region, _, rest = path.partition("/")
    hall, _, case_id = rest.partition("/")
    found = _COUNTY(region) and _HALL(hall) and _CODE(case_id)
    return CaseKey(int(region), hall, case_id) if found else None
