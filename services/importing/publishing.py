"""The second walk over a file: events of accepted rows go to the broker, rejected rows go to a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from .importer import Job, RejectedRow
from .outlet import Outlet
from .rejects import RejectedRows


def publish(
    job: Job, outlet: Outlet, rejects: RejectedRows, rows: Counter[str], progress: Callable[[int], None]
) -> None:
    """Publish the events of each accepted row, and write the rejected rows to their file.

    rows: gets the number of rows by outcome; progress: is called with the number of rows just done.
    """
    for outcome in job.outcomes(progress):
        rows["read"] += 1
        if isinstance(outcome, RejectedRow):
            rows["refused"] += 1
            rejects.add(outcome)
            declined = job.declined(outcome)
            if declined is not None:
                outlet.tell(*declined)
        else:
            rows[outcome.state] += 1
            outlet.send(job.published(outcome))


def taken(rows: Counter[str], events: int) -> dict[str, int]:
    """Return the numbers of an import for the audit. rows: number of rows by outcome; events: number of events."""
    return {"rows": rows["new"] + rows["changed"], "rejected": rows["refused"], "events": events}
