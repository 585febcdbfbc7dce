"""RabbitMQ's three nodes under load: each restarted in turn, as an update does, then one lost for good and replaced."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hallpulse.broker.cluster import short_of_members
from hallpulse.tls import NO_FILES, TlsFiles
from services.local import programs
from services.local.process_groups import wait_until
from services.local.rabbitmq import User
from tests.chaos.disk import Disk
from tests.chaos.servers import Broker, BrokerNode
from tests.operations.recipes import follow
from tests.operations.site import PATIENCE, Site, site
from tests.operations.standing import Report, recomputed
from tests.servers import scratch

EVENTS = 20_000
_RATE = 120
_MOST_PAUSE = 60.0


class _Address:
    """How the site's programs reach the cluster: by one URL of all nodes."""

    tls: TlsFiles = NO_FILES

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def amqp_url(self, user: User | None = None) -> str:
        return self._broker.url_by(self._broker.ports, user)


class Cluster:
    """Three nodes in place of one server."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.operator = broker.operator
        self.server = _Address(broker)

    @property
    def management_url(self) -> str:
        return self.broker.management_url


class Watcher:
    """Notes the longest time in which no further event was stored, since it was last asked."""

    def __init__(self, made: Site) -> None:
        self._made = made
        self._longest, self._count, self._since = 0.0, 0, time.monotonic()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._thread.join()

    def longest(self) -> float:
        """Seconds; begins again."""
        found = max(self._longest, time.monotonic() - self._since)
        self._longest, self._since = 0.0, time.monotonic()
        return found

    def _run(self) -> None:
        while not self._closing.wait(0.2):
            count, now = self._made.stored(), time.monotonic()
            if count > self._count:
                self._longest = max(self._longest, now - self._since)
                self._count, self._since = count, now


@contextmanager
def _three_nodes(directory: Path) -> Iterator[Broker]:
    broker = Broker([Disk(directory / f"node-{number}", None) for number in (1, 2, 3)], directory / "broker.log")
    try:
        broker.start()
        broker.wait_until_whole()
        yield broker
    finally:
        broker.end()


def run(seed: int) -> Report:
    report = Report(f"RabbitMQ node by node, and a node lost for good, seed {seed}")
    with (
        scratch("nodes") as directory,
        _three_nodes(directory) as broker,
        site(directory, Cluster(broker), EVENTS, seed) as made,  # type: ignore[arg-type] # as a server alone
    ):
        made.prepare()
        for number in (1, 2):
            made.worker(f"ingest-{number}").start()
        made.add_halls()
        made.flow(_RATE)
        made.await_stored(500)
        with Watcher(made) as watcher:
            for node in broker.nodes:
                _restart(made, broker, node, watcher, report)
            _replace(made, broker, watcher, report)
        report.judge(made.finish())
        report.say("recompute --check", recomputed(made.database.url))
    return report


def _restart(made: Site, broker: Broker, node: BrokerNode, watcher: Watcher, report: Report) -> None:
    """Stop a node, and start it as the new version would be; go on once the cluster is whole again."""
    watcher.longest()
    _tool(node, "node-drain")
    node.stop_in_order()
    _stores(made, report, f"without {node.name}")
    node.start()
    broker.wait_until_whole()
    _tool(node, "node-back")
    report.say(f"{node.name} restarted; longest pause in which nothing at all was stored", f"{watcher.longest():.1f} s")


def _replace(made: Site, broker: Broker, watcher: Watcher, report: Report) -> None:
    """A node's machine is lost with its disk; a new one takes its place, and then another node may be away."""
    left, lost = broker.nodes[0], broker.nodes[2]
    watcher.longest()
    lost.kill()
    shutil.rmtree(lost.server.directory)
    _stores(made, report, "with a node lost")
    _tool(left, "node-forget", LOST=lost.node_name)
    lost.start()  # an empty machine of the same name
    broker.wait_until_whole()
    _tool(left, "node-grow", NEW=lost.node_name)
    if not wait_until(lambda: not short_of_members(broker.management_url, broker.url), PATIENCE):
        report.wrong.append(f"queues lack members: {short_of_members(broker.management_url, broker.url)}")
    report.say("queues that lack a member on the new node", len(short_of_members(broker.management_url, broker.url)))
    report.say("a node replaced; longest pause in which nothing at all was stored", f"{watcher.longest():.1f} s")
    left.kill()
    _stores(made, report, "with the new node and another, the first one killed")
    left.start()
    broker.wait_until_whole()
    report.say("the first one killed; longest pause in which nothing at all was stored", f"{watcher.longest():.1f} s")


def _stores(made: Site, report: Report, when: str) -> None:
    """Note where nothing is stored within a minute, while events flow."""
    before = made.stored()
    if not wait_until(lambda: made.stored() > before + 100, _MOST_PAUSE):
        report.wrong.append(f"nothing was stored within {_MOST_PAUSE:.0f} s {when}")


def _tool(node: BrokerNode, recipe: str, **variables: str) -> None:
    """A recipe with the broker's own tools, on a node."""
    settings = {name: value for name, value in node.server.control("rabbitmqctl").environment.items() if name != "PATH"}
    follow(recipe, programs.rabbitmq_server().parent, **settings, NODE=node.node_name, **variables)
