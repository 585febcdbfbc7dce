"""scripts/setup.sh on a machine that lacks something: what it says, and that it changes nothing then."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.ingesting import strain

_SCRIPT = Path(__file__).parents[2] / "scripts" / "setup.sh"
_TOOLS = ("sh", "dirname", "cat", "cksum", "cp", "id", "env", "grep", "mkdir", "rm", "sed", "tail")

pytestmark = pytest.mark.skipif(not (_SCRIPT.parents[1] / ".venv").is_dir(), reason="no .venv of this checkout")


def _setup(
    *arguments: str, path: Path | None = None, script: Path = _SCRIPT, **settings: str
) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(path), **settings} if path else None
    return subprocess.run(
        ["/bin/sh", script, *arguments],
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


def _offer(path: Path, name: str, program: str) -> None:
    (path / name).write_text(f"#!/bin/sh\n{program}\n")
    (path / name).chmod(0o755)


def _offer_python(path: Path, program: str) -> None:
    _offer(path, "python3", program)


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


@pytest.fixture
def installer(bare: Path) -> Path:
    """A PATH that has an apt-get too, which finds a lock of another apt as often as `held` has lines."""
    _offer_python(bare, f'exec {sys.executable} "$@"')
    (bare / "held").write_text("")
    locked = "echo 'E: Could not get lock /var/lib/apt/lists/lock. It is held by process 1 (apt-get)' >&2"
    _offer(
        bare,
        "apt-get",
        f'echo "$*" >>{bare}/asked\n[ -s {bare}/held ] || exit 0\nsed -i 1d {bare}/held\n{locked}\nexit 100',
    )
    # Nothing of the machine's own is changed: it is root here, and writes no policy for services.
    _offer(bare, "sleep", f'echo "$*" >>{bare}/slept')
    _offer(bare, "dpkg-query", "exit 1")
    _offer(bare, "tee", "exec cat >/dev/null")
    _offer(bare, "chmod", "exit 0")
    return bare


def test_it_waits_for_the_lock_of_another_apt(installer: Path) -> None:
    (installer / "held").write_text("once\ntwice\nthrice\n")
    done = _setup("demo", path=installer)
    asked = (installer / "asked").read_text().splitlines()
    assert [line.split()[3] for line in asked] == ["update"] * 4 + ["install"]
    assert all("-o DPkg::Lock::Timeout=600" in line for line in asked)
    assert done.stdout.count("waiting for another apt to end") == 1
    assert "could not install" not in done.stderr


def test_it_waits_ten_minutes_for_a_lock_and_no_longer(installer: Path) -> None:
    (installer / "held").write_text("again\n" * 1000)
    done = _setup("demo", path=installer)
    assert done.returncode == 1
    assert "apt-get could not install" in done.stderr
    assert "Could not get lock" in done.stderr
    seconds = [int(line) for line in (installer / "slept").read_text().split()]
    assert sum(seconds) == 2 * 600  # for the package lists, and for the packages


def _checkout(bare: Path, tmp_path: Path) -> Path:
    """A checkout with the script and what it reads, on a machine with all programs."""
    checkout = tmp_path / "checkout"
    locked = "services/gateway/libraries/package-lock.json"
    for name in ("scripts/setup.sh", "Dockerfile", "uv.lock", "pyproject.toml", "hatch_build.py", locked):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(_SCRIPT.parents[1] / name, checkout / name)
    for name in ("prometheus", "prometheus-alertmanager"):
        _offer(bare, name, "exit 0")
    return checkout / "scripts" / "setup.sh"


def _offer_unfit_python(bare: Path) -> None:
    """A Python of a version that the suite does not run on, which can make a virtual environment with pip."""
    make_venv = f"mkdir -p .venv-uv/bin && cp {bare}/new-pip .venv-uv/bin/pip"
    _offer_python(bare, f"case $* in *version_info*) exit 1 ;; *--clear*) {make_venv} ;; esac")
    version = "$(sed -n 's/^ARG UV_VERSION=//p' Dockerfile)"
    found = (
        f"case $* in --version) echo uv {version} ;; *find*) echo {sys.executable} ;; *sync*) mkdir -p .venv ;; esac"
    )
    _offer(bare, "new-uv", f'echo "$*" >>{bare}/asked\n{found}')
    _offer(bare, "new-pip", f"cp {bare}/new-uv .venv-uv/bin/uv")


def test_where_no_python_fits_uv_brings_one(bare: Path, tmp_path: Path) -> None:
    _offer_unfit_python(bare)
    done = _setup("demo", path=bare, script=_checkout(bare, tmp_path))
    assert done.returncode == 0, done.stderr
    assert "uv brings 3.13" in done.stdout
    asked = [line for line in (bare / "asked").read_text().splitlines() if line != "--version"]
    assert asked[:2] == ["python install --quiet 3.13", "python find --no-project 3.13"]
    assert asked[2].startswith("sync")
    assert asked[2].endswith(f"--python {sys.executable}")


def test_where_it_may_not_download_one_it_says_which_is_needed(bare: Path, tmp_path: Path) -> None:
    _offer_unfit_python(bare)
    refused = _setup("demo", path=bare, script=_checkout(bare, tmp_path), UV_PYTHON_DOWNLOADS="never")
    assert refused.returncode == 1
    assert refused.stderr.startswith("setup: Python 3.11, 3.12 or 3.13 is needed")
    assert not (bare / "asked").exists()


def test_uv_comes_in_the_version_of_the_image_also_beside_another(bare: Path, tmp_path: Path) -> None:
    found = re.search(r"^ARG UV_VERSION=([\d.]+)$", (_SCRIPT.parents[1] / "Dockerfile").read_text(), re.MULTILINE)
    assert found is not None
    script = _checkout(bare, tmp_path)
    _offer(bare, "uv", "echo uv 0.1.0")
    _offer(bare, "new-uv", "mkdir -p .venv")
    _offer(bare, "new-pip", f'echo "$*" >>{bare}/asked && cp {bare}/new-uv .venv-uv/bin/uv')
    make_venv = f"mkdir -p .venv-uv/bin && cp {bare}/new-pip .venv-uv/bin/pip"
    ask = f'echo {bare}/python3 ;; *) exec {sys.executable} "$@"'
    _offer_python(bare, f"case $* in *--clear*) {make_venv} ;; *sys.executable*) {ask} ;; esac")
    done = _setup("demo", path=bare, script=script)
    assert (done.returncode, done.stderr) == (0, f"setup: installing uv {found[1]} into .venv-uv\n")
    assert (bare / "asked").read_text().split()[-1] == f"uv=={found[1]}"


def test_a_wrong_purpose_is_refused() -> None:
    refused = _setup("party")
    assert (refused.returncode, refused.stderr) == (1, "setup: expected demo, test or bench, got party\n")


def test_run_again_it_only_looks() -> None:
    _setup("demo")
    began = time.monotonic()
    again = _setup("demo")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert time.monotonic() - began < 2.0 * strain()
