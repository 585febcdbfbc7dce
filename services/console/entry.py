"""Entry point of `hallpulse`. In the base install, which lacks the command's packages, it says what to install."""

from __future__ import annotations

import sys


def main() -> None:
    try:
        from services.console.main import main as run  # noqa: PLC0415
    except ModuleNotFoundError as missing:
        sys.exit(f"hallpulse: there is no {missing.name}: the command needs `pip install hallpulse[suite]`")
    run()
