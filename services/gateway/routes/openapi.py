"""GET /openapi.json."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, get

from services.gateway.document import document

HANDLERS = "handlers"
"""Under this name the application's state has the routes that are described."""
_KEPT = "openapi"


@get("/openapi.json", sync_to_thread=True, include_in_schema=False)
def get_openapi(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Made once: it takes long, and anybody may ask for it."""
    state = request.app.state
    if _KEPT not in state:
        state[_KEPT] = msgspec.json.encode(document(state[HANDLERS]()))
    return Response(state[_KEPT], media_type="application/json")
