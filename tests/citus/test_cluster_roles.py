"""`prepare` on a cluster: each service's role is made on every node, with its rights on the spread tables."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import make_url

from hallpulse.domain.figures import Scope
from hallpulse.settings import DATABASE_SERVICES
from hallpulse.store import migrate, open_store
from tests.citus_cluster import VARIABLE, CitusCluster, cluster_url
from tests.integration.test_store import TODAY, YEAR, case
from tests.merging import NOW, decoded

pytestmark = pytest.mark.skipif(cluster_url() is None, reason=f"{VARIABLE} names no cluster (docs/citus.md)")


@pytest.fixture
def service_urls(postgres: CitusCluster, store_url: str) -> Iterator[dict[str, str]]:
    mark = secrets.token_hex(3)
    names = {service: f"test_{mark}_{service}" for service in DATABASE_SERVICES}
    ours = make_url(store_url)
    yield {
        service: ours.set(username=name, password=secrets.token_hex(8)).render_as_string(hide_password=False)
        for service, name in names.items()
    }
    for node in postgres.nodes[::-1]:
        url = node.set(database=ours.database).render_as_string(hide_password=False)
        with psycopg.connect(url, autocommit=True, options="-c citus.enable_ddl_propagation=off") as connection:
            for name in names.values():
                if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (name,)).fetchone():
                    connection.execute(f"DROP OWNED BY {name}".encode())
                    connection.execute(f"DROP ROLE {name}".encode())


def test_each_service_has_its_rights_on_every_node(store_url: str, service_urls: dict[str, str]) -> None:
    for _ in range(2):  # and running it again changes nothing
        migrate(store_url, service_urls)
    ingest, gateway = open_store(service_urls["ingest"]), open_store(service_urls["gateway"])
    try:
        assert len(ingest.merge(decoded(case(1)), NOW).new) == 2
        with gateway.read() as moment:
            assert moment.figures(Scope(222424), YEAR)["mean_elapsed_days"].denominator == 1
            assert moment.overview(Scope(222400), YEAR, TODAY).coverage.halls == 1
    finally:
        ingest.close()
        gateway.close()
