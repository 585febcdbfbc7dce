"""The OpenAPI document: generated from the handlers, and from the contract's own types for the events."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from litestar import Litestar
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.spec import Components, License, SecurityScheme

from hallpulse.contract.decode import BATCH_TYPE, EVENT_TYPE, MAX_BATCH

CONFIG = OpenAPIConfig(
    title="Hallpulse",
    version=version("hallpulse"),
    summary="Whether government service halls keep the targets promised to the public",
    description=(
        "Events of government service halls in, exact indicators out. Every figure is two integers until shown, and "
        "leads to the cases behind it. Every error is an RFC 9457 problem document."
    ),
    license=License(name="Apache-2.0", identifier="Apache-2.0"),
    security=[{"token": []}],
    components=Components(
        security_schemes={"token": SecurityScheme(type="http", scheme="bearer", description="one token a hall")}
    ),
    use_handler_docstrings=True,
)
_OPEN_PATHS = ("/healthz", "/readyz", "/metrics")


def document(app: Litestar) -> dict[str, Any]:
    """The whole document. The events themselves are described in full by docs/asyncapi.yaml."""
    made = app.openapi_schema.to_schema()
    made["paths"]["/v1/events"]["post"]["requestBody"] = _events_body()
    for path in _OPEN_PATHS:
        made["paths"][path]["get"]["security"] = []
    made["paths"]["/metrics"]["get"]["responses"]["200"]["content"] = {"text/plain": {"schema": {"type": "string"}}}
    made["components"]["schemas"]["CloudEvent"] = _EVENT
    return made


def _events_body() -> dict[str, Any]:
    one = {"$ref": "#/components/schemas/CloudEvent"}
    batch = {"type": "array", "items": one, "minItems": 1, "maxItems": MAX_BATCH}
    return {
        "required": True,
        "content": {
            EVENT_TYPE: {"schema": one},
            BATCH_TYPE: {"schema": batch},
            "application/json": {"schema": one},
        },
    }


_EVENT: dict[str, Any] = {
    "title": "CloudEvent",
    "type": "object",
    "description": "A CloudEvent 1.0 of the contract: docs/asyncapi.yaml says what each type's data holds.",
    "required": ["specversion", "id", "source", "type", "time"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "minLength": 1, "maxLength": 64},
        "source": {"type": "string", "pattern": "^/[1-9][0-9]{5}/[a-z0-9-]{1,40}$"},
        "type": {"type": "string", "examples": ["hall.case.received.v1"]},
        "time": {"type": "string", "format": "date-time"},
        "subject": {"type": "string"},
        "datacontenttype": {"type": "string"},
        "traceparent": {"type": "string"},
        "data": {"type": "object"},
    },
    "examples": [
        {
            "specversion": "1.0",
            "id": "A7-000094-received",
            "source": "/222424/hall-1",
            "type": "hall.case.received.v1",
            "time": "2026-02-11T08:20:10+08:00",
            "data": {
                "case_id": "A7-000094",
                "item_code": "22242400002",
                "department": "data-bureau",
                "channel": "window",
            },
        }
    ],
}
