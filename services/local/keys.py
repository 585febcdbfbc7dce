"""The secrets of one suite: drawn once, kept in a file that only its user may read."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from services.local.files import CannotRun, write_private

_BYTES = 24


@dataclass(frozen=True, slots=True)
class Keys:
    """The secrets, each for one purpose.

    database: of its administrator; services: from which those of the services' roles there are derived; operator,
    gateway: of the broker's users; token: reads everything at the gateway; notices: Alertmanager's, to be let in there;
    metrics: opens the services' /metrics; prometheus, alertmanager: with which a person or a program signs in there;
    alertmanager_path: under which its API lies, so that a page that does not know it can ask a signed-in browser for
    nothing.
    """

    database: str
    operator: str
    gateway: str
    token: str
    notices: str
    services: str
    metrics: str
    prometheus: str
    alertmanager: str
    alertmanager_path: str

    def of_service(self, name: str) -> str:
        """Return the password of a service's role in the database."""
        return hmac.new(self.services.encode(), name.encode(), hashlib.sha256).hexdigest()


def kept(path: Path) -> Keys:
    """Return the kept keys. Keys of a later version are drawn when first missed; the database's own cannot be."""
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
