"""Where a check of schemathesis is wrong for us, as narrowly as it can be said: everything else is a failure.

`positive_data_acceptance`: a request may fit its schema and be declined for what no schema can state;
`ensure_resource_availability`: what was accepted is not stored at once;
`not_a_server_error`: of services that do not run beside the attacked gateway, and are then said to be down (503).
"""

from __future__ import annotations

from typing import Any

import schemathesis
from schemathesis.core.failures import Failure
from schemathesis.openapi.checks import EnsureResourceAvailability, RejectedPositiveData

_BEYOND_A_SCHEMA = frozenset(
    {
        "bad-date",
        "bad-time",
        "future-period",
        "time-in-future",
        "time-out-of-range",
        "personal-data",
        "source-mismatch",
        "routing-mismatch",
    }
)
"""A day or time that the calendar has not, the clock, the look of a person's number, what the token is for."""


_ASK_SERVICES = frozenset(
    {
        *("getAlerts", "acknowledgeAlert", "noteAlert", "postReport", "getTemplate"),
        *("getMatter", "openMatter", "answerMatter", "decideMatter", "postTask"),
    }
)
"""Operations that ask `notices`, `reports` or `catalogue`."""


@schemathesis.hook
def filter_failure(context: Any, failure: Failure, case: Any, response: Any) -> bool:
    """Whether the failure stands."""
    del context
    asked = case.operation.definition.raw["operationId"]
    is_down = response.status_code == 503 and asked in _ASK_SERVICES
    # An event is looked at when it is taken from its queue, a moment after it was sent.
    if is_down or (isinstance(failure, EnsureResourceAvailability) and asked == "getEvent"):
        return False
    if not isinstance(failure, RejectedPositiveData) or response.status_code not in (400, 422):
        return True
    problem = response.json()
    match asked:
        case "postEvents":
            return not all(result["reason"] in _BEYOND_A_SCHEMA for result in problem["results"])
        case "postFigures":
            return False  # the plans and the token say which figures may be declared, by whom, for when
        case "listCases" | "getRefused" if problem.get("field") == "cursor":
            return False  # it must be what an earlier page gave
        case _:  # parameters that are right by themselves and say different things together
            return bool(problem["type"] != "/problems#contradiction")
