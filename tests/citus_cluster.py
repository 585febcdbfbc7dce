"""A Citus cluster that is there already, given by environment: tests make their databases on each of its nodes.

HALLPULSE_CITUS_URL: a database of the coordinator whose user is a superuser, and where the workers are known
(docs/citus.md); HALLPULSE_CITUS_WORKERS: how many of them tests use, all by default.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import psycopg
from sqlalchemy import URL, make_url

VARIABLE = "HALLPULSE_CITUS_URL"
FEW_SHARDS = 8
"""Shards of a table in tests: the 32 that Citus makes by itself take four times as long to make."""


def cluster_url() -> str | None:
    return os.environ.get(VARIABLE) or None


@dataclass(frozen=True)
class CitusCluster:
    """What tests need of a server of databases, as `PostgresServer` offers it; a template is filled anew each time.

    workers: without any, databases are made without Citus.
    """

    coordinator: URL
    workers: tuple[tuple[str, int], ...]
    shards: int = FEW_SHARDS
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _fills: dict[str, Callable[[str], object]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.coordinator.render_as_string(hide_password=False)

    @contextlib.contextmanager
    def fresh_database(self, template: str = "template1") -> Iterator[str]:
        name = f"test_{next(self._numbers)}_{secrets.token_hex(3)}"
        try:
            for node in self.nodes:
                _execute(node, f"CREATE DATABASE {name}")
            ours = self.coordinator.set(database=name)
            if self.workers:
                self._join(ours)
            url = ours.render_as_string(hide_password=False)
            if template in self._fills:
                self._fills[template](url)
            yield url
        finally:
            for node in self.nodes:
                _execute(node, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def _join(self, ours: URL) -> None:
        """Make one cluster of the databases of this name."""
        for node in self.nodes:
            _execute(node.set(database=ours.database), "CREATE EXTENSION citus")
        _execute(ours, f"ALTER DATABASE {ours.database} SET citus.shard_count = {self.shards}")
        _execute(ours, f"SELECT citus_set_coordinator_host('{ours.host}', {ours.port})")
        for host, port in self.workers:
            _execute(ours, f"SELECT citus_add_node('{host}', {port})")

    def template(self, name: str, fill: Callable[[str], object], base: str = "template1") -> str:
        """Remember how a database is filled. Databases that Citus spread cannot be copied."""

        def fill_after(url: str) -> None:
            if base in self._fills:
                self._fills[base](url)
            fill(url)

        self._fills[name] = fill_after
        return name

    @property
    def nodes(self) -> list[URL]:
        """The coordinator and the workers, each by its own URL."""
        return [self.coordinator, *(self.coordinator.set(host=host, port=port) for host, port in self.workers)]


def _execute(where: URL, statement: str) -> None:
    url = where.render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
        connection.execute(statement.encode())


def cluster_at(url: str) -> CitusCluster:
    """Return the cluster of a coordinator, with as many of its workers as the environment asks for."""
    with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
        rows = connection.execute(
            "SELECT nodename, nodeport FROM pg_dist_node WHERE groupid <> 0 AND isactive ORDER BY nodeid"
        ).fetchall()
    wanted = int(os.environ.get("HALLPULSE_CITUS_WORKERS") or len(rows))
    if not 0 < wanted <= len(rows):
        raise RuntimeError(f"{VARIABLE}: {len(rows)} workers are active there, {wanted} are asked for")
    return CitusCluster(make_url(url), tuple((str(host), int(port)) for host, port in rows[:wanted]))
