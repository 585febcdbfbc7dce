"""The secrets of a suite: drawn at random, once or for a rotation, and kept in a file that only its user may read."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from dataclasses import MISSING, asdict, dataclass, fields, replace
from pathlib import Path

from services.local.files import CannotRun, write_private

_BYTES = 24


@dataclass(frozen=True, slots=True)
class Keys:
    """The secrets, each for one purpose.

    database: password of the database's administrator; services: key from which the passwords of the services' roles in
    the database are derived; operator, gateway: passwords of the broker's users; token: reads everything at the
    gateway; notices: Alertmanager's token for the service of notices; metrics: opens the services' /metrics;
    prometheus, alertmanager: passwords for signing in there; alertmanager_path: secret path of its API, so that a page
    that does not know the path cannot reach it through a signed-in browser; previous_database: after a rotation, the
    password that the database knows until its next start.
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
    previous_database: str = ""

    def of_service(self, name: str) -> str:
        """Return the password of a service's role in the database."""
        return hmac.new(self.services.encode(), name.encode(), hashlib.sha256).hexdigest()


def kept(path: Path) -> Keys:
    """Return the kept keys. Draw the missing ones: all at the first start, and those that a later version added.

    Raises CannotRun if the file is damaged: without the old password the database cannot be opened.
    """
    known = _read(path)
    if known is not None and "database" not in known:
        raise CannotRun(f"{path} is damaged: without it the data beside it cannot be opened")
    drawn = {name: (known or {}).get(name) or _draw() for name in _DRAWN}
    keys = Keys(**drawn, previous_database=(known or {}).get("previous_database", ""))
    if asdict(keys) != known:
        _write(path, keys)
    return keys


def rotate(path: Path) -> None:
    """Draw new keys; the next start gives them to the servers. Raises CannotRun if there are none, or if the last ones
    have not been given yet.
    """
    if _read(path) is None:
        raise CannotRun(f"no suite has its data in {path.parent}")
    known = kept(path)
    if known.previous_database:
        raise CannotRun("the last rotation is not done: start the suite once with `hallpulse up`")
    _write(path, Keys(**{name: _draw() for name in _DRAWN}, previous_database=known.database))


def forget_previous(path: Path) -> None:
    """Forget the password that the database no longer knows."""
    _write(path, replace(kept(path), previous_database=""))


_DRAWN = tuple(field.name for field in fields(Keys) if field.default is MISSING)


def _draw() -> str:
    return secrets.token_urlsafe(_BYTES)


def _write(path: Path, keys: Keys) -> None:
    write_private(path, json.dumps(asdict(keys), indent=1))


def _read(path: Path) -> dict[str, str] | None:
    try:
        known = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except ValueError:
        return {}
    return known if isinstance(known, dict) else {}
