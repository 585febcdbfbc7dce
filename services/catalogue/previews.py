"""The answers of the catalogue service: a plain object that needs no nameko."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import msgspec

from hallpulse.domain.catalogue import span_on
from hallpulse.domain.figures import Scope, Window
from hallpulse.domain.workdays import date_of, day_of
from hallpulse.store import Readable
from services.importing.cells import Cell
from services.importing.departments import Departments
from services.importing.fields import CATALOGUE
from services.importing.headers import layout_of
from services.importing.items import item_of
from services.importing.layout import Layout, Row
from services.importing.problems import BadRow, RowProblem
from services.importing.profiles import plain_profile
from services.importing.sheet_reader import Decisions, SheetReader
from services.importing.sheets import Sheet

MOST_ROWS = 5_000
_COUNTS = {
    "instant": "instant_item_share",
    "settled": "settled_item_share",
    "unified": "unified_item_share",
    "full_process": "full_process_item_share",
    "tolerates_missing": "tolerance_items",
    "commitment": "commitment_items",
}


class CataloguePreviews:
    """Answers about catalogues, as values that JSON can represent."""

    def __init__(self, store: Readable) -> None:
        self._store = store

    def ping(self) -> None:
        self._store.ping()

    def check(self, rows: Sequence[Mapping[str, Cell]], effective_from: date) -> list[dict[str, Any]]:
        """Return a preview of each row of a catalogue: its item with notes, or the reason why it is rejected.

        Raise ValueError for more than MOST_ROWS rows.
        """
        if len(rows) > MOST_ROWS:
            raise ValueError(f"rows: expected at most {MOST_ROWS}, got {len(rows)}")
        return list(_checked(rows, effective_from))

    def item(self, region: int, item_code: str, on: date) -> dict[str, Any] | None:
        """Return the version of an item that is in effect on a day, with its first and last day; None without one."""
        with self._store.read() as moment:
            span = span_on(moment.catalogue(region).get(item_code, ()), day_of(on))
        if span is None:
            return None
        until = None if span.end is None else date_of(span.end - 1).isoformat()
        version = span.version._asdict()
        return {"item_code": item_code, "from": date_of(span.start).isoformat(), "until": until, **version}

    def counts(self, region: int, on: date) -> dict[str, int]:
        """Return the number of items in effect on a day, and the number of them that have each flag."""
        with self._store.read() as moment:
            figures = moment.figures(Scope(region), Window(on, on))
        counts = {name: figures[indicator].numerator for name, indicator in _COUNTS.items()}
        return {"items": figures["instant_item_share"].denominator, **counts}


def _checked(rows: Sequence[Mapping[str, Cell]], effective_from: date) -> Iterator[dict[str, Any]]:
    headers = list(dict.fromkeys(name for row in rows for name in row))
    cells = [[row.get(name) for name in headers] for row in rows]
    sheet = Sheet("", lambda: enumerate([[*headers], *cells]))
    layout = layout_of(sheet, CATALOGUE)
    for line, row in enumerate(cells, start=1):
        if isinstance(layout, Layout):
            reader = SheetReader(
                layout, plain_profile("catalogue"), Decisions(effective_from=effective_from), Departments()
            )
            yield _outcome(reader, Row(line, row))
        else:
            yield {"line": line, "reason": str(RowProblem.MISSING_FIELD), "field": "item_code", "detail": layout.why.zh}


def _outcome(reader: SheetReader, row: Row) -> dict[str, Any]:
    try:
        item, notes = item_of(reader, row, {})
    except BadRow as problem:
        return {"line": row.line, "reason": problem.reason, "field": problem.field, "detail": problem.detail}
    told = [{"field": n.field, "what": str(n.what), "written": n.written, "became": n.became} for n in notes]
    return {"line": row.line, "item": msgspec.to_builtins(item), "notes": told}
