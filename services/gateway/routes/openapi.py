"""GET /openapi.json."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, get

from services.gateway.document import document


@get("/openapi.json", sync_to_thread=True, include_in_schema=False)
def get_openapi(request: Request[Any, Any, Any]) -> Response[bytes]:
    return Response(msgspec.json.encode(document(request.app)), media_type="application/json")
