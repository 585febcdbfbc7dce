"""What was not foreseen, in one line."""

from __future__ import annotations

import traceback


def own_fault(error: Exception) -> str:
    """With the place where it happened."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    text = " ".join(str(error).split())
    return f"stopped by a fault of its own: {type(error).__name__}: {text} ({place.filename}:{place.lineno})"
