"""The steps of a case in a row of a table: which column dates which event, in the order of a case's life."""

from __future__ import annotations

from collections.abc import Mapping

from hallpulse.contract.events import EventType
from hallpulse.domain.workdays import local_day

from .dates import Moment, NotADate, parse_moment
from .rows import BadRow, RowProblem
from .tables import Record

STEPS: Mapping[str, EventType] = {
    "received": EventType.CASE_RECEIVED,
    "supplement_requested": EventType.CASE_SUPPLEMENT_REQUESTED,
    "supplemented": EventType.CASE_SUPPLEMENTED,
    "accepted": EventType.CASE_ACCEPTED,
    "rejected": EventType.CASE_REJECTED,
    "suspended": EventType.CASE_SUSPENDED,
    "resumed": EventType.CASE_RESUMED,
    "extended": EventType.CASE_EXTENDED,
    "decided": EventType.CASE_DECIDED,
    "delivered": EventType.CASE_DELIVERED,
    "rated": EventType.CASE_RATED,
    "withdrawn": EventType.CASE_WITHDRAWN,
}
_SECOND = 1_000_000


def step_times(record: Record) -> dict[str, int]:
    """step → microseconds since 1970-01-01 UTC.

    A step that is dated to the day only comes a second after what came before it on that day: in the order of a
    case's life, so that 受理 and 办结 on one day are not taken for 先办后收. Raises BadRow.
    """
    times: dict[str, int] = {}
    for step in STEPS:
        moment = _moment(record, step)
        if moment is not None:
            times[step] = moment.time if moment.has_time else _after(times, moment.time)
    return times


def _moment(record: Record, step: str) -> Moment | None:
    try:
        return parse_moment(record.cells.get(step))
    except NotADate:
        raise BadRow(RowProblem.BAD_DATE, step, record.text(step)) from None


def _after(times: Mapping[str, int], midnight: int) -> int:
    same_day = [time for time in times.values() if local_day(time) == local_day(midnight)]
    return max(same_day) + _SECOND if same_day else midnight
