"""Answers that pages share: by those who were told of the same change, with the same reach, for some seconds."""

from __future__ import annotations

import asyncio
from typing import Any

from litestar.testing import TestClient

from services.gateway.app import create_app
from services.gateway.shared_answers import KeptAnswer, SharedAnswers
from tests.gateway_ground import COUNTY, DEPARTMENT_TOKEN, READ_TOKEN, FakeStore, make_resources


def look_of(client: TestClient[Any]) -> int:
    """The number of the change that pages were told of last."""
    headers = {"authorization": f"Bearer {READ_TOKEN}"}
    look: int = client.get("/v1/live", params={"region": COUNTY}, headers=headers).json()["look"]
    return look


def test_an_answer_is_shared_by_those_who_were_told_of_the_same_change_and_by_no_other_reach() -> None:
    store = FakeStore()
    with TestClient(create_app(make_resources(store))) as client:
        look = str(look_of(client))

        def read(token: str = READ_TOKEN, **headers: str) -> Any:
            shown = {"authorization": f"Bearer {token}", **headers}
            return client.get("/v1/indicators", params={"region": COUNTY}, headers=shown)

        def asked() -> int:
            return [one[0] for one in store.asked].count("overview")

        first, second = read(**{"x-look": look}), read(**{"x-look": look})
        assert (first.content, first.status_code, asked()) == (second.content, second.status_code, 1)
        assert first.headers["content-type"] == second.headers["content-type"]
        assert read().status_code == 200
        assert asked() == 2, "without the header it is answered afresh"
        assert read(**{"x-look": "77"}).status_code == 200
        assert asked() == 3, "nor because of another change"
        earlier = read(**{"x-look": str(int(look) - 1)})
        assert (earlier.content, asked()) == (first.content, 3), "what was made later is right for an earlier change"
        assert read(**{"x-look": "-1"}).status_code == read(**{"x-look": "1x"}).status_code == 200
        assert asked() == 5, "no number of a change"
        assert read(DEPARTMENT_TOKEN, **{"x-look": look}).status_code == 403
        assert read("nobodys", **{"x-look": look}).status_code == 401


def test_an_answer_is_shared_for_some_seconds_only_since_figures_follow_the_clock_too() -> None:
    store, now = FakeStore(), [100.0]
    resources = make_resources(store)
    resources.shared.clock = lambda: now[0]
    with TestClient(create_app(resources)) as client:
        headers = {"authorization": f"Bearer {READ_TOKEN}", "x-look": str(look_of(client))}
        asked = []
        for later in (0.0, 1.0, 600.0):
            now[0] = 100.0 + later
            assert client.get("/v1/indicators", params={"region": COUNTY}, headers=headers).status_code == 200
            asked.append([one[0] for one in store.asked].count("overview"))
    assert asked == [1, 1, 2]


def test_those_who_ask_while_an_answer_is_made_wait_for_it_and_make_their_own_if_it_fails() -> None:
    async def run() -> None:
        shared, key, answer = SharedAnswers(lambda: 1), (1, "/v1/targets"), KeptAnswer((), b"{}")
        assert await shared.find(key) is None, "the first one makes it"
        waiting = [asyncio.create_task(shared.find(key)) for _ in range(3)]
        await asyncio.sleep(0)
        assert not any(one.done() for one in waiting)
        shared.keep(key, answer)
        assert await asyncio.gather(*waiting) == [answer] * 3, "also when pages were told of another change meanwhile"
        assert await shared.find(key) is None
        waiting = [asyncio.create_task(shared.find(key)) for _ in range(2)]
        await asyncio.sleep(0)
        shared.release(key)
        assert await asyncio.gather(*waiting) == [None, None]

    asyncio.run(run())


def test_an_answer_that_fails_keeps_nobody_waiting() -> None:
    store = FakeStore()
    resources = make_resources(store)
    with TestClient(create_app(resources)) as client:
        headers = {"authorization": f"Bearer {READ_TOKEN}", "x-look": str(look_of(client))}
        for _ in range(2):
            wrong = client.get("/v1/indicators", params={"region": COUNTY, "from": "1890-01-01"}, headers=headers)
            assert wrong.status_code == 422
        assert resources.shared._made == {}
        assert client.get("/v1/indicators", params={"region": COUNTY}, headers=headers).status_code == 200
