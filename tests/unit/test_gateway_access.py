"""Tokens, rights and rates."""

from __future__ import annotations

import asyncio

import pytest

from hallpulse.domain.errors import Unavailable
from hallpulse.domain.figures import Scope
from hallpulse.store import Grant, hash_of
from services.gateway import access
from services.gateway.access import (
    BUREAU,
    FRESH_SECONDS,
    MOST_BUCKETS,
    MOST_UNKNOWN,
    PAUSE_SECONDS,
    STALE_SECONDS,
    Action,
    RateLimiter,
    TokenCache,
    actions,
    may_read,
)
from tests.gateway_ground import HALL, HALL_TOKEN, FakeClock, FakeStore

KEY = hash_of(HALL_TOKEN)


def admitted(door: TokenCache, token_hash: str = KEY) -> Grant | None:
    return asyncio.run(door.grant(token_hash))


def test_a_token_that_was_taken_away_is_refused_at_once() -> None:
    store, clock = FakeStore(), FakeClock()
    door = TokenCache(store.find, "", lambda: clock.seconds)
    assert admitted(door) == HALL
    del store.tokens[KEY]
    clock.seconds += FRESH_SECONDS
    assert admitted(door) is None


def test_many_requests_with_one_token_are_one_question() -> None:
    store, clock = FakeStore(), FakeClock()
    door = TokenCache(store.find, "", lambda: clock.seconds)

    async def all_at_once() -> list[Grant | None]:
        return await asyncio.gather(*(door.grant(KEY) for _ in range(10)))

    assert asyncio.run(all_at_once()) == [HALL] * 10
    assert [admitted(door) for _ in range(10)] == [HALL] * 10
    assert len(store.asked) == 1


def test_who_was_let_in_is_let_in_while_the_database_is_away() -> None:
    store, clock = FakeStore(), FakeClock()
    door = TokenCache(store.find, "", lambda: clock.seconds)
    assert admitted(door) == HALL
    store.fault = Unavailable("database: away")
    clock.seconds += 60
    assert admitted(door) == HALL
    with pytest.raises(Unavailable):
        admitted(door, hash_of("never seen"))
    clock.seconds += STALE_SECONDS
    with pytest.raises(Unavailable):
        admitted(door)


def test_a_database_that_is_away_is_not_asked_by_every_request() -> None:
    store, clock = FakeStore(), FakeClock()
    asked: list[str] = []

    def find(token_hash: str) -> Grant | None:
        asked.append(token_hash)
        return store.find(token_hash)

    door = TokenCache(find, "", lambda: clock.seconds)
    store.fault = Unavailable("database: away")
    for _ in range(5):
        with pytest.raises(Unavailable):
            admitted(door)
    assert len(asked) == 1
    store.fault = None
    clock.seconds += PAUSE_SECONDS
    assert admitted(door) == HALL


@pytest.mark.attack
def test_a_flood_of_unknown_tokens_keeps_no_known_one_waiting() -> None:
    store, clock = FakeStore(), FakeClock()

    async def flooded(door: TokenCache) -> tuple[Grant | None, list[Grant | BaseException | None]]:
        await door.grant(KEY)
        clock.seconds += 60
        strangers = [asyncio.ensure_future(door.grant(hash_of(str(number)))) for number in range(1000)]
        await asyncio.sleep(0)
        return await door.grant(KEY), await asyncio.gather(*strangers, return_exceptions=True)

    known, strangers = asyncio.run(flooded(TokenCache(store.find, "", lambda: clock.seconds)))
    assert known == HALL
    assert len(store.asked) == 1 + MOST_UNKNOWN + 1
    assert sum(isinstance(answer, Unavailable) for answer in strangers) == 1000 - MOST_UNKNOWN


@pytest.mark.attack
def test_a_flood_of_unknown_tokens_makes_no_known_one_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "MOST_REMEMBERED", 10)
    store, clock = FakeStore(), FakeClock()
    door = TokenCache(store.find, "", lambda: clock.seconds)
    assert admitted(door) == HALL
    assert [admitted(door, hash_of(str(number))) for number in range(50)] == [None] * 50
    store.fault = Unavailable("database: away")
    clock.seconds += 60
    assert admitted(door) == HALL


def test_the_token_that_reads_everything_needs_no_database() -> None:
    store = FakeStore(fault=Unavailable("database: away"))
    door = TokenCache(store.find, "reads", lambda: 0.0)
    assert admitted(door, hash_of("reads")) == BUREAU
    with pytest.raises(Unavailable):
        admitted(door, hash_of(""))


@pytest.mark.parametrize(
    ("grant", "scope", "may"),
    [
        (BUREAU, Scope(220000), True),
        (Grant("bureau", 222400), Scope(222424), True),
        (Grant("bureau", 222400), Scope(222400, "justice"), True),
        (Grant("bureau", 222400), Scope(220000), False),
        (Grant("bureau", 222400), Scope(222500), False),
        (Grant("department", 222424, department="justice"), Scope(222424, "justice"), True),
        (Grant("department", 222424, department="justice"), Scope(222424), False),
        (HALL, Scope(222424, None, "hall-1"), True),
        (HALL, Scope(222424), False),
        (Grant("someone"), Scope(222424), False),
    ],
)
def test_a_grant_reads_what_it_names(grant: Grant, scope: Scope, may: bool) -> None:
    assert may_read(grant, scope) is may


def test_only_halls_publish() -> None:
    assert Action.PUBLISH in actions(HALL)
    roles = ("bureau", "operator", "department", "hall", "leader")
    assert not any(Action.PUBLISH in actions(Grant(role, 222424)) for role in roles)


def test_a_rate_allows_twice_its_number_at_once_and_fills_up_again() -> None:
    limiter = RateLimiter(10)
    assert [limiter.wait("a", 0.0) == 0 for _ in range(21)] == [True] * 20 + [False]
    assert limiter.wait("a", 0.0) == pytest.approx(0.1)
    assert limiter.wait("b", 0.0) == 0
    assert limiter.wait("a", 0.11) == 0
    assert limiter.wait("a", 1000.0) == 0


def test_rates_remember_a_bounded_number_of_tokens() -> None:
    limiter = RateLimiter(1)
    for number in range(MOST_BUCKETS + 10):
        limiter.wait(str(number), 0.0)
    assert len(limiter) == MOST_BUCKETS


def test_a_rate_of_zero_is_none() -> None:
    assert [RateLimiter(0).wait("a", 0.0) for _ in range(3)] == [0, 0, 0]
