"""scripts/setup.sh on a machine that lacks something: what it says, and that it changes nothing then."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

_SCRIPT = Path(__file__).parents[2] / "scripts" / "setup.sh"
_TOOLS = ("sh", "dirname", "cat", "cksum", "id", "env", "grep", "sed", "rm")

pytestmark = pytest.mark.skipif(not (_SCRIPT.parents[1] / ".venv").is_dir(), reason="no .venv of this checkout")


def _setup(*arguments: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(path)} if path else None
    return subprocess.run(
        ["/bin/sh", _SCRIPT, *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A PATH with the tools of the script and nothing else: no apt, no sudo, no uv, no Prometheus."""
    for tool in _TOOLS:
        found = shutil.which(tool)
        assert found
        (tmp_path / tool).symlink_to(found)
    return tmp_path


def _offer_python(path: Path, program: str) -> None:
    (path / "python3").write_text(f"#!/bin/sh\n{program}\n")
    (path / "python3").chmod(0o755)


def test_an_old_python_is_said_in_one_line(bare: Path) -> None:
    _offer_python(bare, "exit 1")
    refused = _setup("demo", path=bare)
    assert refused.returncode == 1
    assert refused.stderr.startswith("setup: Python 3.11, 3.12 or 3.13 is needed")
    assert refused.stderr.count("\n") == 1


def test_what_it_may_not_install_it_names(bare: Path) -> None:
    _offer_python(bare, f'exec {sys.executable} "$@"')
    refused = _setup("demo", path=bare)
    assert refused.returncode == 1
    assert "prometheus" in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_a_wrong_purpose_is_refused() -> None:
    refused = _setup("party")
    assert (refused.returncode, refused.stderr) == (1, "setup: expected demo, test or bench, got party\n")


def test_run_again_it_only_looks() -> None:
    _setup("demo")
    began = time.monotonic()
    again = _setup("demo")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert time.monotonic() - began < 2.0
