"""The peers' job, with corrections, as a Pathway graph: events in, the changed rows of all three tables out.

It runs in an environment of its own (`.venv-pathway`), so it imports nothing of the suite.
"""

from __future__ import annotations

from typing import Any

import pathway as pw  # type: ignore[import-not-found, unused-ignore]

from bench.peers.tables import COUNTED, counted_as, day_of

EVENT, CASE, DAY, PROGRESS = range(4)
OTHER = len(COUNTED)


class Event(pw.Schema):  # type: ignore[misc, unused-ignore]
    """An event's columns. key: source and id; names: the key of the event that it corrects or retracts."""

    key: str
    hall: str
    case: str
    kind: int
    day: int
    department: str
    fact: str
    names: str
    number: int


def columns_of(event: dict[str, Any], number: int) -> dict[str, Any]:
    """Return an event's columns for the graph. number: its place among those received; 0 if the database has it."""
    data, source, column = event.get("data") or {}, event["source"], counted_as(event)
    named = data.get("corrects") or (data.get("event_id") if event["type"] == "hall.case.retracted.v1" else None)
    day, department = day_of(event), data.get("department") or ""
    fact = f"{column}|{day}|{data.get('item_code') or ''}|{department}|{data.get('score') or ''}" if column else ""
    return {
        "key": f"{source}/{event['id']}",
        "hall": source,
        "case": data.get("case_id") or "",
        "kind": OTHER if column is None else COUNTED.index(column),
        "day": day.toordinal(),
        "department": department,
        "fact": fact,
        "names": f"{source}/{named}" if named else "",
        "number": number,
    }


def changes(raw: pw.Table) -> pw.Table:
    """Return a table whose changes are those of all three tables and of the progress through the messages."""
    first = raw.deduplicate(value=pw.this.number, instance=pw.this.key, acceptor=lambda _new, _old: False)
    named = first.filter(pw.this.names != "").groupby(pw.this.names).reduce(key=pw.this.names)
    counted = first.filter(pw.this.kind < OTHER)
    counted = counted.with_id_from(pw.this.key).difference(named.with_id_from(pw.this.key))
    progress = raw.reduce(number=pw.reducers.max(pw.this.number))
    return pw.Table.concat_reindex(
        _out(first, EVENT, number=pw.this.number),
        _out(_cases(counted), CASE, hall=pw.this.hall, name=pw.this.case, facts=pw.this.facts),
        _out(_days(counted), DAY, hall=pw.this.hall, name=pw.this.department, day=pw.this.day, kind=pw.this.kind,
             number=pw.this.number),
        _out(progress, PROGRESS, number=pw.this.number),
    )  # fmt: skip


def _cases(counted: pw.Table) -> pw.Table:
    facts = pw.reducers.sorted_tuple(pw.this.fact)
    return counted.groupby(pw.this.hall, pw.this.case).reduce(pw.this.hall, pw.this.case, facts=facts)


def _days(counted: pw.Table) -> pw.Table:
    """Return the counts of days. A case's department is the one that its entry names, whenever the entry comes."""
    received = counted.filter(pw.this.kind == COUNTED.index("received"))
    departments = received.groupby(pw.this.hall, pw.this.case).reduce(
        pw.this.hall, pw.this.case, department=pw.reducers.max(pw.this.department)
    )
    joined = counted.join_left(departments, pw.left.hall == pw.right.hall, pw.left.case == pw.right.case).select(
        pw.left.hall, pw.left.day, pw.left.kind, department=pw.coalesce(pw.right.department, "")
    )
    return joined.groupby(pw.this.hall, pw.this.department, pw.this.day, pw.this.kind).reduce(
        pw.this.hall, pw.this.department, pw.this.day, pw.this.kind, number=pw.reducers.count()
    )


def _out(table: pw.Table, to: int, **given: Any) -> pw.Table:
    empty = pw.declare_type(list[str], pw.make_tuple(""))
    return table.select(**{"to": to, "hall": "", "name": "", "day": 0, "kind": 0, "number": 0, "facts": empty, **given})
