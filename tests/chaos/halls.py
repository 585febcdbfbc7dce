"""Hall programs as processes, each with its outbox on a small disk; and the careless one, on a thread of the run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError, NackError, UnroutableError

from hallpulse.broker import EVENTS
from hallpulse.nodes import each_node
from tests.chaos.clocked import VARIABLE, Clock
from tests.chaos.disk import Disk
from tests.chaos.history import Event, Rough
from tests.chaos.workers import CHECKOUT, environment

OUTBOX_BYTES = 96 * 1024
"""So little that an outage of a second or two fills it."""


class HallProgram:
    """One hall's program, started again when it was killed."""

    def __init__(self, source: str, directory: Path, outbox: Disk, url: str, events: list[Event]) -> None:
        self.name = source.strip("/").replace("/", ".")
        self.disk = outbox
        self.size = len(events)
        self.clock = Clock(directory / f"{self.name}.clock")
        self.ended_by_itself: list[str] = []
        self._events = directory / f"{self.name}.ndjson"
        self._events.write_text("".join(json.dumps(event, ensure_ascii=False) + "\n" for event in events))
        self._position = directory / f"{self.name}.position"
        self._log = directory / f"{self.name}.log"
        self._url = url
        self._released = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def taken(self) -> int:
        """How many of its events are in its outbox, or were."""
        return int(self._position.read_text()) if self._position.exists() else 0

    @property
    def done(self) -> bool:
        """Everything is confirmed."""
        return self.says_last("done")

    def says_last(self, word: str) -> bool:
        lines = self._log.read_text(errors="replace").splitlines() if self._log.exists() else []
        return bool(lines) and lines[-1].startswith(word)

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        argv = [
            sys.executable, "-m", "tests.chaos.clocked", "tests.chaos.hall_program", self._url, str(self._events),
            str(self._position), str(self.disk.directory / f"{self.name}.outbox"), str(OUTBOX_BYTES),
        ]  # fmt: skip
        setpriv = ["setpriv", "--pdeathsig=KILL", "--"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*setpriv, *argv], env=environment({VARIABLE: str(self.clock.file)}), cwd=CHECKOUT,
                stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self.release(self._released)

    def look_after(self) -> None:
        if self._process is None or self._process.poll() is None:
            return
        if not self.done:
            last = (self._log.read_text(errors="replace").splitlines() or ["without a word"])[-1]
            self.ended_by_itself.append(f"{self.name}: {last}")
            self.start()

    def release(self, upto: int) -> None:
        """Let it send so many of its events."""
        self._released = max(self._released, min(upto, self.size))
        if self.alive:
            assert self._process is not None
            assert self._process.stdin is not None
            try:
                os.write(self._process.stdin.fileno(), f"{self._released}\n".encode())
            except OSError:
                return  # it has just ended; the next one is told

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None

    def send(self, what: signal.Signals) -> None:
        if self.alive:
            assert self._process is not None
            os.kill(self._process.pid, what)

    def close(self) -> None:
        if self.alive:
            self.kill()


class Careless:
    """Sends what is wrong as a program without the library would, message by message, until each is confirmed."""

    def __init__(self, url: str, messages: list[Rough]) -> None:
        self._nodes = [pika.URLParameters(node) for node in each_node(url)]
        for node in self._nodes:
            node.heartbeat = node.socket_timeout = node.stack_timeout = node.blocked_connection_timeout = 5
        self._user = str(self._nodes[0].credentials.username)
        self._messages = messages
        self._released = 0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="careless", daemon=True)
        self.confirmed = 0
        self.repeated = 0

    @property
    def size(self) -> int:
        return len(self._messages)

    @property
    def done(self) -> bool:
        return self.confirmed == len(self._messages)

    def start(self) -> None:
        self._thread.start()

    def release(self, upto: int) -> None:
        self._released = upto

    def close(self) -> None:
        self._closing.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._closing.is_set() and not self.done:
            try:
                self._one_connection()
            # pika says ValueError of a connection lost as soon as it was made
            except (AMQPError, AMQPConnectorException, OSError, ValueError):
                self.repeated += 1
                self._closing.wait(0.3)

    def _one_connection(self) -> None:
        connection = pika.BlockingConnection(self._nodes[self.repeated % len(self._nodes)])
        try:
            channel = connection.channel()
            channel.confirm_delivery()
            while not self._closing.is_set() and not self.done:
                if self.confirmed < self._released:
                    self._publish(channel, self._messages[self.confirmed])
                    self.confirmed += 1
                else:
                    connection.sleep(0.1)
        finally:
            if connection.is_open:
                connection.close()

    def _publish(self, channel: BlockingChannel, message: Rough) -> None:
        user = self._user if message.user else None
        properties = pika.BasicProperties(content_type=message.content_type, delivery_mode=2, user_id=user)
        while True:
            try:
                channel.basic_publish(EVENTS, message.routing_key, message.body, properties, mandatory=True)
                return
            except (NackError, UnroutableError):
                channel.connection.sleep(0.2)
