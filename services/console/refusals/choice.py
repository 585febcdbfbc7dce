"""The filters of every subcommand of `hallpulse refused`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import click

from hallpulse.broker.rejections import DEAD_LETTERED
from hallpulse.contract.reasons import Reason
from hallpulse.domain.workdays import SHANGHAI
from hallpulse.store import RefusedFilter

_MOMENTS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"]
Command = Callable[..., None]


@dataclass(frozen=True, slots=True)
class RefusalChoice:
    """The chosen filters; None stands for any value.

    region: a region, with all regions below it; since, until: limits of the time of refusal, `until` excluded; limit:
    how many events at most.
    """

    reason: str | None = None
    source: str | None = None
    region: int | None = None
    hall: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 100

    def filter(self, *, done: bool = False) -> RefusedFilter:
        """Return the filter for the store. done: include events that were replayed or dropped."""
        given = {name: value for name, value in asdict(self).items() if name != "limit"}
        return RefusedFilter(**given, done=done)

    def as_detail(self) -> dict[str, str]:
        """Return the filters that are not None, as text for the audit."""
        return {name: str(value) for name, value in asdict(self).items() if value is not None}


def choice_options(function: Command) -> Command:
    """Add the filters as options and pass them on as one parameter `choice`."""

    @functools.wraps(function)
    def chosen(*, since: datetime | None, until: datetime | None, **given: Any) -> None:
        names = ("reason", "source", "region", "hall", "limit")
        choice = RefusalChoice(since=_local(since), until=_local(until), **{name: given.pop(name) for name in names})
        function(choice=choice, **given)

    for option in (
        click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="At most so many."),
        click.option("--until", type=click.DateTime(_MOMENTS), metavar="TIME", help="Only refused before then."),
        click.option("--since", type=click.DateTime(_MOMENTS), metavar="TIME",
                     help="Only refused since then, such as 2026-03-02 or 2026-03-02T09:30, Asia/Shanghai."),
        click.option("--source", help="Only of this source, such as /222424/hall-1."),
        click.option("--hall", help="Only sent by this hall."),
        click.option("--region", type=click.IntRange(100_000, 999_999), metavar="CODE",
                     help="Only sent from this county, or from all below XXXX00 or XX0000."),
        click.option("--reason", type=click.Choice([*map(str, Reason), DEAD_LETTERED]), help="Only for this reason."),
    ):  # fmt: skip
        chosen = option(chosen)
    return chosen


def _local(moment: datetime | None) -> datetime | None:
    return moment and moment.replace(tzinfo=SHANGHAI)
