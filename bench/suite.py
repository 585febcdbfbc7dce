"""The whole suite as a user starts it, by `hallpulse up` in a separate directory."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hallpulse.settings import Settings
from services.console.suite_connection import Endpoints, connect, endpoints
from tests.servers import scratch

HALLPULSE = Path(sys.executable).with_name("hallpulse")


@dataclass(frozen=True)
class RunningSuite:
    directory: Path
    endpoints: Endpoints
    settings: Settings

    @property
    def indicators_url(self) -> str:
        return f"{self.endpoints.gateway}/v1/indicators"

    @property
    def targets_metrics(self) -> str:
        """The URL of the targets service's /metrics, which hold the indicators, with the token that opens it."""
        port = json.loads((self.directory / "ports.json").read_text())["targets"]
        return next(url for url in self.endpoints.metrics if f":{port}/" in url)

    @property
    def pids(self) -> dict[str, int]:
        """Name → pid of each part and of the supervisor."""
        state = json.loads((self.directory / "state.json").read_text())
        parts = {part["name"]: part["process"]["pid"] for part in state["parts"] if part["process"]}
        return {**parts, "supervisor": state["supervisor"]["pid"]}

    @property
    def authorization(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.endpoints.token}"}

    def add_hall(self, region: int, hall: str, families: str) -> str:
        """Register a hall and return the URL with which it publishes."""
        said = hallpulse("hall", "add", str(region), hall, "--families", families, "--json", directory=self.directory)
        keys = json.loads(said)
        address = self.endpoints.amqp.partition("://")[2]
        return f"amqp://{keys['amqp_user']}:{keys['amqp_password']}@{address}"


@contextlib.contextmanager
def suite(**environment: str) -> Iterator[RunningSuite]:
    with scratch("bench-suite") as directory:
        hallpulse("up", "--detach", directory=directory, **environment)
        try:
            yield RunningSuite(directory, endpoints(directory), connect(directory, {}))
        finally:
            hallpulse("down", "--purge", directory=directory)


def hallpulse(*arguments: str, directory: Path, **environment: str) -> str:
    """Run the command and return its output. Raises RuntimeError with its message if it fails."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HALLPULSE_")}
    command = [str(HALLPULSE), *arguments, "--dir", str(directory)]
    done = subprocess.run(command, env=kept | environment, cwd="/", capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"hallpulse {arguments[0]}: {done.stderr.strip()}")
    return done.stdout
