"""Builds the service and runs it until it is told to stop."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime

import uvicorn

from hallpulse.domain.errors import HallpulseError
from hallpulse.metrics import NoticeMetrics, new_registry
from hallpulse.settings import Settings, SettingsError, settings_from
from hallpulse.store import open_store
from hallpulse.tls import server_context

from .app import Tokens, build
from .channels import Channels, ChannelsError, load_channels
from .courier import Courier
from .desk import NoticeDesk
from .rules import RulesError, load_rules
from .senders import Senders


def run(environment: Mapping[str, str]) -> int:
    """Exit status: 0 after SIGTERM, 1 with one line on stderr where it could not start."""
    logging.basicConfig(level=logging.WARNING, format="notices: %(message)s", stream=sys.stderr)
    # Its lines name the address of every request, and a robot's address is a secret.
    logging.getLogger("httpx").setLevel(logging.ERROR)
    try:
        _serve(settings_from(environment))
    except (HallpulseError, SettingsError, ChannelsError, RulesError, OSError) as error:
        print(f"notices: {' '.join(str(error).split())}", file=sys.stderr, flush=True)
        return 1
    return 0


def now() -> datetime:
    return datetime.now(UTC)


def _serve(settings: Settings) -> None:
    tls = server_context(settings.tls) if settings.tls_cert else None
    channels = load_channels(settings.channels) if settings.channels else Channels()
    registry = new_registry()
    metrics = NoticeMetrics(registry)
    store = open_store(settings.database_url)
    store.ping()
    courier = Courier(store.notices, Senders(channels), now, metrics)
    rules = load_rules(settings.rules) if settings.rules else None
    desk = NoticeDesk(store, channels, now, metrics, rules)
    app = build(desk, registry, Tokens(settings.notices_token, settings.read_token, settings.metrics_token))
    config = uvicorn.Config(
        app, settings.host, settings.metrics_port, log_level="warning", access_log=False,
        ssl_context_factory=(lambda *_: tls) if tls is not None else None,
    )  # fmt: skip
    thread = threading.Thread(target=courier.run, name="courier", daemon=True)
    thread.start()
    try:
        _Server(config).run()
    finally:
        courier.stop()
        thread.join(timeout=15)


class _Server(uvicorn.Server):
    """Says when it is ready."""

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        await super().startup(sockets)  # type: ignore[arg-type]
        if self.started:
            address = f"{'https' if self.config.is_ssl else 'http'}://{self.config.host}:{self.config.port}/v1/alerts"
            print(f"notices: ready, {address}", file=sys.stderr, flush=True)
