"""Add names beside every id of an answer: a member KEY of `IDS` gets a member KEY_names, `{"zh", "en"}`.

This is done in one place for all answers and their schemas, so that no route can forget it. The raw event in an answer
stays as it was sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import msgspec
from litestar import Response
from litestar.enums import MediaType
from msgspec import inspect
from stdnum import numdb

from hallpulse.domain.errors import Unavailable
from hallpulse.domain.figures import region_bounds
from hallpulse.domain.indicators import COMPUTED
from hallpulse.domain.plan import Names, Plan
from hallpulse.domain.succession import Succession
from hallpulse.store import HallFacts, ReadableBack

IDS = ("region", "hall", "department", "target", "indicator")
RAW = "event"
"""The field of an answer that holds an event as it was sent."""
SUFFIX = "_names"
FRESH_SECONDS = 2.0
"""Seconds after which halls' names are read from the store again."""
Facts = Mapping[tuple[int, str], HallFacts]


class NameBook:
    """The names of ids, from the plans and the register of halls. An id without a name there is its own name.

    The region's latest plan that has the id counts, else the plans below the region if they agree. A region that no
    plan names has its Chinese name from GB/T 2260; no region is shown as its bare code. clock: monotonic seconds.
    """

    def __init__(self, store: ReadableBack, plans: Sequence[Plan], clock: Callable[[], float]) -> None:
        self._store = store
        self._plans = sorted(plans, key=lambda plan: plan.period.start, reverse=True)
        self._clock = clock
        self._halls: Facts = {}
        self._successions: Sequence[Succession] = ()
        self._read_at: float | None = None
        self._known: dict[tuple[str, str, str], Names] = {}

    def names(self, kind: str, region: str, id_: str) -> Names:
        """Return the names of an id. kind: one of `IDS`; region: the one that the id belongs to, "" if not known."""
        if kind == "hall":
            return self._hall(region, id_)
        key = kind, region if kind != "region" else "", id_
        if key not in self._known:
            found = self._by_plans(kind, id_ if kind == "region" else region, id_)
            if found is None:  # not kept, since it may be any text that a hall sends
                return Names(f"地区 {id_}", f"Region {id_}") if kind == "region" else Names(id_, id_)
            self._known[key] = found
        return self._known[key]

    def indicators(self, region: int, plan: Plan | None) -> IndicatorNames:
        """Return the names of a region's indicators. plan: the one in force there."""
        return IndicatorNames(self, str(region), plan)

    def successions(self) -> Sequence[Succession]:
        """Return the changes of region codes, as known some seconds ago at most."""
        self.refresh()
        return self._successions

    def refresh(self) -> None:
        """Read what the database knows again if it is old. If that is down, what was known last stays."""
        now = self._clock()
        if self._read_at is not None and now - self._read_at < FRESH_SECONDS:
            return
        try:
            with self._store.read() as moment:
                self._halls, self._successions = moment.hall_facts(), moment.successions()
        except Unavailable:
            return
        self._read_at = now

    def _hall(self, region: str, hall: str) -> Names:
        facts = self._halls.get((int(region), hall)) if region else None
        zh = facts.name_zh if facts is not None else None
        return Names(zh or hall, (facts.name_en if facts is not None else None) or zh or hall)

    def _by_plans(self, kind: str, region: str, id_: str) -> Names | None:
        own = [plan for plan in self._plans if str(plan.region) == region]
        for plan in own:
            if found := _named_by(plan, kind, id_):
                return found
        if kind == "indicator" and id_ in COMPUTED:
            return Names(COMPUTED[id_].zh, COMPUTED[id_].en)
        low, high = region_bounds(int(region)) if region else (0, 999_999)
        below = {_named_by(plan, kind, id_) for plan in self._plans if low <= plan.region <= high} - {None}
        if len(below) == 1:
            return below.pop()
        return _listed_region(id_) if kind == "region" else None


@dataclass(frozen=True, slots=True)
class IndicatorNames:
    """Names of indicators in a region: by the plan in force, else as the book knows them."""

    book: NameBook
    region: str
    plan: Plan | None

    def of(self, id_: str) -> Names:
        found = self.plan.indicator_names.get(id_) if self.plan is not None else None
        return found or self.book.names("indicator", self.region, id_)


def _listed_region(code: str) -> Names | None:
    """Return a region's names from python-stdnum's list of GB/T 2260: in English the Chinese name and the code.

    The list has no English names. If the name has changed (`[1983-1992]郊区,[1993-]泉山区`), the last one counts.
    """
    found = dict(member for _, part in numdb.get("cn/loc").info(code) for member in part.items())
    name = found.get("county", "").split(",")[-1].rpartition("]")[2]
    return Names(name, f"{name} ({code})") if name else None


def _named_by(plan: Plan, kind: str, id_: str) -> Names | None:
    match kind:
        case "region":
            return plan.region_names if str(plan.region) == id_ else None
        case "department":
            return next((one.names for one in plan.departments if one.id == id_), None)
        case "target":
            return next((one.names for one in plan.targets if one.id == id_), None)
        case _:
            return plan.indicator_names.get(id_)


class Naming:
    """Puts names into answers, just before they are sent."""

    def __init__(self, book: NameBook) -> None:
        self._book = book

    async def into(self, response: Response[Any]) -> Response[Any]:
        """Encode the response's content with names. Files and texts stay as they are."""
        if isinstance(response.content, msgspec.Struct) and _holds_ids(type(response.content)):
            response.content = await asyncio.to_thread(self._encoded, response.content)
            response.media_type = response.media_type or MediaType.JSON
        return response

    def _encoded(self, answer: msgspec.Struct) -> bytes:
        self._book.refresh()
        return msgspec.json.encode(with_names(answer, self._book))


def with_names(value: Any, book: NameBook, region: str = "") -> Any:
    """Return a value of an answer with names for its ids. region: the nearest one above the value in the answer."""
    if isinstance(value, list):
        return [with_names(one, book, region) for one in value]
    if isinstance(value, dict):
        return _object(value.items(), book, str(value.get("region") or region))
    if isinstance(value, msgspec.Struct) and _holds_ids(type(value)):
        return _object(_members(value), book, str(getattr(value, "region", None) or region))
    return value


def _object(members: Iterable[tuple[str, Any]], book: NameBook, region: str) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, member in members:
        made[name] = with_names(member, book, region) if isinstance(member, _NESTED) and name != RAW else member
        if name in IDS:
            made[name + SUFFIX] = _shown(book.names(name, region, str(member))) if member else None
    return made


_NESTED = (list, dict, msgspec.Struct)


def _members(value: msgspec.Struct) -> Iterator[tuple[str, Any]]:
    for attribute, name in _fields(type(value)):
        member = getattr(value, attribute)
        if member is not msgspec.UNSET:
            yield name, member


@cache
def _fields(cls: type[msgspec.Struct]) -> list[tuple[str, str]]:
    return [(field.name, field.encode_name) for field in msgspec.structs.fields(cls)]


def _shown(names: Names) -> dict[str, str]:
    return {"zh": names.zh, "en": names.en}


@cache
def _holds_ids(cls: type[msgspec.Struct]) -> bool:
    """Return whether an answer of this type may hold ids. Others, such as receipts of events, are sent as they are."""
    return _has_ids(inspect.type_info(cls))


def _has_ids(kind: inspect.Type) -> bool:
    match kind:
        case inspect.StructType():
            fields = (field for field in kind.fields if field.encode_name != RAW)
            return any(field.encode_name in IDS or _has_ids(field.type) for field in fields)
        case inspect.ListType():
            return _has_ids(kind.item_type)
        case inspect.DictType():  # a table of names has values of one type; a row of a list has values of several types
            return _has_ids(kind.value_type) or isinstance(kind.value_type, inspect.UnionType)
        case inspect.UnionType():
            return any(_has_ids(one) for one in kind.types)
    return False


def describe_names(schemas: Mapping[str, Any]) -> None:
    """Add properties for the names to the schemas of answers, one for each property that is an id."""
    for schema in schemas.values():
        properties = schema.get("properties", {})
        for name in [name for name in IDS if name in properties]:
            _add_beside(schema, name)


def _add_beside(schema: dict[str, Any], name: str) -> None:
    known = schema["properties"][name]
    nullable = "oneOf" in known or "null" in cast(Any, known.get("type") or ())
    named = {"$ref": "#/components/schemas/Named"}
    schema["properties"][name + SUFFIX] = {"oneOf": [named, {"type": "null"}]} if nullable else named
    if name in schema.get("required", ()):
        schema["required"] = sorted([*schema["required"], name + SUFFIX])
