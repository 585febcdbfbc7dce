"""Keep measured figures as JSON beside the code, with the versions and the machine that they hold for."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from services.local import programs

RESULTS = Path(__file__).parent / "results" / "latest.json"
_PACKAGES = ("hallpulse", "pika", "psycopg", "sqlalchemy", "msgspec", "litestar", "nameko")


def keep(section: str, figures: Mapping[str, Any], path: Path = RESULTS) -> None:
    """Replace a section's figures; those of other sections stay."""
    path.parent.mkdir(exist_ok=True)
    known = json.loads(path.read_text()) if path.exists() else {}
    known[section] = {"at": datetime.now(UTC).isoformat(timespec="seconds"), **machine(), "figures": figures}
    path.write_text(json.dumps(known, indent=1, ensure_ascii=False))


def kept(section: str, path: Path = RESULTS) -> dict[str, Any] | None:
    """Return the figures of a section's last run; None if there are none."""
    known = json.loads(path.read_text()) if path.exists() else {}
    return known[section]["figures"] if section in known else None


def machine() -> dict[str, Any]:
    return {"machine": _hardware(), "versions": _versions(), "commit": _said("git", "rev-parse", "--short", "HEAD")}


def _hardware() -> dict[str, Any]:
    facts = Path("/proc/cpuinfo").read_text()
    model = next((line.partition(": ")[2] for line in facts.splitlines() if line.startswith("model name")), "unknown")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {"cpu": model, "cores": os.cpu_count(), "memory_gib": round(memory / 2**30, 1), "kernel": platform.release()}


def _versions() -> dict[str, str]:
    postgres = _said(str(programs.postgres_programs() / "postgres"), "--version").rpartition(" ")[2]
    rabbitmq = _said("dpkg-query", "-W", "-f", "${Version}", "rabbitmq-server")
    packages = {name: version(name) for name in _PACKAGES}
    return {"python": platform.python_version(), "postgresql": postgres, "rabbitmq": rabbitmq, **packages}


def _said(*command: str) -> str:
    try:
        return subprocess.run(
            command, capture_output=True, text=True, check=True, cwd=Path(__file__).parent
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
