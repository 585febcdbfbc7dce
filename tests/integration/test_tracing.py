"""Traces from a publisher to the commit, as a real receiver of OTLP gets them from the processes."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from hallpulse.contract.events import EventType
from hallpulse.store import Store
from hallpulse.tracing import parents_in, tracing_from, with_parent
from services.local import ports
from tests.hall_events import changed
from tests.ingest_process import metric, running, settings
from tests.ingesting import publish, publishing, stored, wait_until
from tests.servers import Vhost

KEY = "222424.hall-1.case"
GIVEN = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
BAD = "00-5bf92f3577b34da6a3ce929d0e0e4736-10f067aa0ba902b7-01"
ROOT = Path(__file__).parents[2]
PUBLISH = """
import json, sys
from hallpulse.publisher import Publisher
with Publisher(sys.argv[1]) as publisher:
    publisher.send_batch(json.loads(line) for line in sys.stdin)
print(*sorted(name for name in sys.modules if name.startswith("opentelemetry")))
"""


@dataclass(frozen=True)
class Span:
    service: str
    name: str
    trace: str
    id: str
    parent: str
    links: frozenset[tuple[str, str]]
    said: dict[str, Any]
    whole: str


@dataclass
class Receiver:
    """What was received by a receiver of OTLP over HTTP."""

    url: str = ""
    spans: list[Span] = field(default_factory=list)

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]

    def take(self, body: bytes) -> None:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            (service,) = (a.value.string_value for a in resource.resource.attributes if a.key == "service.name")
            for scope in resource.scope_spans:
                self.spans += (
                    Span(
                        service, one.name, one.trace_id.hex(), one.span_id.hex(), one.parent_span_id.hex(),
                        frozenset((link.trace_id.hex(), link.span_id.hex()) for link in one.links),
                        {a.key: a.value.string_value or a.value.int_value for a in one.attributes}, _said(one),
                    )
                    for one in scope.spans
                )  # fmt: skip


def _said(span: Any) -> str:
    """All that a span says in words: ids are random bytes."""
    of_links = [link.attributes for link in span.links]
    return f"{span.name} {span.attributes} {span.status.message} {span.events} {of_links} {span.trace_state}"


@contextlib.contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/v1/traces":
                receiver.take(body)
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as opened:
        yield opened


def traced(environment: dict[str, str], endpoint: str) -> dict[str, str]:
    more = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_BSP_SCHEDULE_DELAY": "100", "NO_PROXY": "127.0.0.1"}
    return {**environment, **more, "OTEL_EXPORTER_OTLP_COMPRESSION": "none"}


def published(vhost: Vhost, events: list[dict[str, Any]], environment: dict[str, str]) -> str:
    """Publish as a hall's program does, which prints the modules of OpenTelemetry that it has loaded."""
    lines = "".join(json.dumps(event) + "\n" for event in events)
    argv = [sys.executable, "-c", PUBLISH, vhost.amqp_url]
    done = subprocess.run(argv, env=environment, input=lines, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout.strip()


def event(number: int, **more: Any) -> dict[str, Any]:
    named = {"id": f"e{number}", "source": "/222424/hall-1", **more}
    return changed(EventType.CASE_RECEIVED, {"case_id": f"case-{number}"}, **named)


def test_the_commit_of_an_event_is_in_the_trace_of_its_publication_and_its_batch_links_to_it(
    vhost: Vhost, store: Store, store_url: str, receiver: Receiver
) -> None:
    environment = traced(settings(vhost.amqp_url, store_url), receiver.url)
    with publishing(vhost) as channel:
        published(vhost, [event(0), event(1), event(2, traceparent=GIVEN)], environment)
        publish(channel, {**event(3), "traceparent": BAD, "time": "yesterday"}, KEY, user_id=vhost.user)
    with running(environment):
        wait_until(lambda: len(receiver.named("commit hall.events")) == 3 and receiver.named("refuse hall.events"))
        wait_until(lambda: {*parents(receiver)} >= {span.id for span in receiver.named("receive hall.events")})
    assert stored(store) == 3
    publications = {span.trace: span for span in receiver.named("publish hall.events")}
    commits = {span.trace: span for span in receiver.named("commit hall.events")}
    batches = {(span.trace, span.id): span for span in receiver.named("receive hall.events")}
    assert publications.keys() == commits.keys()
    assert len(publications) == 3
    for trace, commit in commits.items():
        publication = publications[trace]
        assert (publication.service, commit.service) == ("hallpulse-publisher", "hallpulse-ingest")
        (batch,) = commit.links
        if trace == GIVEN[3:35]:
            assert publication.parent == commit.parent == GIVEN[36:52]
            assert (trace, commit.parent) in batches[batch].links
        else:
            assert commit.parent == publication.id
            assert (trace, publication.id) in batches[batch].links
    (refused,) = receiver.named("refuse hall.events")
    assert (refused.trace, refused.parent, refused.said["hallpulse.reason"]) == (BAD[3:35], BAD[36:52], "bad-time")
    for name in ("decode", "merge and commit"):
        assert {(span.trace, span.parent) for span in receiver.named(name)} == batches.keys()
    said = {key for span in receiver.spans for key in span.said}
    assert said == {
        "messaging.system", "messaging.destination.name", "messaging.batch.message_count", "hallpulse.region",
        "hallpulse.hall", "hallpulse.family", "hallpulse.events", "hallpulse.reason",
    }  # fmt: skip
    data = event(0)["data"]
    for span in receiver.spans:
        assert not re.search(r"\bcase-\d|\be\d\b", span.whole)
        assert not any(str(value) in span.whole for value in (data["item_code"], data["department"]))


def parents(receiver: Receiver) -> Iterator[str]:
    yield from (span.parent for span in receiver.named("merge and commit"))


def test_an_event_that_is_published_again_in_another_trace_is_a_duplicate(
    vhost: Vhost, store: Store, store_url: str, receiver: Receiver
) -> None:
    environment = traced(settings(vhost.amqp_url, store_url), receiver.url)
    with publishing(vhost), running(environment):
        for _ in range(2):
            published(vhost, [event(0)], environment)
        wait_until(lambda: metric(environment, "hallpulse_events_duplicate_total") == 1)
        wait_until(lambda: len(receiver.named("commit hall.events")) == 2)
    assert stored(store) == 1
    assert len({span.trace for span in receiver.named("commit hall.events")}) == 2


def test_a_collector_that_is_down_holds_up_nothing(vhost: Vhost, store: Store, store_url: str) -> None:
    nowhere = f"http://127.0.0.1:{ports.choose(['nowhere'])['nowhere']}"
    environment = traced(settings(vhost.amqp_url, store_url), nowhere)
    with publishing(vhost), running(environment):
        published(vhost, [event(n) for n in range(20)], environment)
        wait_until(lambda: stored(store) == 20)


def test_nothing_of_it_is_loaded_while_it_is_off(vhost: Vhost, store_url: str) -> None:
    environment = settings(vhost.amqp_url, store_url)
    for off in ({}, {"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}):
        with publishing(vhost):
            assert published(vhost, [event(0)], {**environment, **off}) == ""
        assert tracing_from(off, "ingest") is None
    loaded = (
        "import sys, services.ingest.__main__, hallpulse.publisher, services.ingest.merging\n"
        "print(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    argv = [sys.executable, "-c", loaded]
    done = subprocess.run(argv, env={**os.environ}, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_trace_parent_is_added_to_an_event_without_one_and_to_no_other() -> None:
    plain = b' {\n "id": "1", "data": {"reason": "\\"traceparent\\":\\"00-1\\""}}'
    assert json.loads(with_parent(plain, GIVEN)) == {**json.loads(plain), "traceparent": GIVEN}
    assert with_parent(with_parent(plain, GIVEN), BAD) == with_parent(plain, GIVEN)
    assert with_parent(plain, "") == plain
    assert parents_in(with_parent(plain, GIVEN)) == [GIVEN]
    assert parents_in(plain) == []
