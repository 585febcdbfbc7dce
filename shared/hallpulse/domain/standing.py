"""Which events about an item, a tally or a declared figure count: corrections and retractions take others out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar


class Told(Protocol):
    """An event, as far as these rules need it.

    kind: equal for events of one type; retracts, corrects: the id of an event of the same hall that it names.
    """

    @property
    def hall(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def retracts(self) -> str | None: ...
    @property
    def corrects(self) -> str | None: ...


T = TypeVar("T", bound=Told)


def standing(about_one: Iterable[T]) -> list[T]:
    """Return the events about one thing that count: neither retractions nor events that were retracted or corrected.

    A correction takes out the event of its kind that it names, even if the correction is itself taken out. A retraction
    that another one corrects takes out nothing. Retractions cannot be retracted.
    """
    listed = list(about_one)
    naming = [one for one in listed if one.retracts is not None or one.corrects is not None]
    if not naming:
        return listed
    corrected = {(one.hall, one.kind, one.corrects) for one in naming if one.corrects is not None}
    retracted = {
        (one.hall, one.retracts)
        for one in naming
        if one.retracts is not None and (one.hall, one.kind, one.id) not in corrected
    }
    return [
        one
        for one in listed
        if one.retracts is None
        and (one.hall, one.id) not in retracted
        and (one.hall, one.kind, one.id) not in corrected
    ]
