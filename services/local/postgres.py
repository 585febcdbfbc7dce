"""This suite's private PostgreSQL: it has separate data, a port on the loopback address, a password, no socket file."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path

from services.local import programs
from services.local.files import PRIVATE, CannotRun, private_directory
from services.local.process_groups import Command
from services.local.unprivileged import RunAs, number_for, run_as, run_as_named

HOST = "127.0.0.1"
_SUPERUSER = DATABASE = "hallpulse"
_READY = "ready"
_STATUS_LINE = 7
_GIB = 2**30
_CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")

_CONFIGURATION = """\
# Written at every start. First what initdb found out about this machine: its kinds of shared memory.
include 'data/postgresql.conf'
# Nothing committed is lost by a crash or a power cut: fsync and synchronous_commit stay on.
listen_addresses = '{host}'
port = {port}
unix_socket_directories = ''
hba_file = '{hba}'
max_connections = 100
password_encryption = scram-sha-256
shared_buffers = {shared_buffers}
work_mem = 32MB
maintenance_work_mem = 256MB
effective_cache_size = {cached}
# Each page's first change after a checkpoint is logged whole, and with a large store nearly every event is the first on
# its pages: to squeeze them took three quarters of the database's time. So the log is larger, and room is left for it.
wal_compression = off
max_wal_size = 8GB
min_wal_size = 256MB
checkpoint_timeout = 15min
checkpoint_completion_target = 0.9
fsync = {durable}
synchronous_commit = {durable}
full_page_writes = {durable}
jit = off
random_page_cost = 1.1
timezone = 'UTC'
log_timezone = 'UTC'
log_min_messages = warning
logging_collector = off
"""
# The second line is for back-ups: `all` does not include the copying of the whole server.
_ACCESS = f"host all all 127.0.0.1/32 scram-sha-256\nhost replication {_SUPERUSER} 127.0.0.1/32 scram-sha-256\n"


@dataclass(frozen=True, slots=True)
class Postgres:
    """A private PostgreSQL. durable: False in tests only, because a crash may then lose everything."""

    directory: Path
    log: Path
    port: int
    password: str
    durable: bool = True
    shared_buffers: str = field(default_factory=lambda: _megabytes(_memory() // 4))

    @property
    def data(self) -> Path:
        return self.directory / "data"

    def url(self, database: str = DATABASE) -> str:
        """Return the URL for the administrator, who owns the tables."""
        return f"postgresql://{_SUPERUSER}:{self.password}@{HOST}:{self.port}/{database}"

    def service_url(self, role: str, password: str) -> str:
        return f"postgresql://{role}:{password}@{HOST}:{self.port}/{DATABASE}"

    def command(self) -> Command:
        """Make the database files at the first start, write the configuration, and return the command."""
        programs_at = programs.postgres_programs()
        private_directory(self.directory)
        reads = [programs_at / "postgres", self.directory.parent]
        who = run_as(reads, number_for(self.directory))
        if not self.data.exists():
            _initialise(self, programs_at, run_as_named(reads))
        _owned_whole(self.directory, who)
        self._configure(who)
        argv = (str(programs_at / "postgres"), "-D", str(self.data), "-c", f"config_file={self._configuration}")
        return Command(argv, _environment(), self.directory, self.log, signal.SIGINT, who.privileges)

    def is_ready(self, pid: int) -> bool:
        """Return whether the server is ready. Like pg_ctl, it reads the pid and the state in the server's pid file."""
        lines = self._pid_file_lines()
        return len(lines) > _STATUS_LINE and lines[0] == str(pid) and lines[_STATUS_LINE].strip() == _READY

    def _pid_file_lines(self) -> list[str]:
        try:
            return self._pid_file.read_text().splitlines()
        except OSError:
            return []

    def _forget_dead_server(self) -> None:
        """Delete a stale pid file: with it PostgreSQL does not start while any process of this user has that pid."""
        lines = self._pid_file_lines()
        if lines and _program_of(lines[0]) != "postgres":
            self._pid_file.unlink(missing_ok=True)

    def ensure_database(self) -> None:
        """Create the database if it is missing. Raises CannotRun if the server does not accept the kept password."""
        psql = [
            str(programs.postgres_programs() / "psql"),
            "-XAtqw",
            "-h",
            HOST,
            "-p",
            str(self.port),
            "-U",
            _SUPERUSER,
        ]
        environment = _environment() | {"PGPASSWORD": self.password, "PGDATABASE": "postgres"}
        if _run([*psql, "-c", f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'"], environment).strip() != "1":
            _run([*psql, "-c", f"CREATE DATABASE {DATABASE}"], environment)

    @property
    def _configuration(self) -> Path:
        return self.directory / "postgresql.conf"

    @property
    def _pid_file(self) -> Path:
        return self.data / "postmaster.pid"

    def _configure(self, who: RunAs) -> None:
        access = self.directory / "pg_hba.conf"
        _write_owned(access, _ACCESS, who)
        text = _CONFIGURATION.format(
            host=HOST,
            port=self.port,
            hba=str(access).replace("'", "''"),
            durable="on" if self.durable else "off",
            shared_buffers=self.shared_buffers,
            cached=_megabytes(_memory() // 2),
        )
        _write_owned(self._configuration, text, who)
        self._forget_dead_server()


def _memory() -> int:
    """Return the bytes of memory that the database may count on: of this machine or container, from 1 to 16 GiB."""
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with contextlib.suppress(OSError, ValueError):  # no container, or one without a limit
        there = min(there, int(_CONTAINER_LIMIT.read_text()))
    return min(16 * _GIB, max(_GIB, there))


def _megabytes(size: int) -> str:
    return f"{size // 2**20}MB"


def _initialise(server: Postgres, programs_at: Path, who: RunAs) -> None:
    """Make the database files in `data.new` and rename it when complete, so that an interruption leaves no half."""
    _owned(server.directory, who)
    fresh = server.directory / "data.new"
    shutil.rmtree(fresh, ignore_errors=True)
    password = server.directory / f".password.{secrets.token_hex(4)}"
    _write_owned(password, server.password, who)
    argv = (str(programs_at / "initdb"), "-D", str(fresh), "-U", _SUPERUSER, f"--pwfile={password}", *_CLUSTER)
    try:
        # one sync of the file system instead of one of each of a thousand files
        sync = "--sync-method=syncfs" if server.durable else "--no-sync"
        _run([*_other_user(who), *argv, sync], _environment(), server.directory)
        fresh.rename(server.data)
    finally:
        password.unlink(missing_ok=True)


_CLUSTER = (
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
)


def _other_user(who: RunAs) -> tuple[str, ...]:
    return (str(programs.setpriv()), *who.privileges, "--") if who.privileges else ()


def _environment() -> dict[str, str]:
    """Return an environment without the caller's PG… variables, which would change the server and its tools."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "TZ": "UTC"}


def _program_of(pid: str) -> str:
    try:
        return Path(f"/proc/{int(pid)}/comm").read_text().strip()
    except (OSError, ValueError):
        return ""


def _owned(path: Path, who: RunAs) -> None:
    if who.privileges:
        os.chown(path, who.uid, who.gid)


def _owned_whole(directory: Path, who: RunAs) -> None:
    """Give a directory and its content to the user `who`, if it belongs to another user."""
    if not who.privileges or directory.stat().st_uid == who.uid:
        return
    for folder, names, files in os.walk(directory):
        for name in (*names, *files):
            os.chown(Path(folder, name), who.uid, who.gid, follow_symlinks=False)
    _owned(directory, who)


def _write_owned(path: Path, text: str, who: RunAs) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(PRIVATE)
    _owned(path, who)


def _run(argv: list[str], environment: dict[str, str], directory: Path | None = None) -> str:
    done = subprocess.run(argv, env=environment, cwd=directory, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise CannotRun(f"PostgreSQL: {said}")
    return done.stdout


def for_tests(server: Postgres) -> Postgres:
    return replace(server, durable=False, shared_buffers="128MB")
