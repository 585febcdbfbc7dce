"""Section `tracing`: processor time of traces for an event, off and on, without servers. Nothing receives the spans."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable
from secrets import token_hex
from statistics import median
from typing import Any

from bench.options import Options
from bench.tables import Row, show
from hallpulse.contract.events import EventType
from hallpulse.contract.examples import example
from hallpulse.publisher import Publisher
from hallpulse.tracing import ENDPOINTS, Tracing, span_of, tracing_from, with_parent

_BATCH = 4000
_NOWHERE = "http://127.0.0.1:9"


def run(options: Options) -> dict[str, Any]:
    event = json.dumps({**example(EventType.CASE_RECEIVED), "source": "/222424/hall-1"}).encode()
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL + 1)
    bodies = [with_parent(event, f"00-{token_hex(16)}-{token_hex(8)}-01") for _ in range(_BATCH)]
    found: dict[str, float] = {}
    for state, environ in (("off", {}), ("on", {ENDPOINTS[0]: _NOWHERE})):
        os.environ.update(environ)
        publisher, tracing = Publisher("amqp://222424.hall-1:x@127.0.0.1:9/"), tracing_from(os.environ, "ingest")
        found[f"{state}: checked and made a message"] = _median(
            options, lambda made=publisher: made._message(event, time.time_ns() // 1000), 1, 5000
        )
        found[f"{state}: of a batch received, decoded, committed"] = _median(
            options, lambda way=tracing: _traced(way, bodies), _BATCH, 2000 if tracing is None else 5
        )
    rows = [Row(name, [f"{seconds * 1e6:.4f} µs"]) for name, seconds in found.items()]
    note = f"an event; a batch has {_BATCH:,} events, each with another trace; storing an event takes ingest some 40 µs"
    show("traces", ("processor time",), rows, note)
    return found


def _traced(tracing: Tracing | None, bodies: list[bytes]) -> None:
    """Do what ingest does for the traces of a batch."""
    if tracing is None:
        with span_of(None, "decode"), span_of(None, "merge and commit"):
            return
    with tracing.receive(bodies, time.monotonic()) as received:
        for name in ("decode", "merge and commit"):
            with span_of(tracing, name, received.parent):
                pass
    received.settle(())


def _median(options: Options, what: Callable[[], object], events: int, times: int) -> float:
    return median(_seconds(what, times) / events for _ in range(options.rounds))


def _seconds(what: Callable[[], object], times: int) -> float:
    began = time.process_time()
    for _ in range(times):
        what()
    return (time.process_time() - began) / times
