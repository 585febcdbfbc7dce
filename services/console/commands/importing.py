"""`hallpulse import catalogue|cases|figures`: import a table."""

from __future__ import annotations

import gc
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from hallpulse.contract.identity import IMPORTING
from hallpulse.contract.reasons import both
from hallpulse.settings import Settings
from services.console import console_texts as texts
from services.console.suite_connection import connect, directory_option
from services.console.usage import BadUsage, checked_place, hall_options, progress_bars, screen
from services.importing import showing
from services.importing.case_import import HallOfCases
from services.importing.departments import DepartmentCodes
from services.importing.fields import Kind
from services.importing.importer import Job, Options, opened
from services.importing.outlet import Outlet
from services.importing.profiles import save_profile
from services.importing.publishing import publish, taken
from services.importing.rejects import RejectedRows
from services.importing.row_questions import Question
from services.importing.surroundings import Stored, department_codes, stored
from services.importing.understanding import Understanding, saved_profile, understanding_of

Progress = Callable[[int], None]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Import a catalogue, cases or declared figures from a table: xlsx, xls, xlsb, ods, et, csv, txt, json or ndjson.

    The command first shows what it understood, and asks about what is not sure. Rows that cannot be imported go to
    FILE.rejected.csv, each with its place, the reason and the remedy; the exit status is then 1. It is also 1 if a
    question is open and there is no terminal to ask at. Importing a file again changes nothing.

    导入事项目录、办件或申报数：先显示读懂了什么，不确定的先问；无法导入的行写入“文件名.rejected.csv”。
    """


def _file(_: click.Context, __: click.Parameter, path: Path) -> Path:
    """Return the path (a click callback). Raises BadUsage if it is not a file."""
    if not path.is_file():
        zh, en = ("是一个文件夹", "a directory") if path.is_dir() else ("没有这个文件", "none")
        raise BadUsage(f"{path}: {zh}：请给出一个表格文件 expected a file, there is {en}")
    return path


def _answers(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    pairs = [text.partition("=") for text in given]
    wrong = [question for question, sign, _ in pairs if not sign]
    if wrong:
        raise BadUsage(f"--answer {wrong[0]}: 应写作 问题=答案 expected QUESTION=ANSWER")
    return {question.strip(): answer.strip() for question, _, answer in pairs}


def import_options(decorated: Callable[..., None]) -> Callable[..., None]:
    """Add the argument and the options that all imports have."""
    for option in (
        directory_option,
        click.option("--plan-codes", is_flag=True, help="Store departments under the codes of the region's plan."),
        click.option("--answer", "answers", multiple=True, callback=_answers, metavar="QUESTION=ANSWER",
                     help="Answer a question that the preview asks; may be given several times."),
        click.option("--save-profile", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
                     help="Write the profile with the answers to a YAML file, for the next file of this source."),
        click.option("--profile", metavar="P", help="How the source writes: a shipped profile's name or a YAML file."),
        click.option("--json", "as_json", is_flag=True, help="Say what was understood as JSON on stdout."),
        click.option("--yes", is_flag=True, help="Do not ask whether to publish; answer questions by their defaults."),
        click.option("--dry-run", is_flag=True, help="Only show what was understood; publish nothing."),
        hall_options,
        click.argument("file", type=click.Path(path_type=Path), callback=_file),
    ):  # fmt: skip
        decorated = option(decorated)
    return decorated


@command.command()
@import_options
@click.option(
    "--effective-from",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="The day from which rows hold that name no day of their own; asked for if left out.",
)
def catalogue(effective_from: datetime | None, **given: Any) -> None:
    """Import the item catalogue (政务服务事项目录). Only rows that differ from what is stored become new versions."""
    _run("catalogue", day=effective_from, **given)


@command.command()
@import_options
def cases(**given: Any) -> None:
    """Import cases (办件), one row a case. A row that differs from what is stored corrects it."""
    _run("cases", day=None, **given)


@command.command()
@import_options
def figures(**given: Any) -> None:
    """Import declared figures (申报数), one a row: the form of `hallpulse template figures`, or any such table.

    The plan's rules apply to each, as they do elsewhere. A figure that differs from what is stored is a new revision.
    """
    _run("figures", day=None, **given)


def _run(
    kind: Kind,
    *,
    day: datetime | None,
    file: Path,
    region: int | None,
    hall: str,
    plan_codes: bool,
    profile: str | None,
    answers: Mapping[str, str],
    yes: bool,
    directory: Path,
    **how: Any,
) -> None:
    """Show what was understood, ask the open questions, and publish.

    Exit with status 1 if rows were refused or questions are open.
    """
    settings = connect(directory)
    place = HallOfCases(*checked_place(region, hall, settings))
    codes = department_codes(settings, place.region) if plan_codes else DepartmentCodes()
    options = Options(day.date() if day else None, profile, answers, take_defaults=yes)
    with (
        _uncollected(),
        stored(settings, place, lambda: click.echo(both(texts.NOT_COMPARED), err=True)) as there,
        opened(file, kind, there, options, codes) as job,
    ):
        refused = _Import(job, there, settings, yes=yes, **how).run()
    if refused:
        raise SystemExit(1)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Turn garbage collection off in the block: rows have no cycles, and it takes a tenth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class _Import:
    """A run of the command over an open file."""

    def __init__(
        self, job: Job, there: Stored, settings: Settings, *, yes: bool, dry_run: bool, as_json: bool,
        save_profile: Path | None,
    ) -> None:  # fmt: skip
        self._job, self._there, self._settings = job, there, settings
        self._yes, self._dry_run, self._as_json, self._profile_at = yes, dry_run, as_json, save_profile
        self._asks = sys.stdin.isatty() and sys.stdout.isatty() and not as_json

    def run(self) -> bool:
        """Import the file; return True if rows were refused, questions are open, or nothing was read or published."""
        with _bar(self._job) as progress:
            self._job.understand(progress)
        if self._asks and not self._yes:
            self._ask()
        told = self._look()
        if self._profile_at is not None and not told.open:
            save_profile(self._profile_at, saved_profile(self._job, self._profile_at.stem))
        if told.open:
            self._say(both(showing.NOTHING_PUBLISHED), both(showing.HOW_TO_ANSWER))
            return True
        if self._dry_run:
            self._say(both(showing.DRY_RUN))
            return bool(told.rows["refused"]) or not told.rows["read"]
        if self._asks and not self._yes and not click.confirm(both(showing.PUBLISH), default=False):
            return True
        return self._publish()

    def _say(self, *lines: str) -> None:
        for line in lines:
            click.echo(line, err=True)

    def _ask(self) -> None:
        """Ask the open questions one after the other. A question without a default stays open at an empty answer."""
        asked: set[str] = set()
        while left := [question for question in self._job.open if question.id not in asked]:
            asked.add(left[0].id)
            answer = _prompt(left[0])
            if answer:
                self._job.answer({left[0].id: answer})

    def _look(self) -> Understanding:
        with _bar(self._job) as progress:
            told = understanding_of(self._job, self._there, progress)
        if self._as_json:
            click.echo(msgspec.json.format(msgspec.json.encode(told), indent=1).decode())
        else:
            showing.show_understanding(screen(), told)
        return told

    def _publish(self) -> bool:
        """Publish the events, show the result, and return whether rows were refused or none was read.

        The audit entry is written even if the import breaks off.
        """
        rows: Counter[str] = Counter()
        outlet = Outlet(self._settings.amqp_url, IMPORTING)
        with RejectedRows(self._job.file, Path.cwd()) as rejects:
            try:
                with _bar(self._job) as progress, outlet:
                    publish(self._job, outlet, rejects, rows, progress)
            finally:
                self._note(rows, outlet.confirmed)
        if not self._as_json:
            showing.show_result(screen(), rows, outlet.confirmed, rejects.path)
        return bool(rows["refused"]) or not rows["read"]

    def _note(self, rows: Counter[str], events: int) -> None:
        """Write an audit entry for the import, unless it published no event."""
        action = f"import.{self._job.kind}"
        if events and not self._there.note(action, self._job.file.name, **taken(rows, events)):
            click.echo(both(texts.NOT_AUDITED), err=True)


def _prompt(question: Question) -> str:
    """Ask a person and return the answer, "" if there is none."""
    click.echo(both(question.text))
    for choice in question.choices:
        click.echo(f"  {choice.value}: {both(choice.text)}")
    while True:
        answer = str(
            click.prompt(question.id, default=question.default or "", show_default=bool(question.default))
        ).strip()
        if not answer or question.allows(answer):
            return answer


@contextmanager
def _bar(job: Job) -> Iterator[Progress]:
    """Show a progress bar; yield a function that takes the number of rows done since its last call."""
    with progress_bars() as bars:
        bar = bars.add_task(job.file.name, total=job.height or None)
        yield lambda rows: bars.advance(bar, rows)
