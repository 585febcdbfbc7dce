"""Texts that would run, or steer who reads them, if they were taken for anything but text; and the fields for them.

A field is one that a person, a hall or a program writes freely: derived from what the application says of its
requests, from the contract's events and from the types of plans and profiles, so that a new one is found without being
named here.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from hallpulse.contract.json_schema import components
from hallpulse.domain.ladder import Wording
from hallpulse.domain.plan import Names, Plan
from services.gateway.app import handlers
from services.gateway.document import document
from services.importing.profiles import Profile

KINDS: Mapping[str, str] = {
    "i": "<img src=x onerror=__hit=1>",
    "s": "\"'><svg onload=__hit=1>",
    "j": "javascript:__hit=1//",
    "t": "{{__hit=1}}${__hit=1}",
    "f": '=HYPERLINK("//x","y")',
    "b": "a\u202egpj\u2066\u200f",
    "w": "W" * 10_000,
}
"""Letter → text: markup that breaks out of text, of an attribute; a link; a template; a formula; signs that turn the
order of what stands around them; a word that no line holds."""
MARK = re.compile(r"¶(\d\d\d)([a-z])")
_CLOSED = ("enum", "format", "const")
Node = TypeVar("Node")


def text(number: int, kind: str, most: int = 64) -> str:
    """Return a text of at most `most` characters that tells its field by a number, and its kind."""
    mark = f"¶{number:03}{kind}"
    return KINDS[kind][: most - len(mark)] + mark


def is_closed(schema: Mapping[str, Any]) -> bool:
    """Return whether a field takes none of the texts."""
    if any(name in schema for name in _CLOSED):
        return True
    pattern = schema.get("pattern")
    return pattern is not None and not any(re.search(pattern, text(1, kind)) for kind in KINDS)


def free_fields(schema: Mapping[str, Any], known: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Yield the path of each free text in a JSON schema. known: the schemas that it refers to."""
    reference = schema.get("$ref", "").rpartition("/")[2]
    if reference:
        schema = known[reference]
    for name in ("anyOf", "oneOf", "allOf"):
        for one in schema.get(name, ()):
            yield from free_fields(one, known, path)
    if schema.get("type") == "string" and not is_closed(schema):
        yield path
    for name, one in schema.get("properties", {}).items():
        yield from free_fields(one, known, f"{path}.{name}" if path else name)
    for name, one in (("*", schema.get("additionalProperties")), ("[]", schema.get("items"))):
        if isinstance(one, dict):
            yield from free_fields(one, known, f"{path}{name}")


def fields_of_requests() -> set[str]:
    """Return the free texts of every request that writes, as `POST /v1/…: path`; an event's are the contract's."""
    made = document(handlers())
    known = made["components"]["schemas"]
    found = set()
    for address, methods in made["paths"].items():
        posted = methods.get("post")
        if posted is None or address == "/v1/events":
            continue
        for content in posted.get("requestBody", {}).get("content", {}).values():
            found |= {f"POST {address}: {path}" for path in free_fields(content.get("schema", {}), known)}
        for parameter in posted.get("parameters", ()):
            if parameter["in"] == "query" and list(free_fields(parameter["schema"], known)):
                found.add(f"POST {address}: ?{parameter['name']}")
    return found


def fields_of_events() -> set[str]:
    """Return the free texts of the data and of the envelope of every event, as `event: path`."""
    known = components(ref_template="{name}")
    events = {name: schema for name, schema in known.items() if name.endswith("Event")}
    return {f"event: {path}" for schema in events.values() for path in free_fields(schema, known)}


def fields_of_a_profile() -> set[str]:
    """Return the free texts of a source's profile, as `profile: path`; a name in two languages is one."""
    (schema,), known = msgspec.json.schema_components([Profile], ref_template="{name}")
    return {"profile: " + re.sub(r"\.(zh|en)$", "", path) for path in free_fields(schema, known)}


def fields_of_a_plan(plan: Plan) -> set[str]:
    return {f"plan: {path}" for path, _ in _texts(plan)}


def _texts(node: object, path: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(node, Names | Wording):
        yield path, node
    elif dataclasses.is_dataclass(node) and not isinstance(node, type):
        for one in dataclasses.fields(node):
            yield from _texts(getattr(node, one.name), f"{path}.{one.name}" if path else one.name)
    elif isinstance(node, tuple):
        for each in node:
            yield from _texts(each, path + "[]")


def planted(node: Node, numbers: Mapping[str, int], path: str = "plan: ", turn: list[int] | None = None) -> Node:
    """Return a plan in which every name is one of the texts, each kind in turn."""
    turn = [0] if turn is None else turn
    if isinstance(node, Names | Wording):
        turn[0] += 1
        kind = list(KINDS)[turn[0] % len(KINDS)]
        return type(node)(*[text(numbers[path], kind, 120)] * 2)
    if dataclasses.is_dataclass(node) and not isinstance(node, type):
        given = {}
        for one in dataclasses.fields(node):
            below = f"{path}.{one.name}" if path != "plan: " else f"{path}{one.name}"
            given[one.name] = planted(getattr(node, one.name), numbers, below, turn)
        return dataclasses.replace(node, **given)
    if type(node) is tuple:
        parts = [planted(one, numbers, f"{path}[]", turn) for one in node]  # type: ignore[attr-defined]
        return tuple(parts)  # type: ignore[return-value]
    return node


PAGE = Path(__file__).parents[1] / "services" / "gateway" / "page"


def views_of_the_page() -> set[str]:
    """Return the page's files that export a view."""
    return {path.stem for path in PAGE.glob("*.js") if "export const view" in path.read_text(encoding="utf-8")}


def parameters_of_addresses() -> set[str]:
    """Return the parameters of the page's addresses that any of its files reads."""
    read = re.compile(r"query\.get\(\"(\w+)\"\)")
    return {name for path in PAGE.glob("*.js") for name in read.findall(path.read_text(encoding="utf-8"))}
