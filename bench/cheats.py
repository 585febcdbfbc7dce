"""Plant thirty cheats of each kind in an honest simulated year, and count how many the checks find.

python -m bench.cheats [--seed N …] [--cases N]
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hallpulse.domain import suspicion

from .planting import OF_EACH, honest_year, plant, plant_figures, plant_silences, shipped_plan
from .questioning import USUAL, questioned, silences, wrong_figures

RECALL, PRECISION = 0.95, 0.9


def declared(dice: random.Random) -> tuple[set[tuple[Any, ...]], set[tuple[Any, ...]]]:
    """Make series of declared figures from ninety reporters, a third of them invented; return (planted, found)."""
    series, planted = [], set()
    for number in range(3 * OF_EACH):
        department, size = f"department-{number}", dice.randint(15, 400)
        fake = number % 3 == 0
        if fake:
            planted.add((department,))
        for month in range(1, 13):
            below = max(1, round(dice.gauss(size, size**0.5 + 0.05 * size)))
            above = sum(dice.random() < 0.93 for _ in range(below))
            if fake and number % 2:
                above, below = round(size * 0.95), size
            elif fake:
                above, below = above // 5 * 5, -(-below // 10) * 10
            series.append(suspicion.DeclaredNumber(222424, "rate", department, f"2026-{month:02}", above, below))
    rows = suspicion.uncounted(series, USUAL)
    return planted, {(row["department"],) for row in rows}


@dataclass(frozen=True, slots=True)
class Score:
    """The result of a check. planted, found: cheats; right: findings that were planted; before: in the honest year."""

    check: str
    planted: int
    found: int
    right: int
    before: int

    @property
    def recall(self) -> float:
        return self.right / self.planted

    @property
    def precision(self) -> float:
        return self.right / self.found if self.found else 0.0


def measure(seed: int, cases: int) -> list[Score]:
    """Plant cheats, run the checks, and return the score of each check."""
    year, dice = honest_year(seed, cases), random.Random(seed)
    plans = [shipped_plan()]
    honest = questioned(year) | {"silent_hall": silences(year)} | wrong_figures(year, plans)
    planted = plant(year, dice)
    found = questioned(year)
    planted["uncounted_numbers"], found["uncounted_numbers"] = declared(dice)
    planted["silent_hall"] = plant_silences(year, dice)
    planted |= plant_figures(year, dice)
    found |= {"silent_hall": silences(year)} | wrong_figures(year, plans)
    return [
        Score(check, len(told), len(found[check]), len(told & found[check]), len(honest.get(check, ())))
        for check, told in sorted(planted.items())
    ]


def table(scores: Sequence[Score]) -> Iterator[str]:
    yield f"{'check':<30}{'planted':>8}{'found':>7}{'right':>7}{'recall':>8}{'precision':>10}{'honest year':>12}"
    for one in scores:
        counts = f"{one.planted:>8}{one.found:>7}{one.right:>7}"
        yield f"{one.check:<30}{counts}{one.recall:>8.2f}{one.precision:>10.2f}{one.before:>12}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, nargs="+", default=[20260301, 20260302, 20260303])
    parser.add_argument("--cases", type=int, default=60_000)
    given = parser.parse_args()
    for seed in given.seed:
        print(f"SEED={seed}, {given.cases} cases")
        print(*table(measure(seed, given.cases)), sep="\n", flush=True)


if __name__ == "__main__":
    main()
