"""PostgreSQL's major upgrade under load, by logical replication: from the distribution's version to the suite's own."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from pathlib import Path

from services.local import process_groups
from services.local.process_groups import Command, wait_until
from services.local.unprivileged import RunAs, number_for, run_as, run_as_named
from tests.operations.recipes import follow
from tests.operations.site import PATIENCE, Instance, Site, site
from tests.operations.standing import Report, standing
from tests.servers import broker_server, scratch

EVENTS = 9_000
_RATE = 100
_INSTALLED = Path("/usr/lib/postgresql")
_CONFIGURATION = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
timezone = 'UTC'
"""
_ACCESS = "host all all 127.0.0.1/32 scram-sha-256\n"


def run(seed: int) -> Report:
    report = Report(f"PostgreSQL's major upgrade, seed {seed}")
    with scratch("move") as directory, broker_server() as broker:
        earlier = Earlier(directory / "earlier")
        with site(directory, broker, EVENTS, seed, earlier) as made:
            new = Instance(directory / "new")
            try:
                new.start()
                _move(made, earlier, new, report)
            finally:
                earlier.close()
                new.close()
    return report


class Earlier(Instance):
    """The newest PostgreSQL that is installed and older than the suite's."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._programs = _earlier_programs()

    def start(self) -> None:
        """Make its files at the first start. Raises RuntimeError with the end of the log where it does not serve."""
        server = self.server
        server.directory.mkdir(exist_ok=True)
        who = run_as([self._programs / "postgres", server.directory.parent], number_for(server.directory))
        if not server.data.exists():
            self._initialise(who)
        argv = (str(self._programs / "postgres"), "-D", str(server.data), "-p", str(server.port))
        command = Command(argv, {"LC_ALL": "C"}, server.directory, server.log, signal.SIGINT, who.privileges)
        process = self._process = process_groups.spawn(command)
        if not wait_until(lambda: process.poll() is not None or server.is_ready(process.pid), PATIENCE):
            raise RuntimeError(f"PostgreSQL is not ready: {self.last_words}")
        if process.poll() is not None:
            raise RuntimeError(f"PostgreSQL ended: {self.last_words}")
        server.ensure_database()

    def stop(self) -> None:
        """In order, as for a restart."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        self._process.wait(PATIENCE)
        self._process = None

    def _initialise(self, who: RunAs) -> None:
        server, named = self.server, run_as_named([self._programs / "initdb", self.server.directory.parent])
        password = server.directory / "password"
        password.write_text(server.password)
        options = ("-U", "hallpulse", f"--pwfile={password}", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C")
        argv = (str(self._programs / "initdb"), "-D", str(server.data), *options)
        _owned(server.directory, named)
        setpriv = ("setpriv", *named.privileges, "--") if named.privileges else ()
        done = subprocess.run([*setpriv, *argv], capture_output=True, text=True, check=False, cwd=server.directory)
        if done.returncode:
            raise RuntimeError(f"initdb: {done.stderr[-500:]}")
        with (server.data / "postgresql.conf").open("a") as configuration:
            configuration.write(_CONFIGURATION)
        (server.data / "pg_hba.conf").write_text(_ACCESS)
        _owned(server.directory, who)


def _owned(directory: Path, who: RunAs) -> None:
    if who.privileges:
        subprocess.run(["chown", "-R", f"{who.uid}:{who.gid}", str(directory)], check=True)


def _earlier_programs() -> Path:
    found = sorted((path for path in _INSTALLED.glob("*/bin") if (path / "initdb").exists()), key=_version)
    older = [path for path in found if _version(path) < 18]
    if not older:
        raise RuntimeError("no PostgreSQL older than the suite's is installed: apt install postgresql")
    return older[-1]


def _version(programs: Path) -> int:
    return int(programs.parent.name)


def _move(made: Site, old: Earlier, new: Instance, report: Report) -> None:
    report.say("from | to", " | ".join(_server(one) for one in (old, new)))
    made.prepare()
    worker = made.worker("ingest-1")
    worker.start()
    made.add_halls()
    made.flow(_RATE)
    made.await_stored(EVENTS // 10)
    given = {"OLD": old.url, "NEW": new.url}
    follow("move-begin", **given)
    began = time.monotonic()
    old.stop()
    old.start()
    report.say("ingest waits while the old server starts again", f"{time.monotonic() - began:.1f} s")
    follow("move-copy", **given)
    follow("move-wait", **given)
    report.say("events in the copy when it was whole", f"{int(new.ask('SELECT count(*) FROM events')):,}")
    made.await_stored(made.stored() + 300)
    began = time.monotonic()
    worker.stop()
    follow("move-end", **given)
    report.compare(standing("the old server", old.url, made.history), standing("the new", new.url, made.history))
    _compare_lines(old, new, report)
    old.close()
    made.database = new
    made.prepare()
    worker.settings["HALLPULSE_DATABASE_URL"] = new.url
    worker.start()
    report.say("ingest waits, with the comparison of all figures", f"{time.monotonic() - began:.1f} s")
    made.register_halls()  # writes to the audit, whose numbers must go on
    report.judge(made.finish())
    report.say("recompute --check: the new server, at the end", standing("-", new.url, made.history).proof)


def _server(one: Instance) -> str:
    found = re.match(r"PostgreSQL [\d.]+", one.ask("SELECT version()"))
    return found[0] if found else "?"


def _compare_lines(old: Instance, new: Instance, report: Report) -> None:
    """Every table, row by row: also lines that the database signs, which the copy must not sign again."""
    tables = "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relkind = 'r'"
    names = old.ask(f"{tables} AND relnamespace = 'public'::regnamespace").split()
    for name in names:
        digest = f"SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {name} t"
        if old.ask(digest) != new.ask(digest):
            report.wrong.append(f"table {name} differs")
    state = "string_agg(tgname::text || ' ' || tgenabled::text, ', ' ORDER BY tgname)"
    guards = f"SELECT {state} FROM pg_trigger WHERE NOT tgisinternal"
    if old.ask(guards) != new.ask(guards):
        report.wrong.append(f"triggers differ: {new.ask(guards)}")
    report.say("triggers", new.ask(guards).count(" A"))
    report.say("tables that are equal, row by row", f"{len(names) - len(report.wrong)} of {len(names)}")
