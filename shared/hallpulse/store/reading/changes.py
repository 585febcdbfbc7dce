"""Items whose effective version on one day is another than on an earlier day."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection, text

from hallpulse.domain.lowering import ItemChange
from hallpulse.domain.measures import ITEM_MEASURES

from .sql import sql

_SHORTENED, _STATUTORY = (
    f"CASE WHEN {sql(measure.where, 's')} THEN {sql(measure.amount, 's')} ELSE 0 END"
    for measure in (ITEM_MEASURES["shortened_days"], ITEM_MEASURES["statutory_days"])
)
_EFFECTIVE = (
    "SELECT s.item_code, s.hall, s.id, s.name, s.department,"
    f" {_SHORTENED} AS shortened, {_STATUTORY} AS statutory"
    " FROM item_spans s WHERE s.region = :region AND s.start <= {day}"
    ' AND (s."end" IS NULL OR s."end" > {day})'
)
_CHANGES = text(
    f"WITH was AS ({_EFFECTIVE.replace('{day}', ':before')}), now AS ({_EFFECTIVE.replace('{day}', ':after')})"
    " SELECT item_code, coalesce(now.name, was.name), coalesce(now.department, was.department),"
    " coalesce(was.shortened, 0), coalesce(was.statutory, 0), coalesce(now.shortened, 0), coalesce(now.statutory, 0)"
    " FROM was FULL JOIN now USING (item_code) WHERE (was.hall, was.id) IS DISTINCT FROM (now.hall, now.id)"
)


def read_item_changes(connection: Connection, region: int, before: date, after: date) -> list[ItemChange]:
    """The items of one county that came, went or changed between two days."""
    rows = connection.execute(_CHANGES, {"region": region, "before": before, "after": after})
    return [
        ItemChange(code, name, department, (shortened, statutory), (shortened_now, statutory_now))
        for code, name, department, shortened, statutory, shortened_now, statutory_now in rows
    ]
