"""The nodes of a broker: one URL names them all, and each of them serves everything.

amqp://USER:PASSWORD@HOST1:5672,HOST2:5672,HOST3:5672/VHOST, as PostgreSQL's URLs name several servers; the URL of the
management API likewise. A connection goes to one node, chosen at random, so that connections spread. A node that was
not reached, or was lost, is asked after the others for a while: an attempt at one that is cut off costs seconds.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from urllib.parse import urlsplit, urlunsplit

AVOIDED_SECONDS = 30.0
_missed: dict[str, float] = {}
"""HOST:PORT → when this process last missed it, of a monotonic clock."""


def each_node(url: str) -> list[str]:
    """Return a URL for each host that a URL names; the URL itself if it names one, or is none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return [url]
    login, at, hosts = parts.netloc.rpartition("@")
    named = [host.strip() for host in hosts.split(",") if host.strip()]
    if "," not in hosts or not named:
        return [url]
    return [urlunsplit(parts._replace(netloc=f"{login}{at}{host}")) for host in named]


def joined(urls: Sequence[str]) -> str:
    """Return the one URL of several that differ in their hosts alone."""
    first = urlsplit(urls[0])
    login, at, _ = first.netloc.rpartition("@")
    return urlunsplit(first._replace(netloc=f"{login}{at}{','.join(map(address_of, urls))}"))


def address_of(url: str) -> str:
    """Return the HOST:PORT part of a URL."""
    return urlsplit(url).netloc.rpartition("@")[2]


def in_order(url: str) -> list[str]:
    """Return the URL of each node in the order to try them."""
    urls = each_node(url)
    if len(urls) > 1:
        random.shuffle(urls)
        urls.sort(key=is_avoided)
    return urls


def is_avoided(node_url: str) -> bool:
    """Return whether a node was missed recently."""
    since = _missed.get(address_of(node_url))
    return since is not None and time.monotonic() - since < AVOIDED_SECONDS


def missed(node_url: str) -> None:
    """Note that a node was not reached, or was lost."""
    _missed[address_of(node_url)] = time.monotonic()


def reached(node_url: str) -> None:
    """Note that a node is there: it is no longer asked after the others."""
    _missed.pop(address_of(node_url), None)
