"""The commands of docs/operations.md, which the scripts run to the letter: the block after `<!-- recipe: NAME -->`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

from services.local import programs

CHECKOUT = Path(__file__).parents[2]
PAGE = CHECKOUT / "docs" / "operations.md"
_BLOCK = re.compile(r"<!-- recipe: ([a-z-]+) -->\n```sh\n(.*?)```", re.DOTALL)
_SHELL = ("bash", "-euo", "pipefail", "-c")


@cache
def recipes() -> dict[str, str]:
    """Name → commands, of every recipe of the page."""
    return {found[1]: found[2] for found in _BLOCK.finditer(PAGE.read_text("utf-8"))}


def environment(variables: dict[str, str], path: Path | None = None) -> dict[str, str]:
    """The variables, and on the path this checkout's commands and PostgreSQL's of the version that the suite runs."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HALLPULSE_", "PG"))}
    first = [str(path or programs.postgres_programs()), str(Path(sys.executable).parent)]
    return kept | {"PATH": os.pathsep.join([*first, kept["PATH"]])} | variables


def follow(name: str, path: Path | None = None, **variables: object) -> str:
    """What a recipe prints. Raises RuntimeError with its last words where a command of it fails."""
    given = environment({key: str(value) for key, value in variables.items()}, path)
    done = subprocess.run(
        [*_SHELL, recipes()[name]], env=given, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=600
    )
    if done.returncode:
        raise RuntimeError(f"{name} ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-1500:]}")
    return done.stdout


def begin(name: str, log: Path, **variables: object) -> subprocess.Popen[bytes]:
    """A recipe that runs on, in a process group of its own."""
    given = environment({key: str(value) for key, value in variables.items()})
    with log.open("ab") as output:
        return subprocess.Popen(
            ["setpriv", "--pdeathsig=KILL", "--", *_SHELL, f"{recipes()[name]}"], env=given, cwd=CHECKOUT,
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
