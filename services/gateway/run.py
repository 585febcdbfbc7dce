"""Build the gateway and run it until it is told to stop."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial

from prometheus_client import ProcessCollector

from hallpulse.boundaries import BoundaryFolder
from hallpulse.broker.queue_standing import StandingLook
from hallpulse.domain.errors import HallpulseError
from hallpulse.metrics import GatewayMetrics, new_registry
from hallpulse.plans import PlanError, load_plans
from hallpulse.settings import Settings, SettingsError, settings_from
from hallpulse.store import Store, open_store
from hallpulse.tls import server_context
from services.gateway.access import RateLimiter, TokenCache
from services.gateway.access_audit import AccessAudit
from services.gateway.publishing import open_publisher
from services.gateway.request import Resources
from services.gateway.service_calls import open_services

from .app import create_app
from .live import LiveHub
from .live_look import IngestLook, IngestPages, LiveLook
from .provider_sign_in import SignInProvider
from .server import serve
from .sessions import SessionDoor
from .shared_answers import SharedAnswers
from .suite import SuiteParts

QUERY_THREADS = 8
DOOR_THREADS = 2
"""Separate threads that look up tokens, so that slow queries delay no hall's events."""


def run(environment: Mapping[str, str]) -> int:
    """Run the gateway; return the exit status: 0 after SIGTERM, 1 with one line on stderr if it could not start."""
    logging.basicConfig(level=logging.WARNING, format="gateway: %(message)s", stream=sys.stderr)
    logging.getLogger("pika").setLevel(logging.CRITICAL)  # /readyz shows a lost connection; the log need not
    logging.getLogger("uvicorn").setLevel(logging.ERROR)  # or a client that does not speak HTTP fills the log
    try:
        _serve(settings_from(environment))
    except PlanError as error:
        return _failed(f"{error.problems[0]} ({len(error.problems)} in all; see hallpulse plan check)")
    except (HallpulseError, SettingsError, OSError) as error:
        return _failed(str(error) or type(error).__name__)
    return 0


def _failed(message: str) -> int:
    print(f"gateway: {' '.join(message.split())}", file=sys.stderr, flush=True)
    return 1


def _serve(settings: Settings) -> None:
    tls = server_context(settings.tls) if settings.tls_cert else None
    with _resources(settings) as resources, _listening(settings) as listener:
        resources.store.ping()
        _end_quietly()
        address = f"{'https' if tls else 'http'}://{settings.host}:{listener.getsockname()[1]}"
        say = partial(print, f"gateway: ready, {address}", file=sys.stderr, flush=True)
        serve(create_app(resources), listener, tls, say, resources.live.close)


@contextmanager
def _resources(settings: Settings) -> Iterator[Resources]:
    plans = load_plans(settings.plans)
    registry = new_registry()
    ProcessCollector(registry=registry)
    suite = SuiteParts(settings.suite_state)
    registry.register(suite)
    metrics = GatewayMetrics(registry)
    pool_size = QUERY_THREADS + DOOR_THREADS
    with (
        closing(open_store(settings.database_url, pool_size=pool_size, service="gateway", plans=plans)) as store,
        ThreadPoolExecutor(DOOR_THREADS, "door") as door,
        open_publisher(settings.amqp_url) as publisher,
        open_services(settings.amqp_url) as services,
    ):
        live = LiveHub(LiveLook(store, partial(datetime.now, UTC), _ingest(settings)))
        yield Resources(
            store=store,
            archive=store.reports,
            plans=plans,
            publisher=publisher,
            token_cache=TokenCache(store.tokens.find, settings.read_token, time.monotonic, door),
            rate_limiter=RateLimiter(settings.gateway_rate),
            clock=lambda: datetime.now(UTC),
            monotonic=time.monotonic,
            metrics=metrics,
            registry=registry,
            suite=suite,
            boundaries=BoundaryFolder(settings.boundaries),
            audit=AccessAudit(metrics, store.audit.record),
            sessions=_sessions(settings, store, door),
            reviews=store.reviews,
            matters=store.matters,
            services=services,
            uploads=store.uploads,
            drafts=store.drafts,
            audit_entries=store.audit,
            live=live,
            shared=SharedAnswers(lambda: live.number),
            provider=_provider(settings),
        )


def _ingest(settings: Settings) -> IngestLook:
    broker = StandingLook(settings.amqp_url, settings.partitions)
    if not settings.ingest_metrics_url:
        return IngestLook(broker)
    return IngestLook(broker, IngestPages(settings.ingest_metrics_url, settings.metrics_token))


def _provider(settings: Settings) -> SignInProvider | None:
    """Return the provider of sign-ins; where there is none its libraries are not loaded, which takes half a second."""
    if not any((settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret)):
        return None
    from .provider import provider_from  # noqa: PLC0415

    return provider_from(settings, partial(datetime.now, UTC), time.monotonic)


def _sessions(settings: Settings, store: Store, door: ThreadPoolExecutor) -> SessionDoor:
    """Return the session door. It remembers a session only for a moment, so that ended sessions open nothing, not even
    while the database does not answer.
    """
    clock = partial(datetime.now, UTC)
    cache = TokenCache(lambda id_hash: store.accounts.find(id_hash, clock()), "", time.monotonic, door, stale=0)
    secure = bool(settings.tls_cert) or settings.gateway_https == "on"
    return SessionDoor(store.accounts, cache, clock, time.monotonic, secure)


@contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listener = socket.create_server((settings.host, settings.gateway_port), family=family, backlog=1024)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise OSError(f"cannot listen on {settings.host}:{settings.gateway_port}: {why}") from None
    with listener:
        yield listener


def _end_quietly() -> None:
    """Ignore SIGTERM and SIGINT: after stopping, the server raises its signal again, when nothing is left to do."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
