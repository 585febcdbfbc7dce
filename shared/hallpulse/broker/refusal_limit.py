"""Which halls are refused so much that they are served more slowly, and when a fault is surely ours.

A hall is judged by its own events alone, so that no number of halls can hold up another: one whose events are refused
beyond the limit is moved to a slow lane (`lanes`), and back once it sends better ones. Ingest as a whole stops for what
no hall can bring about: a broker user that is no hall speaks for several (docs/decisions/0003-refusal-limit.md).
Pure: it knows what it was told.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from hallpulse.contract.reasons import Reason
from hallpulse.contract.speaker import DENIED, FOR, REFUSED, is_hall
from hallpulse.domain.errors import Halt

from .refused import Letter

CALM = 0.5
"""A hall leaves the slow lane once its share of refusals is at most this part of the limit."""
LARGE_BYTES = 4096


class RefusalsOverLimit(Halt):
    """Nothing of the batch was refused or acknowledged; a person must look before ingest goes on."""


class Moves(NamedTuple):
    """Halls, as REGION.HALL, that are to be served more slowly from now on, and as all others again."""

    slower: frozenset[str]
    normal: frozenset[str]


@dataclass(slots=True)
class _Record:
    """A hall's last events in whole batches, as (events, refused). slow: None where not decided yet."""

    slow: bool | None = None
    events: int = 0
    refused: int = 0
    batches: deque[tuple[int, int]] = field(default_factory=deque)

    def add(self, events: int, refused: int, window: int) -> None:
        self.batches.append((events, refused))
        self.events += events
        self.refused += refused
        while self.events - self.batches[0][0] >= window:
            old_events, old_refused = self.batches.popleft()
            self.events -= old_events
            self.refused -= old_refused


@dataclass(slots=True)
class RefusalLimit:
    """share: above it, of its own last `window` events (whole batches), a hall is in trouble; 0: none ever is."""

    share: float
    window: int
    _halls: dict[str, _Record] = field(default_factory=dict)
    _strangers: dict[str, Counter[str]] = field(default_factory=dict)

    def check(self, letters: Sequence[Letter]) -> None:
        """Raise RefusalsOverLimit, before anything of a batch is stored, where strangers speak for several halls."""
        for letter in letters if self.share else ():
            if is_stranger(letter):
                halls = self._strangers.setdefault(letter.user_id, Counter())
                halls[_hall_of(letter)] += 1
                if len(halls) > 1 and halls.total() >= self.window:
                    raise RefusalsOverLimit(_line(letter.user_id, halls))

    def note(self, taken: Mapping[str, int], letters: Sequence[Letter]) -> Moves:
        """Count a batch; which halls are to move. taken: REGION.HALL → its events that are not refused."""
        if not self.share:
            return Moves(frozenset(), frozenset())
        refused = Counter[str]()
        for letter in letters:
            if not is_stranger(letter):
                refused[_hall_of(letter)] += _weight(letter)
        slower, normal = set(), set()
        for hall in filter(is_hall, taken.keys() | refused.keys()):
            record = self._halls.setdefault(hall, _Record())
            record.add(taken.get(hall, 0) + refused[hall], refused[hall], self.window)
            if record.events < self.window:
                continue
            if record.slow is not True and record.refused > self.share * record.events:
                record.slow = True
                slower.add(hall)
            elif record.slow is not False and record.refused <= CALM * self.share * record.events:
                record.slow = False
                normal.add(hall)
        return Moves(frozenset(slower), frozenset(normal))


def _weight(letter: Letter) -> int:
    """In events: a large one costs as much as many."""
    return 1 + len(letter.refusal.body) // LARGE_BYTES


def is_stranger(letter: Letter) -> bool:
    """Whether the publisher is neither a hall's user nor one that may speak for all: only an operator makes such.

    A gateway hands on, under the hall whose token was shown, what that hall forged: no hall makes it a stranger.
    """
    if letter.refusal.reason is not Reason.SOURCE_MISMATCH or letter.routing_key.endswith(
        (f".{REFUSED}", f".{DENIED}")
    ):
        return False
    return bool(letter.user_id) and FOR not in letter.user_id and not is_hall(letter.user_id)


def _hall_of(letter: Letter) -> str:
    """By the routing key: the broker lets a hall use its own only."""
    return letter.routing_key.rpartition(".")[0]


def _line(user: str, halls: Counter[str]) -> str:
    return (
        f"refusal limit: the broker user {user!r} is no hall's and may not speak for others, yet sent"
        f" {halls.total()} events of {len(halls)} halls: {most_of(halls)}; a gateway that logs in under the wrong name?"
        " Nothing more is taken off the queues. See `hallpulse refused list`, mend the deployment, then"
        " `hallpulse refused resume`; if it is right to refuse them, start ingest with HALLPULSE_REFUSAL_LIMIT=off"
    )


def most_of(counts: Counter[str], most: int = 3) -> str:
    """The most frequent, for the one line that a person reads."""
    named = ", ".join(f"{name} {count}" for name, count in counts.most_common(most))
    return named + (", …" if len(counts) > most else "")
