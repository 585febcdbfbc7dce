"""GET /v1/flow: the balance of a month, carried + received = refused + decided + withdrawn + open."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

import msgspec
from litestar import get

from hallpulse.domain.figures import Scope, period_window
from hallpulse.domain.flow import Flow
from services.gateway.access import ACTION, Action
from services.gateway.problems import FLOW_PARTS, QUERY, problems
from services.gateway.request import (
    AnyRequest,
    AsOf,
    Department,
    Hall,
    ItemCode,
    Month,
    RegionCode,
    query_of,
    told_at,
)


class DecidedAnswer(msgspec.Struct, frozen=True):
    """Decided cases: before the due day, on it, after it, and without a limit or an acceptance to count from."""

    early: int
    on_time: int
    late: int
    without_limit: int


class FlowAnswer(msgspec.Struct, frozen=True):
    """The balance of a month. Cases open at its end are carried over to the next. cases: part → address of its list."""

    region: str
    department: str | None
    hall: str | None
    item: str | None
    month: str
    as_of: str
    carried: int
    received: int
    refused: int
    decided: DecidedAnswer
    withdrawn: int
    open: int
    cases: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request. as_of: the moment of the answer; in_past: whether the request names that moment."""

    scope: Scope
    month: str
    item: str | None
    as_of: str
    in_past: bool

    def behind(self, part: str) -> str:
        """Return the address of the list of a part's cases."""
        scope = self.scope
        asked = {"region": scope.region, "flow": part, "month": self.month, "department": scope.department}
        asked |= {"hall": scope.hall, "item": self.item, "as_of": self.as_of if self.in_past else None}
        return f"/v1/cases?{urlencode({name: value for name, value in asked.items() if value is not None})}"


@get(
    "/v1/flow",
    sync_to_thread=True,
    responses=problems(*QUERY),
    operation_id="getFlow",
    summary="The balance of a month: cases received, ended and still open",
    opt={ACTION: Action.READ},
    tags=["figures"],
)
def get_flow(
    request: AnyRequest,
    region: RegionCode,
    month: Month,
    *,
    department: Department = None,
    hall: Hall = None,
    item: ItemCode = None,
    as_of: AsOf = None,
) -> FlowAnswer:
    """Each case counts once: it comes on the day of receipt, and leaves by its decision, refusal or withdrawal.

    A month that is not over is balanced as if nothing more happened in it.
    """
    resources, scope, past = query_of(request, region, department, hall, as_of=as_of)
    with resources.read(scope, past) as moment:
        found = moment.flow(scope, period_window(month), item)
    return _answer(_Asked(scope, month, item, told_at(resources, past), past.as_of is not None), found)


def _answer(asked: _Asked, found: Flow) -> FlowAnswer:
    scope = asked.scope
    return FlowAnswer(
        region=str(scope.region),
        department=scope.department,
        hall=scope.hall,
        item=asked.item,
        month=asked.month,
        as_of=asked.as_of,
        carried=found.carried,
        received=found.received,
        refused=found.refused,
        decided=DecidedAnswer(
            found.decided_early, found.decided_on_time, found.decided_late, found.decided_without_limit
        ),
        withdrawn=found.withdrawn,
        open=found.open,
        cases={part: asked.behind(part) for part in FLOW_PARTS},
    )
