"""The targets service's own port: what it shows, in which packing, and whether it is alive."""

from __future__ import annotations

import zlib

import pytest

from hallpulse.domain.errors import Unavailable
from services.targets.page import STILL_SECONDS
from tests.moments import StatedStore
from tests.unit.targets_ground import CATALOGUE, NOON, Clock, answered, asked, desk_of, of_service, samples_of, value


def test_an_outage_keeps_the_last_figures_and_says_how_old_they_are() -> None:
    clock, figures = Clock(), StatedStore(own=CATALOGUE)
    desk = desk_of(figures, clock=clock)
    desk.refresh()
    clock.now += 30
    figures.fault = Unavailable("database: no answer")
    with pytest.raises(Unavailable):
        desk.refresh()
    samples = samples_of(desk)
    assert value(samples, "indicator_ratio", indicator="instant_item_share") == 0.42
    assert of_service(samples, "snapshot_timestamp_seconds") == NOON
    assert of_service(samples, "refresh_attempt_timestamp_seconds") == NOON + 30
    figures.fault = None
    desk.refresh()
    assert of_service(samples_of(desk), "snapshot_timestamp_seconds") == NOON + 30


def test_before_the_first_reading_there_is_nothing_to_show_but_that() -> None:
    assert [name for name, _ in samples_of(desk_of(StatedStore()))] == ["hallpulse_refresh_attempt_timestamp_seconds"]


def test_a_timer_that_stands_still_is_not_healthy() -> None:
    clock = Clock()
    desk = desk_of(StatedStore(), clock=clock)
    desk.refresh()
    clock.now += STILL_SECONDS
    assert asked(desk, "/healthz")[0] == "200 OK"
    clock.now += 1
    status, body = asked(desk, "/healthz")
    assert status.startswith("503")
    assert "61 s" in body


def test_a_database_that_is_away_is_no_reason_to_be_restarted() -> None:
    clock, figures = Clock(), StatedStore()
    desk = desk_of(figures, clock=clock)
    figures.fault = Unavailable("database: no answer")
    clock.now += 3600
    with pytest.raises(Unavailable):
        desk.refresh()
    assert asked(desk, "/healthz")[0] == "200 OK"


def test_the_port_serves_metrics_and_nothing_else() -> None:
    desk = desk_of(StatedStore(own=CATALOGUE))
    desk.refresh()
    status, body = asked(desk, "/metrics")
    assert status == "200 OK"
    assert "hallpulse_target_goal" in body
    assert asked(desk, "/")[0].startswith("404")


def test_a_packed_page_is_one_member_of_gzip_with_the_same_text() -> None:
    desk = desk_of(StatedStore(own=CATALOGUE))
    desk.refresh()
    _, headers, body = answered(desk, "/metrics", "gzip, deflate")
    assert headers["Content-Encoding"] == "gzip"
    assert headers["Content-Length"] == str(len(body))
    reader = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    text = reader.decompress(body) + reader.flush()
    assert (reader.eof, reader.unused_data) == (True, b"")
    assert text.decode() == asked(desk, "/metrics")[1]


@pytest.mark.parametrize("accepted", ["", "identity", "br, deflate", "gzipped"])
def test_who_does_not_take_gzip_gets_plain_text(accepted: str) -> None:
    desk = desk_of(StatedStore(own=CATALOGUE))
    desk.refresh()
    _, headers, body = answered(desk, "/metrics", accepted)
    assert "Content-Encoding" not in headers
    assert body.decode() == asked(desk, "/metrics")[1]
