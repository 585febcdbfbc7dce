"""Hypothesis strategies for whatever the contract allows, made from its own types, and for what it does not."""

from __future__ import annotations

from datetime import date
from typing import Any, get_args

import msgspec
from hypothesis import strategies as st

from hallpulse.contract.events import DATA_OF, Data, EventType, HallEvent, ItemPublished
from hallpulse.contract.validation import COMPUTED_IDS, EARLIEST
from hallpulse.contract.values import Code, Corrected, Day, EventId, IndicatorId, ItemName, Period, Text
from tests.hall_events import DAY, NOW

_visible = st.characters(exclude_categories=["Cs", "Cc"])
_any_text = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
_names = st.from_regex(r"[a-z][a-z0-9_]{0,40}", fullmatch=True)
_days = st.dates().map(str)
_begun = st.dates(max_value=date(2023, 11, 15)).map(str)
"""Up to the day of NOW, Asia/Shanghai."""

_TEXTS: dict[Any, st.SearchStrategy[str]] = {
    Code: st.text(_visible, min_size=1, max_size=64).map(str.strip).filter(bool),
    EventId: st.text(_visible, min_size=1, max_size=64),
    Corrected: st.text(_visible, min_size=1, max_size=64),
    Text: st.text(_any_text, max_size=500),
    ItemName: st.text(_any_text, min_size=1, max_size=300),
    Day: _days,
    Period: _begun | _begun.map(lambda day: day[:7]) | _begun.map(lambda day: day[:4]),
    IndicatorId: _names.filter(lambda name: name not in COMPUTED_IDS),
}


def json_values() -> st.SearchStrategy[Any]:
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=70)
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=22), inner, max_size=3)
    )


def hall_events() -> st.SearchStrategy[HallEvent]:
    """Every event that the contract allows, but for those with personal data."""
    return st.sampled_from(EventType).flatmap(
        lambda kind: st.builds(
            HallEvent,
            st.sampled_from([110101, 222424, 659001, 820001, 910101]),
            st.from_regex(r"[a-z0-9-]{1,40}", fullmatch=True),
            _TEXTS[EventId],
            st.just(kind),
            st.integers(EARLIEST, NOW + DAY),
            _data(DATA_OF[kind]),
            _extras(),
        )
    )


def _data(cls: type[Data]) -> st.SearchStrategy[Data]:
    made = st.builds(cls, **{field.name: _values(field.type) for field in msgspec.structs.fields(cls)})
    if cls is ItemPublished:
        return made.filter(lambda data: data.handling == "promised" or not data.promised_days)
    return made


def _values(wanted: Any) -> st.SearchStrategy[Any]:
    if wanted in _TEXTS:
        return _TEXTS[wanted]
    if type(None) in get_args(wanted):
        return st.none() | _values(next(part for part in get_args(wanted) if part is not type(None)))
    schema = msgspec.json.schema(wanted)
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    return st.booleans() if schema["type"] == "boolean" else st.integers(schema["minimum"], schema["maximum"])


def _extras() -> st.SearchStrategy[bytes | None]:
    texts = st.text(_visible, min_size=1, max_size=100)
    names = st.from_regex(r"[a-z0-9]{1,20}", fullmatch=True)
    reserved = ("specversion", "id", "source", "type", "time", "data", "datacontenttype", "traceparent", "tracestate")
    values = texts | st.booleans() | st.integers(-(2**31), 2**31 - 1)
    named = st.dictionaries(
        names.filter(lambda name: name not in (*reserved, "subject", "dataschema")), values, max_size=4
    )
    subjects = st.fixed_dictionaries({}, optional={"subject": texts, "dataschema": texts})
    both = st.tuples(named, subjects).map(lambda pair: {**pair[0], **pair[1]})
    return both.map(lambda extra: msgspec.json.encode(extra, order="deterministic") if extra else None)
