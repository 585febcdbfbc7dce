"""Problems of a plan file, worded so that its author can mend them: Chinese first, English second."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from hallpulse.contract.reasons import Sentence
from hallpulse.domain.errors import HallpulseError


@dataclass(frozen=True, slots=True)
class PlanProblem:
    """One problem of a plan file. line, column: counted from 1; field: a path such as targets.full_process.goal."""

    file: str
    line: int
    column: int
    field: str
    said: Sentence

    @property
    def message(self) -> str:
        return f"{self.said.zh}{'' if self.said.zh.endswith('？') else '。'} {self.said.en}"

    def __str__(self) -> str:
        field = f"{self.field}: " if self.field else ""
        return f"{self.file}:{self.line}:{self.column}: {field}{self.message}"


class PlanError(HallpulseError):
    """Plan files cannot be used; str() gives a line for every problem."""

    def __init__(self, problems: Sequence[PlanProblem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


def did_you_mean(word: str, known: Iterable[str], names: Mapping[str, str] | None = None) -> Sentence:
    """Return a question with the nearest known word, or else a list of known words. names: Chinese name → word."""
    listed = list(known)
    called = names or {}
    near = get_close_matches(word, listed, n=1, cutoff=0.6)
    near = near or [called[name] for name in get_close_matches(word, called, n=1, cutoff=0.4)]
    if near:
        return Sentence(f"是不是 {near[0]}？", f"did you mean {near[0]!r}?")
    if not listed:
        return Sentence("一个也没有列出", "none is listed")
    more = len(listed) > 12
    return Sentence(
        f"应为 {'、'.join(listed[:12])}{' 等' if more else ''}之一",
        f"expected one of {', '.join(listed[:12])}{', …' if more else ''}",
    )
