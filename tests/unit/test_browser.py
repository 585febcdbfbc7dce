"""The tests' browser: each call has an end, whatever the browser does."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator

import pytest

from tests.browser import Page

Ends = tuple[Page, int, int]


@pytest.fixture
def ends() -> Iterator[Ends]:
    """A page, and the ends of its pipes at which a browser would read and write."""
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    yield Page(ours_out, ours_in, seconds=0.5), theirs_in, theirs_out
    for end in (theirs_in, ours_out, ours_in, theirs_out):
        os.close(end)


def test_a_call_that_is_never_answered_ends_at_its_deadline(ends: Ends) -> None:
    page, _, _ = ends
    with pytest.raises(TimeoutError, match=r"Page\.enable: the browser has not answered"):
        page.call("Page.enable")


def test_what_a_browser_says_of_other_things_prolongs_no_call(ends: Ends) -> None:
    page, _, theirs_out = ends
    os.write(theirs_out, b'{"method": "Log.entryAdded", "params": {}}\0{"id": ')
    with pytest.raises(TimeoutError):
        page.call("Page.enable")
    assert page.complaints == [{}]


def test_a_call_that_is_never_read_ends_at_its_deadline(ends: Ends) -> None:
    page, _, _ = ends
    with pytest.raises(TimeoutError):
        page.value("x" * (1 << 20))


def test_a_long_call_is_sent_whole(ends: Ends) -> None:
    page, theirs_in, theirs_out = ends
    read = bytearray()

    def browser() -> None:
        while b"\0" not in read:
            read.extend(os.read(theirs_in, 1 << 12))
        os.write(theirs_out, b'{"id": 1, "result": {"result": {"value": 5}}}\0')

    answering = threading.Thread(target=browser)
    answering.start()
    assert page.value("x" * (1 << 20)) == 5
    answering.join()
    assert json.loads(read[:-1])["params"]["expression"] == "x" * (1 << 20)
