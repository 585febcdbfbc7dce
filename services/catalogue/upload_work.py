"""`python -m services.catalogue.upload_work NUMBER FOLDER`: the work on one uploaded file, in a separate process.

A file may be crafted to harm the program that reads it. So this process has limits of memory, processor time and disk,
and the service ends it and removes its folder. It reads the file with the same importer as the command line, and writes
the result, or the reason why there is none, to the upload.
"""

from __future__ import annotations

import os
import re
import resource
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from hallpulse.contract.encode import encode_event
from hallpulse.contract.events import HallEvent
from hallpulse.contract.identity import IMPORTING
from hallpulse.domain.errors import Unavailable
from hallpulse.settings import Settings, settings_from
from hallpulse.store import Store, Upload, open_store
from services.importing.case_import import HallOfCases
from services.importing.departments import DepartmentCodes
from services.importing.importer import Job, Options, Taken, opened
from services.importing.outlet import Outlet
from services.importing.problems import TableError
from services.importing.profiles import ProfileError
from services.importing.publishing import publish, taken
from services.importing.rejects import RejectedRows
from services.importing.surroundings import FileSender, Stored, department_codes, stored
from services.importing.understanding import understanding_of

MEMORY = 2 << 30
CPU_SECONDS = 240
DISK = 256 << 20
SIGN_SECONDS = 1.0
MOST_LISTED, MOST_TEXT = 200, 400
MOST_TOLD = 2 << 20
_SECRETS = ("HALLPULSE_AMQP_URL", "HALLPULSE_METRICS_TOKEN")
_WHOLE = frozenset({"id", "value", "default", "answer"})
_TOO_MUCH = ("文件太大或结构异常，超出可用内存：请拆成几个文件", "too large to be read here: split the file")
_GONE = ("数据库无法访问，请稍后再试", "the database does not answer: try again later")
_BROKER = ("消息队列无法访问，没有导入完：请稍后再导入一次", "the broker does not answer: import it again later")


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without secrets, for a process that reads a possibly hostile file."""
    withheld = {*_SECRETS, *(f"{name}_FILE" for name in _SECRETS)}
    return {name: one for name, one in environment.items() if name not in withheld} | {_SECRETS[0]: "amqp://none/"}


def limit_oneself() -> None:
    """Limit this process to what an ordinary table needs, and let the system end it first when memory is short."""
    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, DISK),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (allowed, allowed))
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


class Discarded(Exception):
    """The upload was deleted while it was worked on: stop, because no one waits for the result."""


@dataclass
class Signs:
    """Writes to the database once a second how many rows are done, even while a single row takes longer.

    gone: whether the upload was deleted in the meantime.
    """

    store: Store
    number: int
    total: int = 0
    done: int = 0
    gone: bool = False
    _ended: threading.Event = field(default_factory=threading.Event)

    def advance(self, rows: int) -> None:
        if self.gone:
            raise Discarded
        self.done += rows

    @contextmanager
    def given(self) -> Iterator[None]:
        thread = threading.Thread(target=self._give, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()

    def _give(self) -> None:
        while not self._ended.wait(SIGN_SECONDS):
            try:
                there = self.store.uploads.tell(self.number, _now(), done=self.done, total=self.total)
            except Unavailable:
                continue
            self.gone = not there


def _now() -> datetime:
    return datetime.now(UTC)


def placed(upload: Upload, content: bytes, folder: Path) -> Path:
    """Write the file into the folder under a harmless form of its name, and return its path.

    The file's modification time is the time of the upload, because events take their time from the file.
    """
    name = re.sub(r"[^\w.（）()\-]", "_", upload.new.name)[-80:].lstrip(".") or "table"
    path = folder / name
    path.write_bytes(content)
    moment = upload.at.timestamp()
    os.utime(path, (moment, moment))
    return path


def bounded(value: Any) -> Any:
    """Return a value that is short enough for the page: long lists and texts are cut, but not ids and answers."""
    if isinstance(value, str):
        return value if len(value) <= MOST_TEXT else f"{value[:MOST_TEXT]}…"
    if isinstance(value, Mapping):
        return {key: one if key in _WHOLE else bounded(one) for key, one in value.items()}
    return [bounded(one) for one in value[:MOST_LISTED]] if isinstance(value, list) else value


@contextmanager
def job_of(upload: Upload, path: Path, settings: Settings) -> Iterator[tuple[Job, Stored]]:
    new = upload.new
    place = HallOfCases(new.region, new.hall)
    codes = department_codes(settings, new.region) if new.plan_codes else DepartmentCodes()
    sender = FileSender(new.by, new.department or "", new.own_hall)
    with (
        stored(settings, place, _unreachable, sender) as there,
        opened(path, new.kind, there, Options(answers=upload.answers), codes) as job,
    ):
        yield job, there


def _unreachable() -> None:
    """Raise Unavailable: without the stored data, a preview would call every row new."""
    raise Unavailable("the database does not answer")


def read(upload: Upload, path: Path, settings: Settings, signs: Signs) -> dict[str, Any]:
    """Return the upload's new values: how the file is understood, its open questions and its rejected rows."""
    with job_of(upload, path, settings) as (job, there), RejectedRows(path, path.parent) as rejects:
        signs.total = 2 * job.height
        job.understand(signs.advance)
        told = understanding_of(job, there, signs.advance, rejects.add)
        said = _versions(job) if job.kind == "catalogue" and not told.open else []
        told.file = upload.new.name
        answers = job.answers
    shown = msgspec.json.encode(bounded(msgspec.to_builtins(told)))
    if len(shown) > MOST_TOLD:
        raise MemoryError
    return {
        "state": "asked" if told.open else "ready",
        "told": shown,
        "answers": msgspec.json.encode(answers),
        "versions": b"\n".join(map(encode_event, said)) or None,
        "rejected": rejects.path.read_bytes() if rejects.path is not None else None,
    }


def _versions(job: Job) -> list[HallEvent]:
    """Return the events of a catalogue, for the what-if page."""
    return [event for row in job.outcomes() if isinstance(row, Taken) for event in job.published(row)]


def imported(upload: Upload, path: Path, settings: Settings, signs: Signs) -> dict[str, Any] | None:
    """Publish the accepted rows and return the upload's new values; the audit entry names the person.

    Return None and send nothing if a question is open again.
    """
    rows: Counter[str] = Counter()
    with job_of(upload, path, settings) as (job, there):
        signs.total = 2 * job.height
        job.understand(signs.advance)
        if job.open:
            return None
        outlet = Outlet(settings.amqp_url, None if job.kind == "figures" else IMPORTING)  # figures are no past records
        with RejectedRows(path, path.parent) as rejects:
            try:
                with outlet:
                    publish(job, outlet, rejects, rows, signs.advance)
            finally:
                if outlet.confirmed:
                    there.note(f"import.{job.kind}", upload.new.name, **taken(rows, outlet.confirmed), upload=upload.id)
    result = {"rows": dict(rows), "events": outlet.confirmed}
    rejected = rejects.path.read_bytes() if rejects.path is not None else None
    return {"state": "imported", "result": msgspec.json.encode(result), "rejected": rejected, "content": None}


def worked(upload: Upload, folder: Path, settings: Settings, store: Store) -> dict[str, Any]:
    """Return the upload's new values after reading or importing it. Raise Discarded if it was deleted."""
    content = store.uploads.content(upload.id)
    if content is None:
        raise Discarded
    signs = Signs(store, upload.id)
    importing = upload.state == "importing"
    try:
        path = placed(upload, content, folder)
        del content
        with signs.given():
            done = imported(upload, path, settings, signs) if importing else None
            done = done or read(upload, path, settings, signs)
    except (TableError, ProfileError) as error:
        why = (error.text.zh, error.text.en) if isinstance(error, TableError) else (str(error), str(error))
        return {"state": "unreadable", "why_zh": why[0], "why_en": why[1], "content": None}
    except (MemoryError, RecursionError):
        return {"state": "unreadable", "why_zh": _TOO_MUCH[0], "why_en": _TOO_MUCH[1], "content": None}
    except Unavailable:
        why = _BROKER if importing else _GONE
        return {"state": "failed", "why_zh": why[0], "why_en": why[1]}
    return {**done, "done": signs.done, "total": max(signs.total, signs.done), "why_zh": "", "why_en": ""}


def main(number: int, folder: Path, environment: Mapping[str, str]) -> int:
    """Work on an upload and return the exit status: 1 if the result could not be written to the upload, otherwise 0."""
    limit_oneself()
    settings = settings_from(environment)
    store = open_store(settings.database_url, pool_size=1, service="catalogue")
    try:
        upload = store.uploads.get(number, _now())
        if upload is None or upload.state not in ("reading", "importing"):
            return 0
        state = worked(upload, folder, settings, store)
        deadline = time.monotonic() + 60
        while True:
            try:
                store.uploads.tell(number, _now(), **state)
                return 0
            except Unavailable:
                if time.monotonic() > deadline:
                    return 1
                time.sleep(1)
    except Discarded:
        return 0
    finally:
        store.close()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), Path(sys.argv[2]), os.environ))
