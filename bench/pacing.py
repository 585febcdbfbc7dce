"""Publish events at a steady rate, as a load: `python -m bench.pacing AMQP_URL RATE SECONDS REGION`."""

from __future__ import annotations

import sys
import time

from pika import BlockingConnection, URLParameters

from bench.filling import properties_of, user_of
from bench.streams import Message, messages, year_until_now
from hallpulse.broker import EVENTS

BURSTS_A_SECOND = 20


def pace(amqp_url: str, sent: list[Message], rate: float) -> None:
    """Publish in twenty bursts a second. If this falls behind, messages are sent late and not left out."""
    user = user_of(amqp_url)
    connection = BlockingConnection(URLParameters(amqp_url))
    channel = connection.channel()
    began, done = time.monotonic(), 0
    while done < len(sent):
        due = min(len(sent), int((time.monotonic() - began) * rate) + 1)
        for message in sent[done:due]:
            channel.basic_publish(EVENTS, message.routing_key, message.body, properties_of(message, user))
        done = due
        connection.process_data_events(1 / BURSTS_A_SECOND)
    connection.close()


if __name__ == "__main__":
    url, rate, seconds, region = sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
    waiting = messages(year_until_now(int(rate * seconds), region).events)
    print("ready", flush=True)
    pace(url, waiting, rate)
