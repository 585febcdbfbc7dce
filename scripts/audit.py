"""`make audit`: look for known holes in the locked dependencies, and for risky code.

Exit status 1 if something is found, or if the vulnerability database does not answer: then nothing is known.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[1]
# Accepted, because subprocesses get fixed argument lists, URLs are of configured servers, SQL is built only from the
# store's own names, and random numbers are not used as keys.
_ACCEPTED = "S101,S310,S311,S603,S607,S608"


def main() -> int:
    uv = shutil.which("uv") or str(HERE / ".venv-uv" / "bin" / "uv")
    return max(_dependencies(uv), _code())


def _dependencies(uv: str) -> int:
    with tempfile.TemporaryDirectory() as directory:
        locked = Path(directory) / "locked.txt"
        export = [uv, "export", "--quiet", "--frozen", "--no-emit-project", "--all-extras", "--no-dev", "-o", locked]
        subprocess.run(export, cwd=HERE, check=True, stdout=subprocess.DEVNULL)
        tool = [uv, "tool", "run", "--quiet", "pip-audit", "--requirement", locked, "--no-deps", "--disable-pip"]
        done = subprocess.run([*tool, "--format", "json"], cwd=HERE, capture_output=True, text=True, check=False)
    if not done.stdout.strip():
        print(f"dependencies: pip-audit gave no answer: {(done.stderr.strip().splitlines() or [''])[-1]}")
        return 1
    return _tell(json.loads(done.stdout)["dependencies"])


def _tell(dependencies: list[dict[str, Any]]) -> int:
    unseen = [found["name"] for found in dependencies if "skip_reason" in found]
    holes = [(found, hole) for found in dependencies for hole in found.get("vulns", [])]
    for found, hole in holes:
        fixed = ", ".join(hole["fix_versions"]) or "no version yet"
        print(f"dependencies: {found['name']} {found['version']}: {hole['id']}, fixed in {fixed}")
    if unseen:
        print(f"dependencies: the vulnerability database did not answer for {len(unseen)} of {len(dependencies)}")
    if not holes and not unseen:
        print(f"dependencies: {len(dependencies)} looked up, no known hole")
    return 1 if holes or unseen else 0


def _code() -> int:
    ruff = [sys.executable, "-m", "ruff", "check", "--select", "S", "--ignore", _ACCEPTED, "services", "shared"]
    return subprocess.run(ruff, cwd=HERE, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
