"""The upgrade of the suite under load, from two earlier versions of this repository.

From the last one whose tables differ but whose ingest writes as this version's does: both at once. From the last one
whose ingest writes otherwise: `prepare` must wait until that ingest has been stopped, and says so.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

from hallpulse.settings import DATABASE_SERVICES
from services.local.process_groups import wait_until
from tests.operations.recipes import CHECKOUT
from tests.operations.site import PATIENCE, Program, Site, site
from tests.operations.standing import Report, recomputed
from tests.servers import broker_server, scratch

EVENTS = 12_000
_RATE = 120
_VERSIONS = "shared/hallpulse/store/migrations/versions"
_REFUSAL = "stop every ingest first"
Move = Callable[[Site, list[Program], Report], None]


def run(seed: int) -> Report:
    report = Report(f"upgrade of the suite, seed {seed}")
    _upgrade(seed, _newest(), report, _both_at_once)
    _upgrade(seed + 1, _changing(), report, _one_after_the_other)
    return report


def _upgrade(seed: int, migration: str, report: Report, move: Move) -> None:
    """From the last version before a migration."""
    with scratch("upgrade") as directory, broker_server() as broker, site(directory, broker, EVENTS, seed) as made:
        commit, old = _last_without(migration, directory)
        report.say("from", f"{commit[:9]}, migration {_migrations(commit)[-1][:4]}, to {_newest()[:4]}")
        made.prepare(old, _roles(made))
        workers = [_ingest(made, f"old-{n}", old) for n in (1, 2)]
        for worker in workers:
            worker.start()
        made.add_halls(registered=False)
        made.flow(_RATE)
        made.await_stored(EVENTS // 10)
        move(made, workers, report)
        report.judge(made.finish())
        report.say("recompute --check", recomputed(made.database.url))


def _both_at_once(made: Site, old: list[Program], report: Report) -> None:
    """Prepare while the old ingest stores, start the new beside it, then end the old, one after the other."""
    before = made.stored()
    said = made.prepare(given=_roles(made))
    report.say("`prepare` beside the old ingest", said.strip().splitlines()[-1])
    new = [_ingest(made, f"new-{n}") for n in (1, 2)]
    for worker in new:
        worker.start()
    # A worker gives partitions above its share to others within a minute.
    wait_until(lambda: made.stored() > before + EVENTS // 10 and any(one.counted() for one in new), PATIENCE)
    counts = {worker.name: worker.counted() for worker in (*old, *new)}
    report.say("events that each stored while both ran", ", ".join(f"{name} {n:,}" for name, n in counts.items()))
    if not all(any(counts[one.name] for one in some) for some in (old, new)):
        report.wrong.append("old and new ingest did not both store events")
    for worker in old:
        status = worker.stop()
        report.wrong += [f"{worker.name} ended with {status}"] if status else []
        made.await_stored(made.stored() + 100)
    made.workers = new


def _one_after_the_other(made: Site, old: list[Program], report: Report) -> None:
    """Begin `prepare` too early: it waits and says why, and goes on once the old ingest has been stopped."""
    early = Program("prepare", made.directory / "early.log", "services.console.prepare", made.settings | _roles(made))
    early.begin()
    try:
        if not wait_until(lambda: _REFUSAL in early.said or not early.alive, PATIENCE) or not early.alive:
            report.wrong.append(f"prepare did not wait for the old ingest: {early.said[-500:]}")
            return
        report.say("`prepare` beside the old ingest", early.said.strip().splitlines()[0])
        began = time.monotonic()
        for worker in old:
            worker.stop()
        status = early.wait()
        if status:
            report.wrong.append(f"prepare ended with {status}: {early.said[-500:]}")
    finally:
        early.close()
    made.workers = [_ingest(made, f"new-{n}") for n in (1, 2)]
    for worker in made.workers:
        worker.start()
    report.say("from the old ingest's end until the new one is ready", f"{time.monotonic() - began:.1f} s")


def _ingest(made: Site, name: str, checkout: Path = CHECKOUT) -> Program:
    return made.worker(name, checkout, {"HALLPULSE_DATABASE_URL": _roles(made)["HALLPULSE_INGEST_DATABASE_URL"]})


def _roles(made: Site) -> dict[str, str]:
    """Each service's login, as a deployment has them."""
    server = made.database.server
    return {
        f"HALLPULSE_{name.upper()}_DATABASE_URL": server.service_url(name, f"of-{name}") for name in DATABASE_SERVICES
    }


def _git(*words: str) -> bytes:
    done = subprocess.run(["git", "-C", str(CHECKOUT), *words], capture_output=True, check=False, timeout=120)
    if done.returncode:
        raise RuntimeError(f"git {words[0]}: {done.stderr.decode().strip()} (this is tried from a clone's history)")
    return done.stdout


def _migrations(commit: str) -> list[str]:
    """The files of a commit's migrations, in order."""
    names = _git("ls-tree", "--name-only", commit, f"{_VERSIONS}/").decode().split()
    return sorted(Path(name).name for name in names if Path(name).name[0].isdigit())


def _newest() -> str:
    return sorted(path.name for path in (CHECKOUT / _VERSIONS).glob("[0-9]*.py"))[-1]


def _changing() -> str:
    """The last migration that changes what ingest writes."""
    files = sorted((CHECKOUT / _VERSIONS).glob("[0-9]*.py"))
    return [path.name for path in files if "changes_ingest = True" in path.read_text("utf-8")][-1]


def _history() -> Iterator[str]:
    yield from _git("log", "--first-parent", "--format=%H", "-n", "400").decode().split()


def _last_without(migration: str, directory: Path) -> tuple[str, Path]:
    """The newest commit that has not got this migration and stands by itself, and its files in the directory.

    A commit of a history that was landed in layers may need the next ones. Raises RuntimeError where the history ends
    before one that does not.
    """
    for commit in _history():
        found = _migrations(commit)
        if found and migration not in found:
            checkout = _checkout(commit, directory / commit)
            if _stands(checkout):
                return commit, checkout
    raise RuntimeError(f"no commit without migration {migration} in this clone's history")


def _stands(checkout: Path) -> bool:
    """Whether the programs that are tried find all that they import."""
    argv = [sys.executable, "-c", "import services.console.prepare, services.ingest.__main__"]
    path = {"PYTHONPATH": f"{checkout / 'shared'}:{checkout}"}
    return subprocess.run(argv, env=path, cwd=checkout, capture_output=True, check=False, timeout=120).returncode == 0


def _checkout(commit: str, directory: Path) -> Path:
    directory.mkdir()
    with tarfile.open(fileobj=BytesIO(_git("archive", commit))) as packed:
        packed.extractall(directory, filter="data")
    return directory
