"""The bytes of refused events, read back by pika."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from pika import frame, spec

from hallpulse.broker.rejections import HEADERS, Rejection, frames_of
from hallpulse.contract.reasons import Reason, Refusal

AT = datetime(2026, 3, 2, 9, 30, 0, 123_456, tzinfo=timezone(timedelta(hours=8)))
FRAME_MAX = 131_072


def read_back(raw: bytes) -> list[Any]:
    found = []
    while raw:
        consumed, value = frame.decode_frame(raw)
        assert consumed, "half a frame"
        found.append(value)
        raw = raw[consumed:]
    return found


def rejection(body: bytes, text: str = "") -> Rejection:
    return Rejection(
        Refusal(Reason.BAD_FIELD, f"data.{text}", f"expected {text}", text, body), "222424.hall-1.case", "u"
    )


@pytest.mark.parametrize("text", ["", "x", "汉字", "\ud800", "x" * 30_000])
def test_a_letter_says_why_in_its_headers_and_is_kept(text: str) -> None:
    method, header, body = read_back(frames_of([rejection(b"{}", text)], AT, 3, FRAME_MAX))
    assert {one.channel_number for one in (method, header, body)} == {3}
    assert isinstance(method.method, spec.Basic.Publish)
    assert (method.method.exchange, method.method.routing_key) == ("", "hall.refused")
    assert (method.method.mandatory, method.method.immediate) == (True, False)
    assert (header.body_size, body.fragment) == (2, b"{}")
    properties = header.properties
    assert (properties.content_type, properties.delivery_mode) == ("application/cloudevents+json", 2)
    assert properties.timestamp == int(AT.timestamp())
    known = text.encode(errors="replace").decode()
    values = ("bad-field", f"expected {known}", f"data.{known}", known, "2026-03-02T01:30:00.123+00:00")
    assert properties.headers == dict(zip(HEADERS, (*values, "222424.hall-1.case", "u"), strict=True))


@pytest.mark.parametrize("size", [0, 1, FRAME_MAX - 8, FRAME_MAX - 7, 4 * 1024 * 1024 + 1])
def test_a_body_of_any_size_is_cut_into_frames_that_the_broker_takes(size: int) -> None:
    method, header, *bodies = read_back(frames_of([rejection(b"x" * size)], AT.astimezone(UTC), 1, FRAME_MAX))
    assert header.body_size == size
    assert b"".join(one.fragment for one in bodies) == b"x" * size
    assert all(0 < len(one.fragment) <= FRAME_MAX - 8 for one in bodies)
    assert isinstance(method.method, spec.Basic.Publish)


def test_letters_of_a_batch_follow_each_other() -> None:
    found = read_back(frames_of([rejection(f"{n}".encode()) for n in range(100)], AT, 1, FRAME_MAX))
    assert [one.fragment for one in found[2::3]] == [f"{n}".encode() for n in range(100)]
