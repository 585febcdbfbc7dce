"""Problems of a plan file, worded so that its author can mend them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from hallpulse.domain.errors import HallpulseError


@dataclass(frozen=True, slots=True)
class PlanProblem:
    """One problem. line, column: from 1; field: a path such as targets.full_process.goal."""

    file: str
    line: int
    column: int
    field: str
    message: str

    def __str__(self) -> str:
        field = f"{self.field}: " if self.field else ""
        return f"{self.file}:{self.line}:{self.column}: {field}{self.message}"


class PlanError(HallpulseError):
    """Plan files cannot be used; str() has a line for every problem."""

    def __init__(self, problems: Sequence[PlanProblem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the nearest known word as a question, or the known words."""
    listed = list(known)
    near = get_close_matches(word, listed, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]!r}?"
    return (
        f"expected one of {', '.join(listed[:12])}{', …' if len(listed) > 12 else ''}" if listed else "none is listed"
    )
