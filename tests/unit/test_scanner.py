"""Deliveries taken from a connection's bytes: the same as pika takes from them, wherever the bytes are cut."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pika import BasicProperties, frame, spec

from hallpulse.broker import Delivery
from hallpulse.broker.deliveries import Scanner, origin_of

OURS, OTHERS = 2, 1
TAG = "ctag2.0a"

TEXTS = st.text(max_size=20)
PROPERTIES = st.builds(
    BasicProperties,
    content_type=st.none() | st.sampled_from(["application/cloudevents+json", "应用"]),
    headers=st.none() | st.just({"x": 1}),
    delivery_mode=st.none() | st.just(2),
    message_id=st.none() | TEXTS,
    user_id=st.none() | st.sampled_from(["222424.hall-1", "gateway"]),
)
BODIES = st.binary(max_size=40)
ROUTING_KEYS = st.sampled_from(["222424.hall-1.case", "", "键"])


def message(number: int, body: bytes, routing_key: str, properties: BasicProperties, *, pieces: int = 1) -> bytes:
    """A delivery as the broker sends it, its body in one frame or several."""
    deliver = spec.Basic.Deliver(TAG, number, redelivered=False, exchange="hall.events", routing_key=routing_key)
    size = -(-len(body) // pieces) or 1
    return b"".join(
        (
            frame.Method(OURS, deliver).marshal(),
            frame.Header(OURS, len(body), properties).marshal(),
            *(frame.Body(OURS, body[at : at + size]).marshal() for at in range(0, len(body), size)),
        )
    )


def scanner(*tags: str) -> Scanner:
    made = Scanner(OURS)
    made.consumers = {tag.encode() for tag in tags}
    return made


def scanned(made: Scanner, chunks: Sequence[bytes]) -> tuple[list[Delivery], bytes]:
    """What is found when the bytes come in these chunks, and what is left over."""
    found: list[Delivery] = []
    rest = b""
    for chunk in chunks:
        rest += chunk
        end, _ = made.scan(rest, 0, found, set())
        rest = rest[end:]
    return found, rest


@given(
    st.lists(st.tuples(BODIES.filter(bool), ROUTING_KEYS, PROPERTIES), max_size=8),
    st.lists(st.integers(0, 1500), max_size=6),
)
def test_wherever_the_bytes_are_cut_the_deliveries_are_those_that_were_sent(
    sent: list[tuple[bytes, str, BasicProperties]], cuts: list[int]
) -> None:
    stream = b"".join(message(number, *one) for number, one in enumerate(sent))
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    chunks = [stream[start:end] for start, end in itertools.pairwise(places)]
    expected = [
        Delivery(number, body, *origin_of(routing_key, properties))
        for number, (body, routing_key, properties) in enumerate(sent)
    ]
    assert scanned(scanner(TAG), chunks) == (expected, b"")


@pytest.mark.parametrize(
    "other",
    [
        message(7, b"", "k", BasicProperties()),
        message(7, b"in pieces", "k", BasicProperties(), pieces=3),
        frame.Heartbeat().marshal(),
        frame.Method(OTHERS, spec.Basic.Ack(1, multiple=True)).marshal(),
        frame.Method(OURS, spec.Basic.Cancel("ctag", nowait=True)).marshal(),
        message(7, b"of a consumer that is not wanted", "k", BasicProperties()).replace(TAG.encode(), b"ctag9.0a"),
        message(7, b"spoilt", "k", BasicProperties())[:-1] + b"\x00",
    ],
    ids=["without a body", "in several frames", "heartbeat", "other channel", "other method", "unwanted", "spoilt"],
)
def test_what_is_no_ordinary_delivery_is_left_to_pika_at_its_place(other: bytes) -> None:
    before, after = message(1, b"a", "k", BasicProperties()), message(2, b"b", "k", BasicProperties())
    found: list[Delivery] = []
    end, wait = scanner(TAG).scan(before + other + after, 0, found, set())
    assert ([d.body for d in found], end, wait) == ([b"a"], len(before), False)
    assert scanner(TAG).scan(other, 0, [], set()) == (0, False)


def test_half_a_delivery_waits_for_its_other_half() -> None:
    whole = message(1, b"body", "k", BasicProperties(content_type="text/plain"))
    for length in range(1, len(whole)):
        assert scanner(TAG).scan(whole[:length], 0, [], set()) == (0, True), length


def test_the_consumers_are_named_so_that_it_is_known_which_queues_are_busy() -> None:
    tags: set[bytes] = set()
    scanner(TAG, "other").scan(message(1, b"a", "k", BasicProperties()), 0, [], tags)
    assert tags == {TAG.encode()}


def test_senders_that_put_something_new_into_each_message_do_not_fill_the_memory() -> None:
    made = scanner(TAG)
    for number in range(10_000):
        made.scan(message(number, b"a", "k", BasicProperties(message_id=str(number))), 0, [], set())
    assert len(made._origins) <= 4096
