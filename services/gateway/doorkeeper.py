"""Who stands at the door: bearer tokens, looked up by their hash, remembered for when the database is away."""

from __future__ import annotations

import asyncio
import hmac
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

from hallpulse.domain.errors import Unavailable
from hallpulse.store import Grant, hash_of

from .rights import BUREAU

FRESH_SECONDS = 0.25
"""A token taken away is refused this soon; under load it saves the database most questions."""
STALE_SECONDS = 600.0
"""With the database away, who was let in before is let in: events go to the broker, not to the database."""
PAUSE_SECONDS = 2.0
MOST_REMEMBERED = 10_000
MOST_STRANGERS = 64
"""Unknown tokens asked about at once. A flood of them keeps known ones neither waiting nor from being remembered."""


@dataclass(frozen=True, slots=True)
class Seen:
    grant: Grant | None
    at: float


class Doorkeeper:
    """Finds what a token opens. find: by the token's SHA-256 in hex; clock: monotonic seconds."""

    def __init__(
        self,
        find: Callable[[str], Grant | None],
        read_token: str,
        clock: Callable[[], float],
        threads: Executor | None = None,
    ) -> None:
        self._find = find
        self._read_token_hash = hash_of(read_token) if read_token else ""
        self._clock = clock
        self._threads = threads
        self._known: OrderedDict[str, Seen] = OrderedDict()
        self._unknown: OrderedDict[str, Seen] = OrderedDict()
        self._strangers = 0
        self._asking: dict[str, asyncio.Future[Grant | None]] = {}
        self._ask_again_at = 0.0

    async def grant(self, token_hash: str) -> Grant | None:
        """What the token opens, None where nobody was given it. Raises Unavailable where that cannot be known now."""
        if self._read_token_hash and hmac.compare_digest(token_hash, self._read_token_hash):
            return BUREAU
        now = self._clock()
        seen = self._known.get(token_hash) or self._unknown.get(token_hash)
        if seen is not None and now - seen.at < FRESH_SECONDS:
            return seen.grant
        if now < self._ask_again_at:
            return self._remembered(seen, now)
        asking = self._asking.get(token_hash)
        if asking is None:
            asking = self._asking[token_hash] = asyncio.ensure_future(self._admit(token_hash, seen, now))
            asking.add_done_callback(lambda _: self._asking.pop(token_hash, None))
        return await asyncio.shield(asking)

    async def _admit(self, token_hash: str, seen: Seen | None, now: float) -> Grant | None:
        if seen is not None and seen.grant is not None:
            return await self._ask(token_hash, seen, now)
        if self._strangers >= MOST_STRANGERS:
            raise Unavailable("too many unknown tokens are being looked up")
        self._strangers += 1
        try:
            return await self._ask(token_hash, seen, now)
        finally:
            self._strangers -= 1

    async def _ask(self, token_hash: str, seen: Seen | None, now: float) -> Grant | None:
        """One question, however many requests wait for its answer."""
        try:
            grant = await asyncio.get_running_loop().run_in_executor(self._threads, self._find, token_hash)
        except Unavailable:
            self._ask_again_at = now + PAUSE_SECONDS
            return self._remembered(seen, now)
        self._remember(token_hash, Seen(grant, now))
        return grant

    def _remembered(self, seen: Seen | None, now: float) -> Grant | None:
        if seen is None or seen.grant is None or now - seen.at > STALE_SECONDS:
            raise Unavailable("the database is away, so that this token cannot be checked")
        return seen.grant

    def _remember(self, token_hash: str, seen: Seen) -> None:
        kept, other = (self._known, self._unknown) if seen.grant is not None else (self._unknown, self._known)
        other.pop(token_hash, None)
        kept[token_hash] = seen
        kept.move_to_end(token_hash)
        if len(kept) > MOST_REMEMBERED:
            kept.popitem(last=False)
