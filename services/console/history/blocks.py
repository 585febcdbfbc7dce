"""Past samples into the data of a Prometheus: its own tool makes the blocks, it takes them up within a minute."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from hallpulse.domain.errors import HallpulseError
from services.local.monitoring import without_login


class NoHistory(HallpulseError):
    """The past could not be written; the present goes on."""


def scrape_labels(prometheus_url: str) -> dict[str, str]:
    """The labels that this Prometheus gives to what it scrapes from the targets service. Raises NoHistory."""
    try:
        answer = httpx.get(
            f"{prometheus_url}/api/v1/query", params={"query": "hallpulse_snapshot_timestamp_seconds"}, timeout=10
        ).json()
        found = answer["data"]["result"]
    except (httpx.HTTPError, ValueError, KeyError) as error:
        page = without_login(prometheus_url)
        raise NoHistory(f"Prometheus does not answer at {page}: {type(error).__name__}") from None
    if len(found) != 1:
        raise NoHistory("Prometheus has not scraped the targets service yet: try again in a moment")
    return {name: value for name, value in found[0]["metric"].items() if name != "__name__"}


def write_blocks(lines: Mapping[str, Sequence[str]], data: Path) -> int:
    """How many samples were written. Raises NoHistory."""
    promtool = shutil.which("promtool")
    if promtool is None:
        raise NoHistory("promtool is not installed (package prometheus)")
    with tempfile.TemporaryDirectory(prefix="hallpulse-history-") as folder:
        file = Path(folder) / "history.txt"
        with file.open("w", encoding="utf-8") as out:
            for family, samples in lines.items():
                out.write(f"# TYPE {family} gauge\n")
                out.writelines(samples)
            out.write("# EOF\n")
        command = (promtool, "tsdb", "create-blocks-from", "openmetrics", "--quiet", "--max-block-duration=744h")
        done = subprocess.run([*command, str(file), str(data)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NoHistory(f"promtool: {' '.join((done.stderr or done.stdout).split())[-300:]}")
    return sum(len(samples) for samples in lines.values())
