"""Back-up and restore: the machine of the database is lost under load, and the database comes back on another one.

Twice: as it was at a moment, and as it was last. Between the two it must not matter when the back-up was taken.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from services.local.process_groups import wait_until
from tests.operations.recipes import begin, follow
from tests.operations.site import PATIENCE, Instance, Site, site
from tests.operations.standing import Report, standing
from tests.servers import broker_server, scratch

EVENTS = 12_000
_RATE = 400


def run(seed: int) -> Report:
    report = Report(f"back-up and restore, seed {seed}")
    with scratch("backup") as directory, broker_server() as broker, site(directory, broker, EVENTS, seed) as made:
        receiver = None
        try:
            made.prepare()
            made.worker("ingest-1").start()
            made.add_halls()
            made.flow(_RATE)
            made.await_stored(EVENTS // 10)
            backup = directory / "elsewhere"
            receiver = _back_up(made, backup, report)
            _restored(made, backup, report)
        finally:
            if receiver is not None:
                os.killpg(receiver.pid, signal.SIGKILL)
                receiver.wait()
    return report


def _back_up(made: Site, backup: Path, report: Report) -> subprocess.Popen[bytes]:
    """Follow the log, so that no commit is acknowledged before it lies in both places, and copy the whole once."""
    backup.mkdir()
    given = {"DATABASE": made.database.url, "BACKUP": backup}
    follow("backup-slot", **given)
    receiver = begin("backup-log", made.directory / "receiver.log", **given)
    follow("backup-wait", **given)
    waits = "SELECT count(*) FROM pg_stat_replication WHERE application_name = 'backup' AND sync_state = 'sync'"
    if not wait_until(lambda: made.database.ask(waits) == "1", PATIENCE):
        raise RuntimeError(f"nobody waits for the log: {(made.directory / 'receiver.log').read_text()}")
    follow("backup-whole", **given)
    report.say("events stored when the back-up was whole", f"{made.stored():,}")
    return receiver


def _restored(made: Site, backup: Path, report: Report) -> None:
    made.await_stored(EVENTS // 3)
    worker = made.workers[0]
    worker.stop()  # so that the figures of a moment can be read; the halls go on
    noted = standing("at the moment", made.database.url, made.history)
    moment = made.database.ask("SELECT clock_timestamp()")
    report.say("events stored at the moment", f"{noted.total:,}")
    worker.start()
    made.await_stored(noted.total + EVENTS // 5)
    lost = made.database
    lost.kill()
    began = time.monotonic()
    shutil.rmtree(lost.server.directory)
    report.say("the machine is lost at", f"{made.sent:,} events taken by the halls' outboxes")
    latest = _instance(made, "latest", backup, lost.server.password, "")
    made.database = latest
    worker.close()
    worker.settings["HALLPULSE_DATABASE_URL"] = latest.url
    worker.start()
    report.say("from the loss until ingest stores again", f"{time.monotonic() - began:.1f} s")
    earlier = _instance(made, "earlier", backup, lost.server.password, f"recovery_target_time = '{moment}'")
    try:
        report.compare(noted, standing("restored until the moment", earlier.url, made.history))
    finally:
        earlier.close()
    report.judge(made.finish())
    report.say("recompute --check: restored, and gone on with", standing("-", latest.url, made.history).proof)


def _instance(made: Site, name: str, backup: Path, password: str, until: str) -> Instance:
    """Another machine: its own directory, port and user."""
    there = Instance(made.directory / name, password)
    follow("restore", BACKUP=backup, NEW=there.server.directory, UNTIL=until)
    there.start()
    return there
