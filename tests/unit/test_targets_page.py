"""The targets service's own port: what it shows, in which packing, and whether it is alive."""

from __future__ import annotations

import zlib

import pytest

from hallpulse.domain.errors import Unavailable
from services.targets.exposition import STILL_SECONDS
from tests.moments import StatedStore
from tests.unit.targets_ground import (
    CATALOGUE,
    NOON,
    Clock,
    answered,
    asked,
    of_service,
    readings_of,
    samples_of,
    value,
)


def test_an_outage_keeps_the_last_figures_and_says_how_old_they_are() -> None:
    clock, figures = Clock(), StatedStore(own=CATALOGUE)
    readings = readings_of(figures, clock=clock)
    readings.refresh()
    clock.now += 30
    figures.fault = Unavailable("database: no answer")
    with pytest.raises(Unavailable):
        readings.refresh()
    samples = samples_of(readings)
    assert value(samples, "indicator_ratio", indicator="instant_item_share") == 0.42
    assert of_service(samples, "snapshot_timestamp_seconds") == NOON
    assert of_service(samples, "refresh_attempt_timestamp_seconds") == NOON + 30
    figures.fault = None
    readings.refresh()
    assert of_service(samples_of(readings), "snapshot_timestamp_seconds") == NOON + 30


def test_before_the_first_reading_there_is_nothing_to_show_but_that() -> None:
    assert [name for name, _ in samples_of(readings_of(StatedStore()))] == [
        "hallpulse_refresh_attempt_timestamp_seconds"
    ]


def test_a_timer_that_stands_still_is_not_healthy() -> None:
    clock = Clock()
    readings = readings_of(StatedStore(), clock=clock)
    readings.refresh()
    clock.now += STILL_SECONDS
    assert asked(readings, "/healthz")[0] == "200 OK"
    clock.now += 1
    status, body = asked(readings, "/healthz")
    assert status.startswith("503")
    assert "61 s" in body


def test_a_database_that_is_down_is_no_reason_to_be_restarted() -> None:
    clock, figures = Clock(), StatedStore()
    readings = readings_of(figures, clock=clock)
    figures.fault = Unavailable("database: no answer")
    clock.now += 3600
    with pytest.raises(Unavailable):
        readings.refresh()
    assert asked(readings, "/healthz")[0] == "200 OK"


def test_the_port_serves_metrics_and_nothing_else() -> None:
    readings = readings_of(StatedStore(own=CATALOGUE))
    readings.refresh()
    status, body = asked(readings, "/metrics")
    assert status == "200 OK"
    assert "hallpulse_target_goal" in body
    assert asked(readings, "/")[0].startswith("404")


def test_a_packed_page_is_one_member_of_gzip_with_the_same_text() -> None:
    readings = readings_of(StatedStore(own=CATALOGUE))
    readings.refresh()
    _, headers, body = answered(readings, "/metrics", "gzip, deflate")
    assert headers["Content-Encoding"] == "gzip"
    assert headers["Content-Length"] == str(len(body))
    reader = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    text = reader.decompress(body) + reader.flush()
    assert (reader.eof, reader.unused_data) == (True, b"")
    assert text.decode() == asked(readings, "/metrics")[1]


@pytest.mark.parametrize("accepted", ["", "identity", "br, deflate", "gzipped"])
def test_who_does_not_take_gzip_gets_plain_text(accepted: str) -> None:
    readings = readings_of(StatedStore(own=CATALOGUE))
    readings.refresh()
    _, headers, body = answered(readings, "/metrics", accepted)
    assert "Content-Encoding" not in headers
    assert body.decode() == asked(readings, "/metrics")[1]
