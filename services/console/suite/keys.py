"""The secrets of one suite: drawn once, kept in a file that only its user may read."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from services.console.suite.errors import CannotRun
from services.console.suite.files import write_private

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
    try:
        return Keys(**json.loads(path.read_text()))
    except FileNotFoundError:
        drawn = Keys(**{field.name: secrets.token_urlsafe(_BYTES) for field in fields(Keys)})
        write_private(path, json.dumps(asdict(drawn), indent=1))
        return drawn
    except (ValueError, TypeError):
        raise CannotRun(f"{path} is damaged: without it the data beside it cannot be opened") from None
