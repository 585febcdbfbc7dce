"""Where the `hallpulse` command begins: the base install, which is for programs that publish, says what it lacks."""

from __future__ import annotations

import sys


def main() -> None:
    try:
        from services.console.main import main as run  # noqa: PLC0415
    except ModuleNotFoundError as missing:
        sys.exit(f"hallpulse: there is no {missing.name}: the command needs `pip install hallpulse[suite]`")
    run()
