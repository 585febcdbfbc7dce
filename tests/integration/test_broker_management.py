"""RabbitMQ's management API where it fails for a moment, which a real one cannot be made to do at will."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from hallpulse.broker.management import BrokerUsers
from hallpulse.domain.errors import Halt, Unavailable


@dataclass
class Management:
    """A local stand-in. answers: the statuses of the next requests, then 204; asked: what was asked."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def management() -> Iterator[Management]:
    state = Management()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_DELETE(self) -> None:
            state.asked.append(self.path)
            self.send_response(state.answers.pop(0) if state.answers else 204)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://guest:guest@127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield state
        server.shutdown()
        thread.join()


def test_connections_are_cut_although_the_broker_fails_while_one_ends_by_itself(management: Management) -> None:
    management.answers = [204, 500, 500]
    assert BrokerUsers(management.url).remove_county(222401)
    assert management.asked == ["/api/users/county.222401"] + ["/api/connections/username/county.222401"] * 3


def test_a_removal_that_was_broken_off_is_finished_by_the_next_one(management: Management) -> None:
    management.answers = [404]
    assert not BrokerUsers(management.url).remove(222424, "hall-1")
    assert management.asked[1:] == ["/api/connections/username/222424.hall-1"]


def test_a_broker_that_goes_on_failing_is_told_as_an_outage_and_one_that_forbids_is_not(
    management: Management,
) -> None:
    management.answers = [204, *[503] * 9]
    with pytest.raises(Unavailable, match="it answers 503 to DELETE connections"):
        BrokerUsers(management.url).remove(222424, "hall-1")
    management.answers = [403]
    with pytest.raises(Halt, match="it answers 403 to DELETE users"):
        BrokerUsers(management.url).remove(222424, "hall-1")
