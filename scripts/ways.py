"""Count the files that an event, a figure and a scrape pass: `python scripts/ways.py [--root DIR]`.

It starts the suite of a checkout with a profile hook in each process, sends one event, queries `/v1/indicators` once,
and waits for one reading of the targets. Then it lists the files under services/ and shared/ that ran a function in the
process concerned. Files that also run while nothing is asked do not count for an answer. For an event, the threads of
ingest that watch the calendar files and the queues or answer Prometheus (`BESIDE`) do not count.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

HOOK = """
import os, sys, threading, time
def _install(folder, root):
    switch, seen, name, opened = os.path.join(folder, "open"), set(), " ".join(sys.orig_argv[1:]), [False]
    beside = BESIDE
    sink = os.open(os.path.join(folder, str(os.getpid())), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    services, shared = os.path.join(root, "services"), os.path.join(root, "shared")
    def called(frame, event, _):
        if event == "call" and opened[0]:
            path = frame.f_code.co_filename
            if path not in seen and not threading.current_thread().name.endswith(beside):
                seen.add(path)
                if path.startswith((services, shared)):
                    os.write(sink, (name + "\\t" + path[len(root) + 1:] + "\\n").encode())
    def watch():
        while True:
            there = os.path.exists(switch)
            if there != opened[0]:
                seen.clear()
                opened[0] = there
            time.sleep(0.01)
    threading.Thread(target=watch, daemon=True).start()
    sys.setprofile(called)
    threading.setprofile(called)
"""
BESIDE = ("calendars", "keeping", "process_request_thread)")
"""The endings of the names of ingest's threads that no event passes."""
SETTLE_SECONDS = 3.0
"""Seconds to wait: hooks look at the switch every 10 ms, ingest commits within a second, targets read every two."""


class Probe:
    """The switch of the hooks, and the files that ran while it was on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def seen(self, act: Callable[[], object]) -> dict[str, set[str]]:
        """Return process → files that ran during `act` and shortly after it."""
        for file in self._folder.iterdir():
            file.write_bytes(b"")
        switch = self._folder / "open"
        switch.touch()
        time.sleep(0.1)
        act()
        time.sleep(SETTLE_SECONDS)
        switch.unlink()
        time.sleep(0.1)
        found: dict[str, set[str]] = {}
        for file in self._folder.iterdir():
            for line in file.read_text().splitlines():
                process, _, path = line.partition("\t")
                found.setdefault(_service(process), set()).add(path)
        return found


def _service(command: str) -> str:
    words = [word for word in command.split() if word.startswith("services.") or word.startswith("hallpulse.")]
    return ".".join(words[0].split(".")[:2]) if words else command


@contextmanager
def hooked(root: Path) -> Iterator[Path]:
    """Put the hook into the checkout's environment, so that every new process has it; remove it after the block.

    Yields the folder in which the hooks write.
    """
    packages = next((root / ".venv" / "lib").glob("python3*/site-packages"))
    with tempfile.TemporaryDirectory() as folder:
        module, line = packages / "_ways_hook.py", packages / "_ways_hook.pth"
        module.write_text(HOOK.replace("BESIDE", repr(BESIDE)) + f"\n_install({folder!r}, {str(root)!r})\n")
        line.write_text("import _ways_hook\n")
        try:
            yield Path(folder)
        finally:
            line.unlink()
            module.unlink()


@contextmanager
def suite(root: Path) -> Iterator[dict[str, object]]:
    program = str(root / ".venv" / "bin" / "hallpulse")
    with tempfile.TemporaryDirectory() as folder:
        directory = ("--dir", folder)
        subprocess.run((program, "up", "--detach", *directory), check=True, stdout=subprocess.DEVNULL, cwd=root)
        try:
            keys = subprocess.run(
                (program, "hall", "add", "222424", "ways", "--json"),
                check=True,
                capture_output=True,
                text=True,
                cwd=root,
                env={"PATH": "/usr/bin:/bin", "HALLPULSE_DIR": folder, "HOME": "/root"},
            )
            yield {**json.loads((Path(folder) / "endpoints.json").read_text()), "hall": json.loads(keys.stdout)}
        finally:
            subprocess.run((program, "down", "--purge", *directory), check=False, stdout=subprocess.DEVNULL, cwd=root)


def publish(root: Path, endpoints: dict[str, object]) -> None:
    """Send one event by AMQP as the hall, and wait for the broker's confirmation."""
    hall = endpoints["hall"]
    assert isinstance(hall, dict)
    url = str(endpoints["amqp"]).replace("://", f"://{hall['amqp_user']}:{hall['amqp_password']}@")
    event = {
        "specversion": "1.0",
        "id": uuid.uuid4().hex,
        "source": "/222424/ways",
        "type": "hall.case.received.v1",
        "time": datetime.now(UTC).isoformat(),
        "data": {"case_id": "w1", "item_code": "i1", "department": "d1", "channel": "window"},
    }
    code = (
        "import pika, sys; c = pika.BlockingConnection(pika.URLParameters(sys.argv[1])); h = c.channel(); "
        "h.confirm_delivery(); h.basic_publish('hall.events', '222424.ways.case', sys.argv[2].encode(), "
        "pika.BasicProperties(content_type='application/cloudevents+json', delivery_mode=2, user_id='222424.ways'))"
    )
    subprocess.run(
        (str(root / ".venv/bin/python"), "-S", "-c", _with_packages(root, code), url, json.dumps(event)), check=True
    )


def _with_packages(root: Path, code: str) -> str:
    """Return code that finds the packages without `site`, which would load the hook: the sender must not count."""
    packages = next((root / ".venv" / "lib").glob("python3*/site-packages"))
    return f"import sys; sys.path.append({str(packages)!r}); {code}"


def fetch(url: str, token: str = "") -> None:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
    urllib.request.urlopen(request, timeout=10).read()


def measure(root: Path) -> dict[str, set[str]]:
    """Return the thing that passes → the files that it passes."""
    with hooked(root) as folder, suite(root) as endpoints:
        probe, token, gateway = Probe(folder), str(endpoints["token"]), str(endpoints["gateway"])
        indicators = f"{gateway}/v1/indicators?region=222424&from=2026-01-01&to=2026-11-30"
        fetch(indicators, token)  # the first time, so that work done only once does not count
        publish(root, endpoints)
        time.sleep(SETTLE_SECONDS)
        idle = probe.seen(lambda: None)
        event = probe.seen(lambda: publish(root, endpoints)).get("services.ingest", set())
        figure = probe.seen(lambda: fetch(indicators, token)).get("services.gateway", set())
        return {
            "an event, from the socket to the commit": event,
            "a figure, to GET /v1/indicators": figure - idle.get("services.gateway", set()),
            "a figure, to /metrics": idle.get("services.targets", set()),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--root", type=Path, default=Path(__file__).parent.parent, help="a checkout that is set up")
    for what, files in measure(parser.parse_args().root.resolve()).items():
        print(f"{what}: {len(files)} files")
        for path in sorted(files):
            print(f"  {path}")


if __name__ == "__main__":
    sys.exit(main())
