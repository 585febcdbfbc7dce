"""What a token opens: whose figures it reads, whose events it sends."""

from __future__ import annotations

from hallpulse.domain.figures import Scope, region_bounds
from hallpulse.store import Grant

BUREAU = Grant("bureau", name="read-token")
"""The suite's own: reads everything, writes nothing."""
READERS = frozenset({"hall", "department", "bureau", "operator"})


def may_publish(grant: Grant) -> bool:
    """Only a hall sends events, and each only its own."""
    return grant.role == "hall" and grant.region is not None and grant.hall is not None


def may_read(grant: Grant, scope: Scope) -> bool:
    """A grant that names a region, a hall or a department reads that alone; one that names nothing reads all."""
    if grant.role not in READERS:
        return False
    if grant.region is not None and not _within(scope.region, grant.region):
        return False
    return _same_or_open(grant.hall, scope.hall) and _same_or_open(grant.department, scope.department)


def reach(grant: Grant) -> str:
    """In words, for whoever asked for more."""
    if grant.hall is not None:
        return f"region={grant.region}&hall={grant.hall}"
    if grant.department is not None:
        return f"region={grant.region}&department={grant.department}"
    return f"region={grant.region} and what lies below it" if grant.region is not None else "nothing"


def _within(region: int, outer: int) -> bool:
    (low, high), (first, last) = region_bounds(outer), region_bounds(region)
    return low <= first and last <= high


def _same_or_open(granted: str | None, asked: str | None) -> bool:
    return granted is None or granted == asked
