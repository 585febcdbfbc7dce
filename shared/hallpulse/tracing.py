"""OpenTelemetry traces from a hall's publisher to the commit of ingest; off unless an endpoint is named.

`OTEL_EXPORTER_OTLP_ENDPOINT` or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` turns them on; the other variables of the
OpenTelemetry SDK hold too. An event carries its trace in `traceparent`, as the CloudEvents extension for distributed
tracing says. A span says region, hall, family and numbers; never an id, a case, or anything that an event's data say.
While they are off nothing of OpenTelemetry is imported, and callers hold None in place of `Tracing`.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import Any, NamedTuple

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
MESSAGING: Mapping[str, int | str] = {"messaging.system": "rabbitmq", "messaging.destination.name": "hall.events"}
_parents_in = re.compile(rb'"traceparent"\s*:\s*"(00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2})"').findall
_log = logging.getLogger("hallpulse.tracing")


def parents_in(body: bytes) -> list[str]:
    """Return the trace parents of a body's events, without decoding the events."""
    return [found.decode() for found in _parents_in(body)]


def with_parent(body: bytes, parent: str) -> bytes:
    """Return an event's JSON with a trace parent. An event that has one keeps it."""
    start = body.find(b"{") + 1
    if not start or not parent or b'"traceparent"' in body:
        return body
    return b'%b"traceparent":"%b",%b' % (body[:start], parent.encode(), body[start:])


def tracing_from(environ: Mapping[str, str], service: str) -> Tracing | None:
    """Return the traces of a process, or None if they are off. service: named in the traces, after `hallpulse-`."""
    off = environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or environ.get("OTEL_TRACES_EXPORTER") == "none"
    if off or not any(environ.get(name) for name in ENDPOINTS):
        return None
    return _made(service, environ.get("OTEL_SERVICE_NAME", ""), *map(environ.get, ENDPOINTS))


@cache
def _made(service: str, named: str, *_endpoints: str | None) -> Tracing | None:
    """Return the one `Tracing` of a process for these settings: each has a thread that sends."""
    try:
        return Tracing("" if named else f"hallpulse-{service}")
    except ModuleNotFoundError as missing:
        _log.warning("no traces: there is no %s: they need `pip install hallpulse[tracing]`", missing.name)
        return None


def span_of(tracing: Tracing | None, name: str, parent: str = "", **said: int | str) -> AbstractContextManager[Any]:
    """Open a span for the block, or nothing if traces are off."""
    return _NOTHING if tracing is None else tracing.span(name, parent, said)


_NOTHING = nullcontext()


class Tracing:
    """The spans of a process, sent in the background by OTLP over HTTP. A collector that is down holds up nothing.

    name: the service's, unless the environment gives one.
    """

    def __init__(self, name: str) -> None:
        from opentelemetry import context, trace  # noqa: PLC0415 - only where traces are on
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

        self._provider = TracerProvider(resource=Resource.create({"service.name": name} if name else None))
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("hallpulse")
        self._trace, self._context, self._carried = trace, context.context, TraceContextTextMapPropagator()

    def flush(self) -> None:
        """Send the spans that have ended, and wait until they are sent, or for the SDK's time limit."""
        self._provider.force_flush()

    def publish(self, body: bytes, routing_key: str) -> bytes:
        """Trace the publication of an event as a part of the event's trace; return the event with its trace parent."""
        parent = next(iter(parents_in(body)), "")
        said = {**MESSAGING, **_said_by(routing_key)}
        with self._opened("publish hall.events", "PRODUCER", parent, said) as span:
            return with_parent(body, self._told(span))

    @contextmanager
    def receive(self, bodies: Sequence[bytes], opened: float) -> Iterator[TracedBatch]:
        """Trace a batch from its first delivery on, with links to its events' traces.

        opened: when the first delivery came, in seconds of the monotonic clock.
        """
        began = time.time_ns() - int((time.monotonic() - opened) * 1e9)
        said = {**MESSAGING, "messaging.batch.message_count": len(bodies)}
        events = list(dict.fromkeys(parent for body in bodies for parent in parents_in(body)))
        with self._opened("receive hall.events", "CONSUMER", "", said, linked=events, began=began) as span:
            yield TracedBatch(self, self._told(span), events, began)

    def settle(self, name: str, parent: str, received: TracedBatch, **said: str) -> None:
        """Trace the end of an event, such as its commit, in its own trace, with a link to its batch."""
        with self._opened(
            name, "CONSUMER", parent, {**MESSAGING, **said}, linked=[received.parent], began=received.began
        ):
            pass

    def span(self, name: str, parent: str, said: Mapping[str, int | str]) -> AbstractContextManager[Any]:
        """Open a span inside a process's work for the block."""
        return self._opened(name, "INTERNAL", parent, said)

    @contextmanager
    def _opened(
        self,
        name: str,
        kind: str,
        parent: str,
        said: Mapping[str, int | str],
        *,
        linked: Iterable[str] = (),
        began: int | None = None,
    ) -> Iterator[Any]:
        """Open a span for the block; an error that ends the block is told by the name of its class alone.

        linked: trace parents of the spans that it is linked to.
        """
        context = self._carried.extract({"traceparent": parent}) if parent else self._context.Context()
        contexts = (self._trace.get_current_span(self._carried.extract({"traceparent": one})) for one in linked)
        links = [self._trace.Link(one.get_span_context()) for one in contexts if one.get_span_context().is_valid]
        span = self._tracer.start_span(
            name, context, self._trace.SpanKind[kind], dict(said), links, began, record_exception=False
        )
        try:
            yield span
        except BaseException as error:
            span.set_status(self._trace.StatusCode.ERROR, type(error).__name__)
            raise
        finally:
            span.end()

    def _told(self, span: Any) -> str:
        """Return the trace parent that stands for a span."""
        carrier: dict[str, str] = {}
        self._carried.inject(carrier, self._trace.set_span_in_context(span))
        return carrier.get("traceparent", "")


def _said_by(routing_key: str) -> dict[str, str]:
    region, hall, family = routing_key.split(".", 2)
    return {"hallpulse.region": region, "hallpulse.hall": hall, "hallpulse.family": family}


class TracedBatch(NamedTuple):
    """A batch that is traced.

    parent: its trace parent; events: the trace parents of its events; began: when its first delivery came, nanoseconds
    since 1970-01-01 UTC.
    """

    tracing: Tracing
    parent: str
    events: Sequence[str]
    began: int

    def settle(self, refused: Iterable[tuple[bytes, str]]) -> None:
        """Trace the end of each event: its refusal, or its commit. refused: bodies of refused events and why."""
        reasons = {parent: reason for body, reason in refused for parent in parents_in(body)}
        for parent in self.events:
            if (reason := reasons.get(parent)) is None:
                self.tracing.settle("commit hall.events", parent, self)
            else:
                self.tracing.settle("refuse hall.events", parent, self, **{"hallpulse.reason": str(reason)})
