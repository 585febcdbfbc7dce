"""When so much is refused, from so many halls, that the fault is most likely ours: ingest then stops for a person.

A bad deployment must not empty the queues into the refused one. What one hall sends never stops the others: besides
the share of events, more than half of the halls, and at least two, must be in trouble
(docs/decisions/0003-refusal-limit.md). Pure: what has been seen is all it knows.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from hallpulse.domain.errors import Halt

from .refused import Letter

MOST_NAMED = 3
"""So many reasons and halls are named in the one line that a person reads."""


class RefusalsOverLimit(Halt):
    """Nothing of the batch was refused or acknowledged; a person must look before ingest goes on."""


class Tally(NamedTuple):
    """What a batch holds: how many events by hall were taken, and each refused one as digest → (hall, reason).

    A hall is REGION.HALL, of whoever published: the broker lets a hall use its own routing keys only.
    """

    taken: Mapping[str, int]
    refused: Mapping[int, tuple[str, str]]

    @property
    def size(self) -> int:
        return sum(self.taken.values()) + len(self.refused)


_NOTHING = Tally({}, {})


@dataclass(slots=True)
class RefusalLimit:
    """Looks at the last `window` events (whole batches). share: above it ingest stops; 0: never.

    What was refused already within the window and comes again, byte for byte, is not counted again: a hall or a replay
    that sends the same refused events over and over says nothing new.
    """

    share: float
    window: int
    _batches: deque[Tally] = field(default_factory=deque)
    _size: int = 0
    _known: set[int] = field(default_factory=set)

    def weigh(self, taken: Mapping[str, int], letters: Sequence[Letter]) -> Tally:
        """Before anything is done with a batch. Raises RefusalsOverLimit where it brings refusals over the limit.

        taken: REGION.HALL → its events that are not refused.
        """
        if not self.share:
            return _NOTHING
        tally = Tally(taken, self._new(letters))
        self._check(tally)
        return tally

    def note(self, tally: Tally, letters: Sequence[Letter] = ()) -> None:
        """The batch is stored. letters: what of it was refused after all. Raises RefusalsOverLimit as `weigh` does."""
        if letters and self.share:
            late = self._new(letters)
            moved = Counter(hall for hall, _ in late.values())
            tally = Tally(Counter(tally.taken) - moved, {**tally.refused, **late})
            self._check(tally)
        if not tally.size:
            return
        self._batches.append(tally)
        self._size += tally.size
        self._known.update(tally.refused)
        self._forget()

    def _new(self, letters: Sequence[Letter]) -> dict[int, tuple[str, str]]:
        found = {}
        for letter in letters:
            hall = letter.routing_key.rpartition(".")[0]
            digest = hash((hall, letter.refusal.body))
            if digest not in self._known:
                found[digest] = (hall, str(letter.refusal.reason))
        return found

    def _forget(self) -> None:
        """All but the newest batches that make up the window."""
        while self._size - self._batches[0].size >= self.window:
            oldest = self._batches.popleft()
            self._size -= oldest.size
            self._known.difference_update(oldest.refused)

    def _check(self, newest: Tally) -> None:
        if newest.refused:
            seen = _Seen.of(self._last(newest))
            if seen.events >= self.window and seen.are_over(self.share):
                raise RefusalsOverLimit(seen.line(self.share))

    def _last(self, newest: Tally) -> Iterator[Tally]:
        size = newest.size
        yield newest
        for batch in reversed(self._batches):
            if size >= self.window:
                return
            size += batch.size
            yield batch


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the window holds: events by hall, those of them refused, and why."""

    of_hall: Counter[str]
    refused: Counter[str]
    reasons: Counter[str]

    @classmethod
    def of(cls, batches: Iterable[Tally]) -> _Seen:
        seen = cls(Counter(), Counter(), Counter())
        for batch in batches:
            seen.of_hall.update(batch.taken)
            for hall, reason in batch.refused.values():
                seen.of_hall[hall] += 1
                seen.refused[hall] += 1
                seen.reasons[reason] += 1
        return seen

    @property
    def events(self) -> int:
        return self.of_hall.total()

    def in_trouble(self, share: float) -> int:
        return sum(1 for hall, count in self.refused.items() if count > share * self.of_hall[hall])

    def are_over(self, share: float) -> bool:
        troubled = self.in_trouble(share)
        return self.refused.total() > share * self.events and troubled >= 2 and troubled * 2 > len(self.of_hall)

    def line(self, share: float) -> str:
        return (
            f"refusal limit: {self.refused.total()} of the last {self.events} events would be refused"
            f" (limit {share:.0%}), in {self.in_trouble(share)} of {len(self.of_hall)} halls;"
            f" reasons: {_most(self.reasons)}; halls: {_most(self.refused)}; nothing more is taken off the queues."
            " See `hallpulse refused list`, mend the deployment, then `hallpulse refused resume`;"
            " if it is right to refuse them, start ingest with HALLPULSE_REFUSAL_LIMIT=off"
        )


def _most(counts: Counter[str]) -> str:
    named = ", ".join(f"{name} {count}" for name, count in counts.most_common(MOST_NAMED))
    return named + (", …" if len(counts) > MOST_NAMED else "")
