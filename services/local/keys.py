"""The secrets of one suite: drawn once, kept in a file that only its user may read."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from services.local.errors import CannotRun
from services.local.files import write_private

_BYTES = 24


@dataclass(frozen=True, slots=True)
class Keys:
    """operator, gateway: of the broker's users; token: reads everything at the gateway; notices: Alertmanager's."""

    database: str
    operator: str
    gateway: str
    token: str
    notices: str


def kept(path: Path) -> Keys:
    """Keys that a later version added are drawn when they are first missed; the database's own cannot be."""
    known = _read(path)
    if known is not None and "database" not in known:
        raise CannotRun(f"{path} is damaged: without it the data beside it cannot be opened")
    names = [field.name for field in fields(Keys)]
    keys = Keys(**{name: (known or {}).get(name) or secrets.token_urlsafe(_BYTES) for name in names})
    if asdict(keys) != known:
        write_private(path, json.dumps(asdict(keys), indent=1))
    return keys


def _read(path: Path) -> dict[str, str] | None:
    try:
        known = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except ValueError:
        return {}
    return known if isinstance(known, dict) else {}
