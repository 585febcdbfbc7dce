"""As whom an import speaks: the one broker user that may publish for every hall."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from hallpulse.broker import GATEWAY_USER
from hallpulse.settings import Settings
from services.console.suite import keys
from services.console.suite.layout import Layout


def speaking_url(settings: Settings, directory: Path) -> str:
    """The broker's URL with the gateway's user: its key lies beside the suite's data.

    Of a broker that runs elsewhere (HALLPULSE_AMQP_URL) the user is the one named there.
    """
    kept = Layout(directory.absolute()).keys
    if os.environ.get("HALLPULSE_AMQP_URL") or not kept.exists():
        return settings.amqp_url
    parts = urlsplit(settings.amqp_url)
    user = f"{GATEWAY_USER}:{quote(keys.kept(kept).gateway, safe='')}"
    return urlunsplit(parts._replace(netloc=f"{user}@{parts.netloc.rpartition('@')[2]}"))
