"""`python -m tests.chaos.hall_program`: a hall's own program, as it might be written with the publisher library.

Takes its hall's events from a file, up to the number that it reads from standard input, and hands them to the outbox;
how far it came stands in a file, so that it goes on there when it was killed. Says what happens in lines.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import threading
import time
from pathlib import Path

from hallpulse.domain.errors import Unavailable
from hallpulse.publisher import OutboxFull, Publisher

_PAUSE = 0.05
_MOST_AT_ONCE = 40


class Position:
    """How many events the outbox has, kept so that a killed program knows."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.value = int(file.read_text() or 0) if file.exists() else 0

    def move(self, by: int) -> None:
        """The file is there whole, or as it was."""
        self.value += by
        fresh = self._file.with_suffix(".new")
        with fresh.open("w") as written:
            written.write(str(self.value))
            written.flush()
            os.fsync(written.fileno())
        fresh.replace(self._file)


class Released:
    """Up to which number events may be sent, as standard input says last."""

    def __init__(self) -> None:
        self.upto = 0
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in sys.stdin:
            self.upto = int(line)


def send(publisher: Publisher, events: list[bytes], position: Position) -> None:
    """All events, as they are released; a full outbox is waited for."""
    released = Released()
    told = False
    while position.value < len(events):
        most = min(released.upto, len(events))
        chunk = events[position.value : min(most, position.value + random.randint(1, _MOST_AT_ONCE))]
        if not chunk:
            time.sleep(_PAUSE)
            continue
        try:
            publisher.send_batch(chunk)
        except Unavailable as error:
            if not told:
                say(f"{'full' if isinstance(error, OutboxFull) else 'unavailable'}: {error}")
            told = True
            time.sleep(_PAUSE)
            continue
        position.move(len(chunk))
        if told:
            say("goes on")
        told = False


def flushed(publisher: Publisher) -> bool:
    """Whether everything is confirmed; an outbox may not be able to say, as long as its disk is full."""
    try:
        publisher.flush(5)
    except Unavailable:
        return False
    return True


def say(text: str) -> None:
    print(text, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("url", "events", "position", "outbox"):
        parser.add_argument(name)
    parser.add_argument("most_bytes", type=int)
    given = parser.parse_args()
    events = Path(given.events).read_bytes().splitlines()
    position = Position(Path(given.position))
    with Publisher(given.url, outbox=given.outbox, outbox_bytes=given.most_bytes, patience=0.0) as publisher:
        say(f"began {position.value}")
        send(publisher, events, position)
        while not flushed(publisher):
            time.sleep(_PAUSE)
        say("done")


if __name__ == "__main__":
    main()
