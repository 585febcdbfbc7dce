"""The second walk through a file: what is taken in goes to the broker, what is not beside the file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from .importer import Job, RejectedRow
from .outlet import Outlet
from .rejects import RejectedRows


def publish(
    job: Job, outlet: Outlet, rejects: RejectedRows, rows: Counter[str], progress: Callable[[int], None]
) -> None:
    """Publish the events of each row and write the rejected ones down. rows: counted by what became of them."""
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
    """The sums of an import, as the audit has them."""
    return {"rows": rows["new"] + rows["changed"], "rejected": rows["refused"], "events": events}
