"""What each parameter expects, said once: for the OpenAPI document and for whoever got it wrong."""

from __future__ import annotations

from collections.abc import Mapping

from hallpulse.domain.measures import STATES

LISTED_STATES = (*STATES, "open", "pending", "flagged")
PARTS = ("numerator", "denominator")
MOST_ROWS = 1_000

EXPECTED: Mapping[str, str] = {
    "region": "a GB/T 2260 code of 6 digits: a county, or XXXX00 or XX0000 for the sum of what lies below",
    "from": "the window's first day, YYYY-MM-DD, from 1990-01-01 to 2250-12-31",
    "to": "the window's last day, YYYY-MM-DD, from 1990-01-01 to 2250-12-31",
    "on": "a day, YYYY-MM-DD, from 1990-01-01 to 2250-12-31",
    "department": "a department's code, 1 to 64 characters",
    "hall": "a hall's id, 1 to 40 of a-z, 0-9 and hyphen",
    "state": f"one of {', '.join(LISTED_STATES)}",
    "indicator": "an indicator's id, such as promise_kept_rate",
    "part": "numerator or denominator",
    "cursor": "the next_cursor of the page before",
    "limit": f"a whole number from 1 to {MOST_ROWS}",
    "case_id": "a case's id, 1 to 64 characters",
}


def expected_of(parameter: str) -> str:
    return EXPECTED.get(parameter, "a value of the contract")
