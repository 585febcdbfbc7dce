"""Message properties without their headers: all else is as pika has it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from pika import BasicProperties

from hallpulse.broker.deliveries import without_headers

_TEXTS = st.none() | st.text(max_size=60)
_NUMBERS = st.none() | st.integers(0, 255)
_PROPERTIES = st.fixed_dictionaries(
    {
        "content_type": _TEXTS, "content_encoding": _TEXTS, "delivery_mode": _NUMBERS, "priority": _NUMBERS,
        "correlation_id": _TEXTS, "reply_to": _TEXTS, "expiration": _TEXTS, "message_id": _TEXTS, "type": _TEXTS,
        "user_id": _TEXTS, "app_id": _TEXTS, "timestamp": st.none() | st.integers(0, 2**64 - 1),
    }
)  # fmt: skip
_HEADERS = st.none() | st.dictionaries(st.text(max_size=20), st.text(max_size=200) | st.integers(-(2**31), 2**31 - 1))


@given(_PROPERTIES, _HEADERS)
def test_only_the_headers_are_taken_out(
    properties: dict[str, str | int | None], headers: dict[str, str] | None
) -> None:
    encoded = b"".join(BasicProperties(headers=headers, **properties).encode())
    expected = BasicProperties(**properties)
    assert BasicProperties().decode(without_headers(encoded)) == expected
