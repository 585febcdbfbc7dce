"""Tables and progress bars on the terminal; into a file or a pipe they go without colours and wide enough."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

PIPED_WIDTH = 180


def screen(*, stderr: bool = False) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else PIPED_WIDTH
    return Console(stderr=stderr, width=width, highlight=False, soft_wrap=False)


def progress_bars(*columns: ProgressColumn) -> Progress:
    """Bars on stderr, gone when done; nothing where stderr is no terminal."""
    own = columns or (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    console = screen(stderr=True)
    return Progress(*own, TimeRemainingColumn(), console=console, transient=True, disable=not console.is_terminal)
