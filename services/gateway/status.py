"""The gateway's state: alive, ready, its metrics, and the suite's parts. Only the parts need a token."""

from __future__ import annotations

import msgspec
from litestar import Response, get
from prometheus_client import generate_latest

from hallpulse.domain.errors import HallpulseError
from hallpulse.domain.workdays import time_text
from services.gateway.access import ACTION, Action
from services.gateway.problems import problems, try_later
from services.gateway.request import AnyRequest, resources_of


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
def get_readiness(request: AnyRequest) -> Readiness:
    resources = resources_of(request)
    if not resources.publisher.connected:
        raise try_later("the broker cannot be reached")
    try:
        resources.store.ping()
    except HallpulseError as error:
        raise try_later(str(error)) from None
    return Readiness("ready", broker=True, database=True)


class PartAnswer(msgspec.Struct):
    """A part of the suite that does not run or keeps dying.

    state: failing (it keeps dying, and the pauses before restarts get longer), halted (it waits for a person),
    restarting, …
    """

    name: str
    state: str
    failing_since: str | None
    next_try: str | None


class SuiteAnswer(msgspec.Struct):
    """The parts of the suite that need attention.

    troubled: parts that do not run or keep dying; also [] if there is no supervisor.
    """

    troubled: list[PartAnswer]


@get(
    "/v1/suite",
    sync_to_thread=True,
    responses=problems(401, 429, 500, 503),
    operation_id="getSuite",
    summary="Parts of the suite that do not run",
    opt={ACTION: Action.READ},
    tags=["status"],
)
def get_suite(request: AnyRequest) -> SuiteAnswer:
    """Returns the parts of a suite on one machine (`hallpulse up`); its supervisor keeps restarting parts that die."""
    return SuiteAnswer(
        [
            PartAnswer(part.name, part.state, _moment(part.failing_since), _moment(part.next_try))
            for part in resources_of(request).suite.troubled()
        ]
    )


def _moment(seconds: float) -> str | None:
    return time_text(int(seconds) * 1_000_000) if seconds else None


@get("/metrics", sync_to_thread=True, operation_id="getMetrics", summary="For Prometheus", tags=["status"])
def get_metrics(request: AnyRequest) -> Response[bytes]:
    return Response(generate_latest(resources_of(request).registry), media_type="text/plain; version=0.0.4")
