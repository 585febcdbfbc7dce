"""`python -m services.ingest.merger FD`: a process of `mergers`, until its pipe ends."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection

import msgspec

from hallpulse.broker import Letter
from hallpulse.companion import connection_of
from hallpulse.domain.errors import Halt, Unavailable
from hallpulse.store import open_store

from .faults import own_fault
from .mergers import GO, READY
from .merging import Merging
from .work import Failed, Merged, Place, Weighed, Work

NICE = 5
"""People who ask wait for an answer; a backlog only takes a little longer."""
_encode = msgspec.msgpack.Encoder().encode
_place = msgspec.msgpack.Decoder(Place).decode
_work = msgspec.msgpack.Decoder(Work).decode


class _Dropped(Exception):
    """The other side does not want this batch merged."""


def serve(pipe: Connection) -> None:
    place = _place(pipe.recv_bytes())
    os.nice(NICE)
    store = open_store(place.database_url, pool_size=1, service="ingest")
    merging = Merging(store, place.gateway_users)
    gc.freeze()  # what is loaded by now stays: collections need not look at it again
    gc.set_threshold(100_000, 20, 100)  # a batch is some ten thousand objects that no cycle holds: look seldom
    pipe.send_bytes(READY)
    while True:
        if (answer := _answer(merging, pipe)) is not None:
            pipe.send_bytes(_encode(answer))


def _answer(merging: Merging, pipe: Connection) -> Merged | Failed | None:
    def weigh(taken: Mapping[str, int], letters: Sequence[Letter]) -> None:
        pipe.send_bytes(_encode(Weighed(taken, letters)))
        if pipe.recv_bytes() != GO:
            raise _Dropped

    work = _work(pipe.recv_bytes())
    try:
        return merging.do(work, weigh)
    except _Dropped:
        return None
    except Unavailable as error:
        return Failed(True, str(error))
    except Halt as error:
        return Failed(False, str(error))
    except (EOFError, ConnectionError):
        raise
    except Exception as error:
        return Failed(False, own_fault(error))


if __name__ == "__main__":
    with suppress(EOFError, ConnectionError):  # whoever asked has ended
        serve(connection_of(sys.argv))
