"""The gateway as a process of its own, and how a hall and the bureau ask it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from services.gateway.access import hash_of
from services.local import ports
from services.local.process_groups import wait_until

ROOT = Path(__file__).parents[1]
READ_TOKEN = "reads-everything"
EVENT_TYPE, BATCH_TYPE = "application/cloudevents+json", "application/cloudevents-batch+json"


@dataclass(frozen=True)
class Gateway:
    process: subprocess.Popen[str]
    log: Path
    client: httpx.Client

    def get(self, path: str, token: str = READ_TOKEN, **parameters: Any) -> httpx.Response:
        return self.client.get(path, params=parameters, headers={"authorization": f"Bearer {token}"})

    def post(self, body: Any, token: str, content_type: str = EVENT_TYPE) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}", "content-type": content_type}
        return self.client.post("/v1/events", json=body, headers=headers)

    def end(self) -> int:
        """The exit status after SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


def token_of(hall: str) -> str:
    return f"token-of-{hall}"


def hash_of_hall(hall: str) -> str:
    return hash_of(token_of(hall))


def settings(amqp_url: str, database_url: str, port: int) -> dict[str, str]:
    return {
        "HALLPULSE_AMQP_URL": amqp_url,
        "HALLPULSE_DATABASE_URL": database_url,
        "HALLPULSE_GATEWAY_PORT": str(port),
        "HALLPULSE_READ_TOKEN": READ_TOKEN,
        "HALLPULSE_PLANS": str(ROOT / "plans"),
    }


def started(given: Mapping[str, str], log: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, **given, "PYTHONPATH": f"{ROOT / 'shared'}{os.pathsep}{ROOT}"}
    with log.open("w") as stderr:
        return subprocess.Popen(
            [sys.executable, "-m", "services.gateway"], cwd=ROOT, env=environment, stderr=stderr, text=True
        )


@contextmanager
def running(folder: Path, amqp_url: str, database_url: str) -> Iterator[Gateway]:
    """A gateway that is ready; it is killed at the end of the block, if it still runs."""
    port, log = ports.choose(["gateway"])["gateway"], folder / "gateway.log"
    process = started(settings(amqp_url, database_url, port), log)
    try:
        wait_until(lambda: "ready" in log.read_text() or process.poll() is not None, 30)
        assert f"gateway: ready, http://127.0.0.1:{port}" in log.read_text(), log.read_text()
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            yield Gateway(process, log, client)
    finally:
        process.kill()
        process.wait()
