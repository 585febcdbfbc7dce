"""A PostgreSQL that takes encrypted connections only: the distribution's, for the one inside the wheel has no TLS."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from services.local import ports, programs
from services.local.process_groups import Command
from services.local.unprivileged import RunAs, run_as
from tests.authority import Authority
from tests.servers import running, scratch

_PLACE, _PASSWORD = Path("/usr/lib/postgresql"), "of-a-test"
_CONFIGURATION = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
fsync = off
ssl = on
ssl_cert_file = '{here}/server.pem'
ssl_key_file = '{here}/server.key'
ssl_min_protocol_version = 'TLSv1.2'
"""
_READY = "ready"


def programs_of_the_distribution() -> Path | None:
    found = [path for path in _PLACE.glob("*/bin") if (path / "postgres").exists() and (path / "initdb").exists()]
    return max(found, key=lambda path: float(path.parent.name), default=None)


@contextlib.contextmanager
def tls_database(binaries: Path, authority: Authority) -> Iterator[str]:
    """Its URL, without anything about encryption."""
    with scratch("tls-database") as directory:
        who = run_as([binaries / "postgres", directory])
        for name in ("server.pem", "server.key"):
            shutil.copy(authority.folder / name, directory)
        (directory / "password").write_text(_PASSWORD)
        _hand_over(directory, who)
        data, environment = directory / "data", {"PATH": os.environ["PATH"], "LC_ALL": "C"}
        setpriv = [str(programs.setpriv()), *who.privileges, "--"] if who.privileges else []
        initdb = [binaries / "initdb", "-D", data, "-U", "hallpulse", "-A", "scram-sha-256", "--no-sync", "-E", "UTF8"]
        subprocess.run(
            [*setpriv, *initdb, f"--pwfile={directory / 'password'}"],
            env=environment, cwd=directory, check=True, capture_output=True,
        )  # fmt: skip
        port = ports.choose(["database"])["database"]
        with (data / "postgresql.conf").open("a") as configuration:
            configuration.write(_CONFIGURATION.format(port=port, here=directory))
        (data / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 scram-sha-256\n")
        argv = (str(binaries / "postgres"), "-D", str(data))
        command = Command(argv, environment, directory, directory / "log", signal.SIGINT, who.privileges)
        with running(command, lambda _: _is_ready(data), signal.SIGINT):
            yield f"postgresql://hallpulse:{_PASSWORD}@127.0.0.1:{port}/postgres"


def _hand_over(directory: Path, who: RunAs) -> None:
    for path in (directory, *directory.iterdir()):
        path.chmod(0o700 if path.is_dir() else 0o600)
        os.chown(path, who.uid, who.gid)


def _is_ready(data: Path) -> bool:
    pid_file = data / "postmaster.pid"
    return pid_file.exists() and pid_file.read_text().rstrip().endswith(_READY)
