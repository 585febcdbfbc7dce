"""One node of the broker's cluster away, in each way: the others go on."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from random import Random

from tests.chaos.ground import Ground, Missed
from tests.chaos.servers import BrokerNode

KILLED, FROZEN, CUT_OFF = "killed", "frozen", "cut off from the others"
STOPPED, DRAINED = "stopped in order", "drained, then stopped"
_TAKEN_BACK_SECONDS = 20.0
WAYS = (KILLED, STOPPED, DRAINED, FROZEN, CUT_OFF)
_CUT = "lists:foreach(fun(N) -> erlang:set_cookie(N, cut), erlang:disconnect_node(N) end, [{others}])."
_JOIN = "lists:foreach(fun(N) -> erlang:set_cookie(N, erlang:get_cookie()) end, [{others}])."
"""A node that shows another secret to the others, and asks them for it, can reach none of them, and they not it."""


@dataclass
class LoseNode:
    """A node is killed, stopped or frozen, or its way to the other nodes is cut while clients still reach it.

    Frozen, it answers nothing and ends no connection, as behind a pulled cable.
    """

    lasts: float
    how: str
    number: int
    name: str = field(init=False)
    _node: BrokerNode | None = None

    def __post_init__(self) -> None:
        self.name = f"RabbitMQ, one of its nodes: {self.how}"

    def strike(self, ground: Ground) -> str:
        nodes = ground.broker.nodes
        if len(nodes) < 2:
            raise Missed("there is one node alone")
        node = self._node = nodes[self.number % len(nodes)]
        ground.feed()
        if self.how == KILLED:
            node.kill()
        elif self.how in {STOPPED, DRAINED}:
            if self.how == DRAINED:
                node.run("rabbitmq-upgrade", "drain")
            node.stop_in_order()
        elif self.how == FROZEN:
            node.send(signal.SIGSTOP)
        else:
            node.run("rabbitmqctl", "eval", _said(_CUT, node, nodes))
        ground.feed()
        return node.name

    def heal(self, ground: Ground) -> None:
        """Returns once the node serves, and knows the others again.

        RabbitMQ does not always take a node back that was silent for longer than `net_ticktime`: to the others it is
        one of another partition, until it is started again.
        """
        if self._node is None:
            return
        if self.how == FROZEN:
            self._node.send(signal.SIGCONT)
            if not ground.broker.is_whole(_TAKEN_BACK_SECONDS):
                self._node.kill()
                self._node.start()
        elif self.how == CUT_OFF:
            self._node.run("rabbitmqctl", "eval", _said(_JOIN, self._node, ground.broker.nodes))
        else:
            self._node.start()
        ground.broker.wait_until_whole()


@dataclass
class LoseEveryNode:
    """Every node killed at the same moment, as when the power fails."""

    lasts: float
    name: str = "RabbitMQ, every node: killed at once"

    def strike(self, ground: Ground) -> str:
        ground.feed()
        ground.broker.kill()
        return ""

    def heal(self, ground: Ground) -> None:
        ground.broker.start()
        ground.broker.wait_until_whole()


def lost_nodes(rng: Random) -> list[LoseNode]:
    """Each way for each of three nodes."""

    def lasts(how: str) -> float:
        """A silent node is given up by the others after a quarter of a minute."""
        return rng.uniform(2.0, 24.0) if how == FROZEN else rng.uniform(0.5, 8.0)

    return [LoseNode(lasts(how), how, node) for how in WAYS for node in range(3)]


def _said(expression: str, node: BrokerNode, nodes: list[BrokerNode]) -> str:
    others = ", ".join(f"'{other.node_name}'" for other in nodes if other is not node)
    return expression.format(others=others)
