"""GET /openapi.json: the OpenAPI document, generated from the handlers and the contract's types."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.metadata import version
from typing import Any

import msgspec
from litestar import Litestar, Response, get
from litestar.enums import MediaType
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.spec import Components, License, SecurityScheme
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from hallpulse.contract.decode import BATCH_TYPE, EVENT_TYPE
from hallpulse.contract.events import EventType
from hallpulse.contract.examples import example
from hallpulse.contract.json_schema import batch_of, components
from hallpulse.contract.schema import documents
from services.gateway.alerts import AlertIn, NoteIn, SilenceIn
from services.gateway.catalogue_drafts import DraftIn
from services.gateway.declaring import MOST_FIGURES, FiguresIn
from services.gateway.list_files import CSV, XLSX
from services.gateway.live import EVENT_STREAM
from services.gateway.matters import MatterAnswerIn, MatterDecisionIn, MatterIn
from services.gateway.month_reports import ReviewIn
from services.gateway.naming import describe_names
from services.gateway.problems import Declined, Kind
from services.gateway.report_orders import COUNTY, ReportOrder
from services.gateway.request import AnyRequest
from services.gateway.sessions import NewPassword, SignIn
from services.gateway.tasks import TaskIn
from services.gateway.uploads import AnswersIn
from services.gateway.what_if import WhatIfIn

CONFIG = OpenAPIConfig(
    title="Hallpulse",
    version=version("hallpulse"),
    summary="Whether government service halls keep the targets promised to the public",
    description=(
        "Events of government service halls in, exact indicators out. Every figure is two integers until shown, and "
        "leads to the cases behind it. Every error is an RFC 9457 problem document."
    ),
    license=License(name="Apache-2.0", identifier="Apache-2.0"),
    security=[{"token": []}, {"session": []}],
    components=Components(
        security_schemes={
            "token": SecurityScheme(type="http", scheme="bearer", description="one token a hall"),
            "session": SecurityScheme(
                type="apiKey",
                security_scheme_in="cookie",
                name="hallpulse",
                description="of a person who signed in; __Host-hallpulse over HTTPS; what changes something also "
                "needs the header x-csrf-token",
            ),
        }
    ),
    use_handler_docstrings=True,
)
_FILES = {kind: {"schema": {"type": "string"}} for kind in (CSV.partition(";")[0], XLSX)}
_OPEN_PATHS = ("/healthz", "/readyz", "/metrics")
_YEARS_OF_THE_CALENDAR = "^(199[0-9]|2[01][0-9]{2}|22[0-4][0-9]|2250)-[0-9]{2}-[0-9]{2}$"
_SCHEMAS = "#/components/schemas/{name}"


def document(handlers: Sequence[ControllerRouterHandler]) -> dict[str, Any]:
    """Return the whole document. It describes events by the contract's own types."""
    made = Litestar(handlers, openapi_config=CONFIG, logging_config=None).openapi_schema.to_schema()  # never served
    paths, schemas = made["paths"], made["components"]["schemas"]
    paths["/v1/events"]["post"]["requestBody"] = _events_body()
    paths["/v1/figures"]["post"]["requestBody"] = _figures_body()
    for path, kind in _BODIES.items():
        body, used = _body(kind)
        paths[path]["post"]["requestBody"] = body
        schemas.update(used)
    paths["/v1/session"]["post"]["security"] = []
    paths["/v1/session/ways"]["get"]["security"] = []
    paths["/v1/reports"]["post"]["requestBody"] = _report_body()
    paths["/v1/uploads"]["post"]["requestBody"] = {"required": True, "content": {"application/octet-stream": {}}}
    for path in _OPEN_PATHS:
        paths[path]["get"]["security"] = []
    paths["/metrics"]["get"]["responses"]["200"]["content"] = {"text/plain": {"schema": {"type": "string"}}}
    live = paths["/v1/live"]["get"]["responses"]["200"]["content"]
    live |= {MediaType.JSON.value: live[EVENT_STREAM], EVENT_STREAM: {"schema": {"type": "string"}}}
    for operation in (one["get"] for one in paths.values() if "get" in one):
        if any(one["name"] == "columns" for one in operation.get("parameters", ())):  # of a list, as it is or as a file
            operation["responses"]["200"]["content"] |= _FILES
    for parameter in _parameters(paths):
        _take_out_null(parameter["schema"])
        if parameter["schema"].get("format") == "date":
            parameter["schema"]["pattern"] = _YEARS_OF_THE_CALENDAR
    _describe(schemas)
    describe_names(schemas)
    schemas.update(components(ref_template=_SCHEMAS))
    return made


def _events_body() -> dict[str, Any]:
    batch = batch_of(_SCHEMAS)
    one = {**batch["items"], "examples": [example(EventType.CASE_RECEIVED)]}
    return {
        "required": True,
        "content": {EVENT_TYPE: {"schema": one}, BATCH_TYPE: {"schema": batch}, "application/json": {"schema": one}},
    }


_BODIES: Mapping[str, type[msgspec.Struct]] = {
    "/v1/session": SignIn,
    "/v1/session/password": NewPassword,
    "/v1/reviews": ReviewIn,
    "/v1/alerts/acknowledge": AlertIn,
    "/v1/alerts/note": NoteIn,
    "/v1/alerts/silence": SilenceIn,
    "/v1/alerts/unsilence": AlertIn,
    "/v1/matters": MatterIn,
    "/v1/matters/answer": MatterAnswerIn,
    "/v1/matters/decide": MatterDecisionIn,
    "/v1/tasks": TaskIn,
    "/v1/uploads/{upload_id}/answers": AnswersIn,
    "/v1/whatif": WhatIfIn,
    "/v1/drafts": DraftIn,
}
"""Address → type of its body, which the handlers read themselves."""


def _described(*kinds: type[msgspec.Struct]) -> dict[str, Any]:
    """Return class name → schema of a body. Descriptions lose their indentation, in which Python versions differ."""
    _, known = msgspec.json.schema_components(kinds, ref_template=_SCHEMAS)
    for schema in known.values():
        schema["description"] = inspect.cleandoc(schema.get("description", ""))
    return known


def _body(kind: type[msgspec.Struct]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a body, and the schemas that it refers to."""
    known = _described(kind)
    whole = known.pop(kind.__name__)
    return {"required": True, "content": {"application/json": {"schema": whole}}}, known


def _figures_body() -> dict[str, Any]:
    """Return the schema of declared figures. It cannot express which figures the plans ask for."""
    known = _described(FiguresIn)
    body, figure = known["FiguresIn"], known["FigureIn"]
    for name in ("numerator", "denominator"):
        figure["properties"][name] |= {"minimum": 0} if name == "numerator" else {}
    body["properties"]["figures"] |= {"items": figure, "minItems": 1, "maxItems": MOST_FIGURES}
    return {"required": True, "content": {"application/json": {"schema": body}}}


def _report_body() -> dict[str, Any]:
    known = _described(ReportOrder)
    body = known["ReportOrder"]
    body["properties"]["region"] |= {"pattern": COUNTY}
    return {"required": True, "content": {"application/json": {"schema": body}}}


def _parameters(paths: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for operations in paths.values():
        for operation in operations.values():
            yield from operation.get("parameters", ())


def _take_out_null(schema: dict[str, Any]) -> None:
    """Remove null from a parameter's schema: a parameter can be left out, but a query cannot express null."""
    kinds = [kind for kind in schema.pop("oneOf", ()) if kind != {"type": "null"}]
    for kind in kinds:
        schema.update(kind)
    if isinstance(schema.get("type"), list):
        schema["type"] = next(kind for kind in schema["type"] if kind != "null")
    if "enum" in schema:
        schema["enum"] = [value for value in schema["enum"] if value is not None]


def _describe(schemas: dict[str, Any]) -> None:
    """Describe the schemas by the docstrings of their types."""
    for cls in _structs(msgspec.Struct):
        if cls.__doc__ and cls.__module__.startswith("services.gateway.") and cls.__name__ in schemas:
            schemas[cls.__name__]["description"] = inspect.cleandoc(cls.__doc__)


def _structs(base: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    for cls in base.__subclasses__():
        yield cls
        yield from _structs(cls)


HANDLERS = "handlers"
"""The name under which the application's state has the described routes."""
_KEPT = "openapi"


@get("/openapi.json", sync_to_thread=True, include_in_schema=False)
def get_openapi(request: AnyRequest) -> Response[bytes]:
    """Answer with the document. It is made only once, since this takes long and needs no token."""
    state = request.app.state
    if _KEPT not in state:
        state[_KEPT] = msgspec.json.encode(document(state[HANDLERS]()))
    return Response(state[_KEPT], media_type="application/json")


_contract = cache(documents)


@get("/asyncapi.yaml", sync_to_thread=True, include_in_schema=False)
def get_asyncapi() -> Response[str]:
    """Answer with the contract of the broker, the content of docs/asyncapi.yaml."""
    return Response(_contract()["asyncapi.yaml"], media_type="application/yaml")


@get("/schemas/{name:str}", sync_to_thread=True, include_in_schema=False)
def get_schema(name: FromPath[str]) -> Response[str]:
    """Answer with the JSON Schema of an event type, such as /schemas/hall.case.received.v1.json, or of a batch."""
    text = _contract().get(f"schemas/{name}")
    if text is None:
        raise Declined(Kind.NOT_FOUND, "expected /schemas/TYPE.json, TYPE an event type of the contract, or batch")
    return Response(text, media_type="application/schema+json")
