"""Section `watchers`: the cost of a hundred open pages for ingest, measured in turns with and without them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from bench.filling import fill
from bench.grounds import Grounds, Lane
from bench.ingesting import Ingested, ingest
from bench.options import Options
from bench.quiet import wait_for_calm
from bench.services import free_port, service
from bench.streams import CHECKOUT, COUNTY, messages, province_stream
from services.console.usage import screen

WATCHERS = 100
EVENTS_EACH = 6
"""Events here for each of the other sections: during a flood a page is notified only every ten seconds, and has to be
notified while the flood lasts."""
TOKEN = "bench-watches"
ROUTES = ("indicators", "targets", "departments", "trend", "suite")


def run(grounds: Grounds, options: Options) -> dict[str, Any]:
    """Measure ingest alone, and beside a hundred pages that read all their figures at every change."""
    stream = province_stream(EVENTS_EACH * options.events)
    sent, found = messages(stream.events), {False: list[Ingested](), True: list[Ingested]()}
    refreshes = []
    with grounds.catalogued(stream) as template:
        for number in range(options.rounds):
            wait_for_calm(options.patience)
            for watched in (number % 2 == 0, number % 2 == 1):
                with grounds.lane() as lane, grounds.postgres.fresh_database(template) as url:
                    fill(lane.publisher_url, sent)
                    with pages(lane, url, WATCHERS if watched else 0) as told:
                        found[watched].append(ingest(grounds, lane, url, stream.distinct))
                    refreshes += [told["refreshes"]] if watched else []
    if min(refreshes) < WATCHERS:
        raise RuntimeError("the flood was over before each page read its figures: --events more")
    ratios = [beside.rate / alone.rate for alone, beside in zip(found[False], found[True], strict=True)]
    cost = 1 - median(ratios)
    alone, beside = (median(one.rate for one in found[watched]) for watched in (False, True))
    screen().print(
        f"watchers: {WATCHERS} pages, {median(refreshes):.0f} refreshes a round; ingest {alone:,.0f} events/s alone, "
        f"{beside:,.0f} beside them, {cost:.1%} less (medians of {options.rounds} pairs; at most 5 % wanted)"
    )
    return {"watchers": WATCHERS, "alone": alone, "beside": beside, "cost": cost, "ratios": ratios}


@contextlib.contextmanager
def pages(lane: Lane, url: str, number: int) -> Iterator[dict[str, int]]:
    """Run a gateway with this many pages; after the block, the yielded dictionary holds how often they read."""
    port, told = free_port(), {"refreshes": 0}
    given = {"amqp_url": lane.amqp_url, "database_url": url, "gateway_port": port, "read_token": TOKEN}
    with service("gateway", **given, gateway_rate="0", plans=str(CHECKOUT / "plans")):
        command = [sys.executable, "-m", "bench.watchers", f"http://127.0.0.1:{port}", str(number)]
        watching = subprocess.Popen(command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert watching.stdout is not None
        watching.stdout.readline()
        try:
            yield told
        finally:
            said, _ = watching.communicate("", 30)
            told |= json.loads(said)


class OpenPage:
    """A page as the gateway sees it: a stream of changes, and a connection for its requests."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self.refreshes = 0

    async def watch(self, ready: asyncio.Event) -> None:
        while True:
            reader, writer = await self._asked(f"/v1/live?region={COUNTY}", "text/event-stream")
            event = ""
            while line := await reader.readline():
                name, _, text = line.decode().strip().partition(":")
                event = text.strip() if name == "event" else event
                if name == "data" and event == "status":
                    ready.set()
                elif name == "data" and event == "changed":
                    told = json.loads(text)
                    await asyncio.sleep(random.random() * told["within"] / 1000)
                    await self._refresh(told["look"])
            writer.close()

    async def _refresh(self, look: int) -> None:
        for route in ROUTES:
            region = "" if route == "suite" else f"?region={COUNTY}"
            reader, writer = await self._asked(f"/v1/{route}{region}", "application/json", f"x-look: {look}\r\n")
            await reader.read()
            writer.close()
        self.refreshes += 1

    async def _asked(
        self, path: str, accept: str, more: str = "connection: close\r\n"
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(*self._address)
        last = "" if "close" in more else "connection: close\r\n"
        head = f"GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\naccept: {accept}\r\n"
        writer.write(f"{head}accept-encoding: gzip\r\n{more}{last}\r\n".encode())
        await writer.drain()
        return reader, writer


async def watch_all(address: str, number: int) -> None:
    """Open the pages, print "watching" when all of them watch, and go on until standard input ends."""
    host, port = urlsplit(address).hostname or "", urlsplit(address).port or 0
    watchers = [(OpenPage(host, port), asyncio.Event()) for _ in range(number)]
    tasks = [asyncio.create_task(page.watch(ready)) for page, ready in watchers]
    await asyncio.gather(*(ready.wait() for _, ready in watchers))
    print("watching", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    for task in tasks:
        task.cancel()
    print(json.dumps({"refreshes": sum(page.refreshes for page, _ in watchers)}))


if __name__ == "__main__":
    asyncio.run(watch_all(sys.argv[1], int(sys.argv[2])))
