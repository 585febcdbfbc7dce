"""RabbitMQ of three nodes on this machine: what is declared on it, and what goes on while one of them is away."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from hallpulse.broker import declare, keep_everything, open_channel
from hallpulse.broker.cluster import short_of_members, spread_leaders
from hallpulse.broker.management import BrokerUsers, ManagementApi
from hallpulse.broker.rpc import call
from hallpulse.domain.errors import Unavailable
from hallpulse.publisher import Publisher
from tests.chaos.disk import Disk
from tests.chaos.servers import Broker, BrokerNode
from tests.consuming import consuming
from tests.ingesting import wait_until
from tests.integration.test_publisher import event
from tests.integration.test_service_calls import running
from tests.servers import Vhost, scratch

pytestmark = pytest.mark.skipif(not os.environ.get("CLUSTER"), reason="takes a minute: run it by `make cluster`")


@pytest.fixture
def cluster() -> Iterator[Broker]:
    with scratch("cluster") as directory:
        disks = [Disk(directory / f"node-{number}", None) for number in range(1, 4)]
        made = Broker(disks, directory / "broker.log")
        try:
            made.start()
            made.wait_until_whole()
            yield made
        finally:
            made.end()


def leaders(cluster: Broker) -> dict[str, str]:
    """Queue → the node that leads it, of the quorum queues."""
    queues = ManagementApi(cluster.management_url).read("queues") or ()
    return {one["name"]: one["leader"] for one in queues if one.get("type") == "quorum"}


def spread(cluster: Broker) -> bool:
    """Whether leaders are even, once the broker was asked again: it leaves out queues whose members lag behind."""
    spread_leaders(cluster.management_url)
    counts = Counter(leaders(cluster).values())
    return len(counts) == 3 and max(counts.values()) - min(counts.values()) <= 1


def leader_of(cluster: Broker, queue: str) -> BrokerNode:
    name = leaders(cluster)[queue]
    return next(node for node in cluster.nodes if node.node_name == name)


def test_queues_have_three_members_and_everything_goes_on_without_the_node_that_leads(
    cluster: Broker, tmp_path: Path, store_url: str
) -> None:
    url, management = cluster.url, cluster.management_url
    with open_channel(url) as channel:
        declare(channel, 2)
    keep_everything(management, url)
    with running(["catalogue"], tmp_path, HALLPULSE_AMQP_URL=url, HALLPULSE_DATABASE_URL=store_url):
        assert short_of_members(management, url) == {}
        wait_until(lambda: spread(cluster), 60)
        leader_of(cluster, "rpc-catalogue").kill()
        wait_until(lambda: _answers(url), 60)
        _publishes_and_takes(cluster)
    cluster.start()
    cluster.wait_until_whole()
    wait_until(lambda: spread(cluster), 60)


def _answers(url: str) -> bool:
    """A call that is under way as its node goes may fail: the next one goes by another."""
    try:
        return bool(call(url, "catalogue", "counts", 222424, "2026-01-01", seconds=20)["items"] == 0)
    except Unavailable:
        return False


def _publishes_and_takes(cluster: Broker) -> None:
    """As a hall that is registered while a node is away, and by a worker that begins then."""
    password = BrokerUsers(cluster.management_url).put(222424, "hall-1", ["case"])
    hall = cluster.url.replace(f"{cluster.operator.name}:{cluster.operator.password}@", f"222424.hall-1:{password}@")
    own = Vhost("/", cluster.url, cluster.operator.name, cluster.operator.password, cluster.management_url)
    with Publisher(hall) as publisher:
        for number in range(100):
            publisher.send(event(number))
        publisher.flush(60)
    with consuming(own) as worker:
        wait_until(lambda: len(set(worker.ids)) == 100, 60)
    assert worker.failures == []
