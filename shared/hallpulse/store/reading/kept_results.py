"""Results that follow from plans, and from declared figures or catalogues alone: kept while these do not change.

A province has tens of thousands of reports and items, which change once a month, while its cases change each second.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sized
from typing import Literal, TypeVar, get_args

from sqlalchemy import Connection, text

from hallpulse.domain.figures import Scope

T = TypeVar("T", bound=Sized)
MOST_KEPT, MOST_ROWS = 400, 5_000
Source = Literal["figures", "catalogue"]
"""The only data, beside the plans, that a result follows from."""
_VERSIONS = {
    source: text(f"SELECT count(*), sum({source}_version) FROM regions WHERE region BETWEEN :low AND :high")
    for source in get_args(Source)
}
_Version = tuple[int, int]


class KeptResults:
    """The latest results of one set of plans. May be shared by threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[Hashable, tuple[_Version, object]] = {}

    def get(
        self, connection: Connection, scope: Scope, source: Source, key: tuple[Hashable, ...], read: Callable[[], T]
    ) -> T:
        """Return the kept result if it is of the data that this transaction sees, else what `read` returns.

        key: names the result and all that it depends on beside its source and the plans. A result must not be changed.
        """
        low, high = scope.bounds
        count, versions = connection.execute(_VERSIONS[source], {"low": low, "high": high}).one()
        version = (count, int(versions or 0))  # of all regions together: each grows only
        with self._lock:
            kept = self._found.get(key)
        if kept is not None and kept[0] == version:
            return kept[1]  # type: ignore[return-value]
        found = read()
        if len(found) <= MOST_ROWS:
            with self._lock:
                self._found.pop(key, None)
                self._found[key] = version, found
                while len(self._found) > MOST_KEPT:
                    del self._found[next(iter(self._found))]
        return found
