"""The ingest as a process of its own, and what its metrics say."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

from services.local import ports

ROOT = Path(__file__).parents[1]


def settings(amqp_url: str, database_url: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{ROOT / 'shared'}:{ROOT}",
        "HALLPULSE_AMQP_URL": amqp_url,
        "HALLPULSE_DATABASE_URL": database_url,
        "HALLPULSE_CALENDARS": str(ROOT / "calendars"),
        "HALLPULSE_PARTITIONS": "2",
        "HALLPULSE_METRICS_PORT": str(ports.choose(["metrics"])["metrics"]),
    }


@contextlib.contextmanager
def running(environment: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """From its line that it is ready."""
    argv = [sys.executable, "-m", "services.ingest"]
    with subprocess.Popen(argv, env=dict(environment), stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            assert process.stderr.readline() == "ingest: ready\n"
            yield process
        finally:
            process.kill()


def exposed(environment: Mapping[str, str]) -> list[str]:
    """The lines of its metrics page."""
    url = f"http://127.0.0.1:{environment['HALLPULSE_METRICS_PORT']}/metrics"
    with urllib.request.urlopen(url, timeout=10) as answer:
        lines: list[str] = answer.read().decode().splitlines()
        return lines


def metric(environment: Mapping[str, str], name: str) -> float:
    """The sum over a metric's series."""
    lines = exposed(environment)
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name) and line[len(name)] in " {")
