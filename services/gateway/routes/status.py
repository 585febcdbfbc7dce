"""Whether the gateway is alive and ready, and what it counts: open to all, since nothing in it concerns a case."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, get
from prometheus_client import generate_latest

from hallpulse.domain.errors import HallpulseError
from services.gateway.guards import desk_of
from services.gateway.problems import try_later

from .documented import problems


class Health(msgspec.Struct):
    status: str


class Readiness(msgspec.Struct):
    status: str
    broker: bool
    database: bool


@get("/healthz", sync_to_thread=False, operation_id="getHealth", summary="Alive", tags=["status"])
def get_health() -> Health:
    return Health("alive")


@get(
    "/readyz",
    sync_to_thread=True,
    responses=problems(503),
    operation_id="getReadiness",
    summary="Broker and database reachable",
    tags=["status"],
)
def get_readiness(request: Request[Any, Any, Any]) -> Readiness:
    desk = desk_of(request)
    if not desk.courier.connected:
        raise try_later("the broker cannot be reached")
    try:
        desk.store.ping()
    except HallpulseError as error:
        raise try_later(str(error)) from None
    return Readiness("ready", broker=True, database=True)


@get("/metrics", sync_to_thread=True, operation_id="getMetrics", summary="For Prometheus", tags=["status"])
def get_metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
    return Response(generate_latest(desk_of(request).registry), media_type="text/plain; version=0.0.4")
